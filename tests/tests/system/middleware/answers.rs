//! The responses of the middleware.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, HttpRequest, HttpResponse, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{CacheResponses, Policy, ResponseCache, Skip};

use super::minute;
use crate::ask::{get as ask_for, get_with, run};

/// Fields of one connection are not replayed.
#[actix_web::test]
async fn fields_of_one_connection_or_request_are_not_replayed() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let hops = async || {
        HttpResponse::Ok()
            .append_header(("connection", "x-foo, keep-alive"))
            .append_header(("x-foo", "1"))
            .append_header(("keep-alive", "timeout=5"))
            .append_header(("x-request-id", "7"))
            .append_header(("x-kept", "a"))
            .append_header(("x-kept", "b"))
            .body("page")
    };
    let app = App::new().wrap(minute()).default_service(web::to(hops));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.header("x-foo").unwrap(), "1");
    clock.advance(Duration::from_millis(2500));
    let hit = ask_for(&app, "/").await;
    for name in ["connection", "x-foo", "keep-alive", "x-request-id"] {
        assert_eq!(hit.header(name), None, "{name}");
    }
    assert_eq!(hit.header("x-kept").unwrap(), "a, b");
    assert_eq!(hit.header("age").unwrap(), "2");
}

/// No field is added that downstream caches would act on.
#[actix_web::test]
async fn no_field_for_downstream_caches_is_added() {
    let _cache = isolated();
    let app = App::new()
        .wrap(minute())
        .default_service(web::to(async || "page"));
    let app = init_service(app).await;
    for _ in 0..2 {
        let answer = ask_for(&app, "/").await;
        assert_eq!(answer.header("cache-control"), None);
        assert_eq!(answer.header("vary"), None);
        let etag = answer.header("etag").unwrap();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    }
}

/// A response that sets a cookie is never stored.
#[actix_web::test]
async fn a_response_that_is_never_stored_is_not_stored_by_the_middleware() {
    let cache = isolated();
    let said = async |path: web::Path<(String, String)>| {
        let (name, value) = path.into_inner();
        HttpResponse::Ok()
            .insert_header((name, value))
            .body(run().to_string())
    };
    let app = App::new()
        .wrap(minute())
        .route("/{name}/{value}", web::get().to(said));
    let app = init_service(app).await;
    for (target, skip) in [
        ("/set-cookie/a=1", Skip::SetCookie),
        ("/cache-control/private", Skip::Private),
        ("/cache-control/no-store", Skip::NoStore),
        ("/vary/*", Skip::Vary),
        ("/content-type/text%2Fevent-stream", Skip::Endless),
        (
            "/access-control-allow-origin/https:%2F%2Fa.example",
            Skip::Origin,
        ),
    ] {
        let origin = ("origin", "https://a.example");
        for _ in 0..2 {
            let answer = get_with(&app, target, origin).await;
            assert_eq!(answer.detail().unwrap(), skip.as_str(), "{target}");
        }
    }
    assert_eq!(cache.cache().stats().entries, 0);
}

/// Evaluates preconditions and ranges, as a file server does, and allows storing every response.
async fn file(request: HttpRequest) -> HttpResponse {
    let mut answer = if request.headers().contains_key("if-match") {
        HttpResponse::PreconditionFailed()
    } else if request.headers().contains_key("range") {
        HttpResponse::RangeNotSatisfiable()
    } else {
        HttpResponse::Ok()
    };
    let kept = ("cache-control", "public, max-age=60");
    answer.insert_header(kept).body(run().to_string())
}

#[actix_web::test]
async fn a_response_to_a_precondition_or_a_range_is_not_shared() {
    let cache = isolated();
    let app = App::new()
        .wrap(CacheResponses::new(Policy::from_response()))
        .default_service(web::to(file));
    let app = init_service(app).await;
    for (target, field, status) in [
        ("/a", ("if-match", "\"none\""), 412),
        ("/b", ("range", "bytes=999-"), 416),
    ] {
        assert_eq!(get_with(&app, target, field).await.status, status);
        assert_eq!(ask_for(&app, target).await.status, 200, "{target}");
    }
    assert_eq!(cache.cache().stats().skipped(Skip::Status), 2);
}

#[actix_web::test]
async fn a_range_that_is_evaluated_inside_is_not_applied_again() {
    let _cache = isolated();
    for (name, value) in [("if-none-match", "*"), ("range", "bytes=0-0")] {
        let asking = from_fn(
            async move |mut request: ServiceRequest, next: Next<BoxBody>| {
                let (name, value) = (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
                request.headers_mut().insert(name, value);
                next.call(request).await
            },
        );
        let app = App::new()
            .wrap(asking)
            .wrap(minute())
            .default_service(web::to(async || "page"));
        let app = init_service(app).await;
        let live = ask_for(&app, &format!("/{name}")).await;
        assert_eq!((live.status, live.body.as_str()), (200, "page"), "{name}");
    }
}
