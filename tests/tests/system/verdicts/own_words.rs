//! What routes and handlers say themselves.

use std::time::Duration;

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{
    Bypass, CacheHandle, ResponseCache, ResponseView, Skip, cached_response, disable_cache,
    set_cache_timeout,
};

use crate::ask::{Answer, get as ask_for, run};

fn has_no_holes(response: &ResponseView<'_>) -> bool {
    response.status() == 200
        && !response.headers().contains_key("x-partial")
        && !response.body().is_empty()
}

#[get("/partial/{partial}")]
#[cached_response(store_if = has_no_holes)]
async fn maybe_partial(partial: web::Path<bool>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if *partial {
        response.insert_header(("x-partial", "1"));
    }
    response.body(run().to_string())
}

#[get("/unless/{draft}")]
#[cached_response(unless = **draft)]
async fn unless_draft(draft: web::Path<bool>) -> String {
    format!("{draft} {}", run())
}

#[actix_web::test]
async fn the_rules_of_a_route_for_storing_and_bypassing_hold() {
    let cache = isolated();
    let app = init_service(App::new().service(maybe_partial).service(unless_draft)).await;
    for (target, detail) in [
        ("/partial/true", Some("store-if")),
        ("/partial/false", None),
        ("/unless/true", Some("unless")),
        ("/unless/false", None),
    ] {
        let first = ask_for(&app, target).await;
        assert_eq!(first.detail().as_deref(), detail, "{target}");
        assert_eq!(
            ask_for(&app, target).await.is_hit(),
            detail.is_none(),
            "{target}"
        );
    }
    let stats = cache.cache().stats();
    assert_eq!(
        (stats.bypassed(Bypass::Unless), stats.skipped(Skip::StoreIf)),
        (2, 2)
    );
}

#[get("/steered/{how}")]
#[cached_response(timeout = 60)]
async fn steered(how: web::Path<String>, cache: CacheHandle) -> String {
    match how.as_str() {
        "disabled" => disable_cache(),
        "by-handle" => web::block(move || cache.disable_cache()).await.unwrap(),
        "zero" => set_cache_timeout(0),
        "short" => set_cache_timeout(5),
        _ => {}
    }
    run().to_string()
}

#[actix_web::test]
async fn the_calls_of_a_handler_about_its_response_hold() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(steered)).await;
    let detail = |answer: Answer| answer.detail();
    assert_eq!(
        detail(ask_for(&app, "/steered/disabled").await).unwrap(),
        "disabled"
    );
    assert_eq!(
        detail(ask_for(&app, "/steered/by-handle").await).unwrap(),
        "disabled"
    );
    assert_eq!(
        detail(ask_for(&app, "/steered/zero").await).unwrap(),
        "timeout"
    );
    ask_for(&app, "/steered/short").await;
    ask_for(&app, "/steered/not").await;
    clock.advance(Duration::from_secs(5));
    assert!(!ask_for(&app, "/steered/short").await.is_hit());
    assert!(ask_for(&app, "/steered/not").await.is_hit());
    assert!(!ask_for(&app, "/steered/disabled").await.is_hit());
}
