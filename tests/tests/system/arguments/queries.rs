//! Typed queries: the fields of the type are keyed.

use std::collections::HashMap;

use actix_web::test::init_service;
use actix_web::web::Query;
use actix_web::{App, get};
use cached_response::cached_response;
use cached_response::testing::isolated;
use serde::Deserialize;

use super::{Page, map};
use crate::ask::{get as ask_for, run};

#[get("/typed")]
#[cached_response(query = typed)]
async fn typed(query: Query<Page>) -> String {
    format!("{} {} {}", run(), query.page, query.order)
}

#[actix_web::test]
async fn a_typed_query_keys_the_fields_it_reads_under_all_their_names() {
    let cache = isolated();
    let app = init_service(App::new().service(typed)).await;
    for (target, body) in [
        ("/typed?page=1", "1 1 "),
        ("/typed?page=1&junk=2", "1 1 "),
        ("/typed?x&page=1&y=", "1 1 "),
        ("/typed?p=2", "2 2 "),
        ("/typed?p=3", "3 3 "),
        ("/typed?order-by=a&p=2", "4 2 a"),
        ("/typed?p=2&order-by=a&order=b", "4 2 a"),
        ("/typed", "5 0 "),
        ("/typed?junk=7", "5 0 "),
        ("/typed?page=1&nocache=1", "6 1 "),
        ("/typed?page=1", "6 1 "),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
    for n in 0..100 {
        ask_for(&app, &format!("/typed?junk={n}")).await;
    }
    assert_eq!(cache.cache().stats().entries, 5);
}

#[derive(Deserialize)]
struct Flat {
    #[serde(flatten)]
    all: HashMap<String, String>,
}

#[get("/flat")]
#[cached_response(query = typed)]
async fn flat(query: Query<Flat>) -> String {
    format!("{} {:?}", run(), query.all.get("a"))
}

#[actix_web::test]
async fn a_query_of_unknown_shape_keys_every_pair() {
    let _cache = isolated();
    let app = init_service(App::new().service(flat).service(map)).await;
    for target in ["/flat", "/map"] {
        let first = ask_for(&app, &format!("{target}?a=1")).await;
        let second = ask_for(&app, &format!("{target}?a=2")).await;
        assert!(first.body.ends_with("Some(\"1\")") && second.body.ends_with("Some(\"2\")"));
        assert!(!ask_for(&app, &format!("{target}?a=1&b=1")).await.is_hit());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    page: Option<u32>,
}

#[get("/strict")]
#[cached_response(query = typed)]
async fn strict(query: Option<Query<Strict>>) -> String {
    format!("{:?}", query.map(|query| query.page))
}

#[get("/strict-flag")]
#[cached_response]
async fn strict_flag(query: Option<Query<Strict>>) -> String {
    format!("{:?}", query.map(|query| query.page))
}

#[actix_web::test]
async fn a_query_that_rejects_unknown_fields_is_keyed_by_every_pair() {
    let _cache = isolated();
    let app = init_service(App::new().service(strict).service(strict_flag)).await;
    for target in ["/strict", "/strict-flag"] {
        // The nocache flag is hidden.
        for (junk, page) in [
            ("junk=1", "None"),
            ("junk=1&nocache=1", "None"),
            ("nocache=1", "Some(Some(1))"),
        ] {
            let evil = ask_for(&app, &format!("{target}?page=1&{junk}")).await;
            assert_eq!(evil.body, page, "{target} {junk}");
            let victim = ask_for(&app, &format!("{target}?page=1")).await;
            assert_eq!(victim.body, "Some(Some(1))", "{target} {junk}");
        }
    }
}
