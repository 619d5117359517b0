//! Queries: their order, and the names that count.

use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::cached_response;
use cached_response::testing::isolated;

use super::any_page;
use crate::ask::{get as ask_for, run};

/// Only the order of differently named pairs may not matter.
#[actix_web::test]
async fn only_the_order_of_differently_named_pairs_does_not_matter() {
    for (one, other, entries) in [
        ("/?a=1&b=2", "/?b=2&a=1", 1),
        ("/?a=1&a=2", "/?a=2&a=1", 2),
        ("/?a=1;b=2", "/?a=1&b=2", 2),
        ("/?%61=1&b=2", "/?b=2&%61=1", 1),
        ("/?a=1&b=2&a=3", "/?b=2&a=1&a=3", 1),
        ("/?a=1&b=2&a=3", "/?b=2&a=3&a=1", 2),
    ] {
        let cache = isolated();
        let app = init_service(App::new().service(any_page)).await;
        for target in [one, other] {
            ask_for(&app, target).await;
        }
        assert_eq!(cache.cache().stats().entries, entries, "{one} {other}");
    }
}

#[get("/exact")]
#[cached_response(query = exact)]
async fn exact() -> String {
    run().to_string()
}

#[actix_web::test]
async fn an_exact_query_is_kept_byte_for_byte() {
    let _cache = isolated();
    let app = init_service(App::new().service(exact)).await;
    assert_eq!(ask_for(&app, "/exact?a=1&b=2").await.body, "1");
    assert_eq!(ask_for(&app, "/exact?b=2&a=1").await.body, "2");
    assert_eq!(ask_for(&app, "/exact?a=1&b=2").await.body, "1");
}

#[get("/narrow")]
#[cached_response(query(page, sort))]
async fn narrow() -> String {
    run().to_string()
}

#[get("/ignoring")]
#[cached_response(ignore_query("utm_*", "fbclid"))]
async fn ignoring(query: web::Query<Vec<(String, String)>>) -> String {
    drop(query);
    run().to_string()
}

#[actix_web::test]
async fn a_narrowed_query_keys_the_names_it_lists() {
    let _cache = isolated();
    let app = init_service(App::new().service(narrow)).await;
    for target in [
        "/narrow?page=1",
        "/narrow?page=1&junk=2",
        "/narrow?junk&page=1",
        "/narrow?p%61ge=1",
    ] {
        let expected = if target.contains('%') { "2" } else { "1" };
        assert_eq!(ask_for(&app, target).await.body, expected, "{target}");
    }
    assert_eq!(ask_for(&app, "/narrow?page=1&sort=a").await.body, "3");
    assert_eq!(ask_for(&app, "/narrow").await.body, "4");
    assert_eq!(ask_for(&app, "/narrow?junk=1").await.body, "4");
}

#[actix_web::test]
async fn ignored_names_are_ignored_however_they_are_spelt() {
    let _cache = isolated();
    let app = init_service(App::new().service(ignoring)).await;
    for target in [
        "/ignoring?a=1",
        "/ignoring?a=1&utm_source=x",
        "/ignoring?utm%5Fmedium=x&a=1",
        "/ignoring?a=1&fbclid=7",
    ] {
        assert_eq!(ask_for(&app, target).await.body, "1", "{target}");
    }
    assert_eq!(ask_for(&app, "/ignoring?a=1&utm=x").await.body, "2");
    assert_eq!(ask_for(&app, "/ignoring?a=1&fbclid_=7").await.body, "3");
}
