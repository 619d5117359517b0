//! Arguments composed of others.

use actix_web::test::init_service;
use actix_web::web::{self, Query};
use actix_web::{App, get};
use cached_response::cached_response;
use cached_response::testing::isolated;

use super::Page;
use crate::ask::{get as ask_for, run};

#[get("/parts/{id}")]
#[cached_response]
async fn parts(
    (id, Query(page)): (web::Path<u32>, Query<Page>),
    method: Option<actix_web::http::Method>,
) -> String {
    format!("{} {id} {} {}", run(), page.page, method.is_some())
}

#[actix_web::test]
async fn tuples_and_options_are_covered_where_their_parts_are() {
    let _cache = isolated();
    let app = init_service(App::new().service(parts)).await;
    for (target, body) in [
        ("/parts/1?page=1", "1 1 1 true"),
        ("/parts/2?page=1", "2 2 1 true"),
        ("/parts/1?page=2", "3 1 2 true"),
        ("/parts/1?page=1", "1 1 1 true"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body);
    }
}
