//! Eager and lazy extraction.

use actix_web::test::init_service;
use actix_web::{App, get};
use cached_response::cached_response;
use cached_response::testing::isolated;

use super::Costly;
use crate::ask::{get as ask_for, run};

#[get("/eager")]
#[cached_response(unkeyed(costly))]
async fn eager(costly: Costly) -> String {
    costly.0.to_string()
}

#[get("/lazy")]
#[cached_response(lazy(costly), unkeyed(costly))]
async fn late(costly: Costly) -> String {
    costly.0.to_string()
}

#[actix_web::test]
async fn a_hit_extracts_all_arguments_but_the_lazy_ones() {
    let _cache = isolated();
    let app = init_service(App::new().service(eager).service(late)).await;
    for _ in 0..3 {
        assert_eq!(ask_for(&app, "/lazy").await.body, "1");
    }
    for _ in 0..3 {
        assert_eq!(ask_for(&app, "/eager").await.body, "2");
    }
    assert_eq!(run(), 5);
}
