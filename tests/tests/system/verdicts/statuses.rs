//! Statuses, and errors whatever their status.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, HttpResponseBuilder, ResponseError, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, cached_response};

use crate::ask::{ask, get as ask_for, run};

#[get("/status/{status}")]
#[cached_response]
async fn with_status(status: web::Path<u16>) -> HttpResponse {
    let status = StatusCode::from_u16(*status).unwrap();
    HttpResponseBuilder::new(status)
        .insert_header(("cache-control", "public, max-age=60"))
        .body(run().to_string())
}

/// Bar row 22.
#[actix_web::test]
async fn of_all_statuses_only_200_is_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(with_status)).await;
    for status in 100..=599 {
        let target = format!("/status/{status}");
        let request = || TestRequest::with_uri(&target).append_header(("cache-control", "public"));
        let first = ask(&app, request()).await;
        assert_eq!(first.status, status);
        assert_eq!(
            ask(&app, request()).await.is_hit(),
            status == 200,
            "{status}"
        );
    }
    let stats = cache.cache().stats();
    assert_eq!((stats.entries, stats.stored), (1, 1));
}

#[derive(Debug)]
struct LooksFine;

impl fmt::Display for LooksFine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fine")
    }
}

impl ResponseError for LooksFine {
    fn status_code(&self) -> StatusCode {
        StatusCode::OK
    }
}

#[get("/error")]
#[cached_response(status(404, 500))]
async fn looking_fine() -> Result<&'static str, LooksFine> {
    run();
    Err(LooksFine)
}

#[get("/made-of-error")]
#[cached_response]
async fn made_of_error() -> HttpResponse {
    run();
    HttpResponse::from_error(LooksFine)
}

/// Bar row 22.
#[actix_web::test]
async fn an_error_is_not_stored_whatever_its_status() {
    let cache = isolated();
    let app = init_service(App::new().service(looking_fine).service(made_of_error)).await;
    for target in ["/error", "/error", "/made-of-error", "/made-of-error"] {
        let answer = ask_for(&app, target).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
        assert_eq!(answer.detail().unwrap(), "error");
    }
    assert_eq!((run(), cache.cache().stats().entries), (5, 0));
}

#[get("/opted/{status}")]
#[cached_response(timeout = 60, status(404 = "10s", 301 = "1h", 410))]
async fn opted(status: web::Path<u16>) -> HttpResponse {
    HttpResponseBuilder::new(StatusCode::from_u16(*status).unwrap()).body(run().to_string())
}

#[actix_web::test]
async fn statuses_are_stored_as_long_as_the_route_says() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(opted)).await;
    let lives = [(404, 10), (410, 60), (301, 3600)];
    for (status, _) in lives {
        ask_for(&app, &format!("/opted/{status}")).await;
    }
    let mut passed = 0;
    for (status, lifetime) in lives {
        let target = format!("/opted/{status}");
        clock.advance(Duration::from_secs(lifetime - 1 - passed));
        assert!(ask_for(&app, &target).await.is_hit(), "{status}");
        clock.advance(Duration::from_secs(1));
        passed = lifetime;
        let answer = ask_for(&app, &target).await;
        assert_eq!(answer.said().parameter("fwd"), "stale", "{status}");
        assert_eq!(answer.status, status);
    }
    for status in [302, 403, 500] {
        let target = format!("/opted/{status}");
        ask_for(&app, &target).await;
        assert!(!ask_for(&app, &target).await.is_hit());
    }
}
