//! Ways around the rules that somebody may try, or take by mistake.

use actix_web::test::init_service;
use actix_web::{App, get};
use cached_response::cached_response;
use cached_response::testing::isolated;

use crate::ask::{get_with, run};

#[get("/plain")]
#[cached_response]
async fn plain() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_request_with_authorization_lets_nobody_run_side_by_side() {
    let cache = isolated();
    let app = init_service(App::new().service(plain)).await;
    let token = ("authorization", "Bearer alice");
    let answer = get_with(&app, "/plain", token).await;
    assert_eq!(answer.detail().unwrap(), "authorization");
    assert_eq!(cache.cache().stats().markers, 0);
}
