//! Options of a policy that work without the arguments of a handler, and those that do not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, web};
use cached_response::testing::isolated;
use cached_response::{CacheResponses, Policy, ResponseCache};

use super::page;
use crate::ask::{get as ask_for, run};

/// Returns the panic message of a middleware under `policy`.
fn refused(policy: Policy) -> String {
    let said = catch_unwind(AssertUnwindSafe(|| CacheResponses::new(policy))).unwrap_err();
    said.downcast_ref::<&str>()
        .map(ToString::to_string)
        .unwrap()
}

#[test]
fn a_policy_that_needs_a_handler_panics_when_the_middleware_is_built() {
    for (policy, words) in [
        (
            Policy::new(60).methods(["POST"]),
            "#[cached_response(methods(POST), body)]",
        ),
        (
            Policy::new(60).methods(["GET", "POST"]),
            "leave `methods` out",
        ),
        (Policy::new(60).query_typed(), "query([\"page\", \"sort\"])"),
    ] {
        let said = refused(policy);
        assert!(said.contains(words), "{said}");
    }
    let _ = CacheResponses::new(Policy::new(60).methods(["GET", "HEAD"]));
}

#[actix_web::test]
async fn the_query_option_of_the_policy_selects_fields() {
    let _cache = isolated();
    let policy = Policy::new(60).query(["page"]);
    let app = App::new()
        .wrap(CacheResponses::new(policy))
        .default_service(web::to(page));
    let app = init_service(app).await;
    let first = ask_for(&app, "/?page=1&utm=a").await;
    assert_eq!(ask_for(&app, "/?page=1&utm=b").await.body, first.body);
    assert_ne!(ask_for(&app, "/?page=2").await.body, first.body);
}

#[actix_web::test]
async fn the_policy_selects_the_stored_statuses() {
    let _cache = isolated();
    let missing = async || HttpResponse::NotFound().body(run().to_string());
    let policy = Policy::new(60).status_for(404, 10);
    let app = App::new()
        .wrap(CacheResponses::new(policy))
        .default_service(web::to(missing));
    let app = init_service(app).await;
    ask_for(&app, "/").await;
    let stored = ask_for(&app, "/").await;
    assert_eq!(
        (stored.status, stored.said().parameter("ttl")),
        (404, 9.into())
    );
}

#[actix_web::test]
async fn the_middleware_may_have_a_cache_of_its_own() {
    let shared = isolated();
    let own = ResponseCache::builder().build();
    let wrap = CacheResponses::new(Policy::new(60)).cache(own.clone());
    let app = App::new().wrap(wrap).default_service(web::to(page));
    let app = init_service(app).await;
    ask_for(&app, "/").await;
    assert_eq!(
        (own.stats().entries, shared.cache().stats().entries),
        (1, 0)
    );
}

#[actix_web::test]
async fn explain_describes_the_middleware() {
    let cache = isolated();
    let app = App::new()
        .wrap(CacheResponses::new(Policy::new(60)))
        .route("/a", web::get().to(page));
    let app = init_service(app).await;
    let request = actix_web::test::TestRequest::with_uri("/a").to_request();
    let response = actix_web::test::call_service(&app, request).await;
    let explained = cache.cache().explain(response.request());
    assert_eq!(explained.len(), 1);
    assert!(
        explained[0].handler.starts_with("CacheResponses at tests/"),
        "{explained:?}"
    );
    assert!(matches!(
        explained[0].outcome,
        cached_response::Outcome::Hit(_)
    ));
}
