//! The nocache flag: the requests that may use it, and storing the refreshed response.

use actix_web::http::Uri;
use actix_web::test::init_service;
use actix_web::{App, HttpRequest, get};
use cached_response::testing::isolated;
use cached_response::{Bypass, cached_response};

use super::map;
use crate::ask::{get as ask_for, get_with, run};

#[get("/uri")]
#[cached_response]
async fn whole_uri(uri: Uri) -> String {
    format!("{} {uri}", run())
}

#[get("/plain")]
#[cached_response(query = all)]
async fn plain() -> String {
    run().to_string()
}

#[get("/off")]
#[cached_response(nocache = off, query = all)]
async fn without_flag() -> String {
    run().to_string()
}

#[get("/other")]
#[cached_response(nocache = "live", query = all)]
async fn other_flag() -> String {
    run().to_string()
}

fn is_staff(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-staff")
}

#[get("/staff")]
#[cached_response(nocache(name = "live", only_if = is_staff))]
async fn for_staff() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_forced_refresh_replaces_the_stored_response_where_the_flag_is_hidden() {
    let cache = isolated();
    let app = init_service(App::new().service(plain).service(other_flag)).await;
    for (target, body) in [
        ("/plain", "1"),
        ("/plain?nocache=1", "2"),
        ("/plain", "2"),
        ("/plain?nocache=0", "3"),
        ("/plain?nocache=1&a=1", "4"),
        ("/plain?a=1", "4"),
        ("/other", "5"),
        ("/other?nocache=1", "6"),
        ("/other?nocache=1", "6"),
        ("/other?live=1", "7"),
        ("/other", "7"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
    assert_eq!(cache.cache().stats().forced_refreshes, 3);
}

#[actix_web::test]
async fn a_visible_flag_bypasses_and_stores_nothing() {
    let cache = isolated();
    let app = init_service(App::new().service(map).service(whole_uri)).await;
    for target in ["/map", "/uri"] {
        let before = ask_for(&app, target).await;
        let flagged = ask_for(&app, &format!("{target}?nocache=1")).await;
        assert_eq!(flagged.detail().unwrap(), "nocache", "{target}");
        assert_eq!(ask_for(&app, target).await.body, before.body);
    }
    let stats = cache.cache().stats();
    assert_eq!((stats.entries, stats.bypassed(Bypass::Nocache)), (2, 2));
}

#[actix_web::test]
async fn the_flag_works_only_for_requests_that_the_route_allows() {
    let _cache = isolated();
    let app = init_service(App::new().service(without_flag).service(for_staff)).await;
    assert_eq!(ask_for(&app, "/off").await.body, "1");
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/off?nocache=1").await.body, "2");
    }
    assert_eq!(ask_for(&app, "/staff").await.body, "3");
    assert_eq!(ask_for(&app, "/staff?live=1").await.body, "3");
    assert_eq!(
        get_with(&app, "/staff?live=1", ("x-staff", "1")).await.body,
        "4"
    );
    assert_eq!(ask_for(&app, "/staff").await.body, "4");
}
