//! Statuses, and errors whatever their status.

use std::fmt;
use std::time::Duration;

use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpResponse, HttpResponseBuilder, ResponseError, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{
    CacheResponses, Policy, ResponseCache, cached, cached_response, disable_cache,
};

use crate::ask::{ask, get as ask_for, run};

#[get("/status/{status}")]
#[cached_response]
async fn with_status(status: web::Path<u16>) -> HttpResponse {
    let status = StatusCode::from_u16(*status).unwrap();
    HttpResponseBuilder::new(status)
        .insert_header(("cache-control", "public, max-age=60"))
        .body(run().to_string())
}

/// Only a 200 is stored, unless the route says otherwise.
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

/// Only a 200 is stored, unless the route says otherwise.
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
async fn statuses_are_stored_for_the_timeout_of_the_route() {
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

fn refusal(status: u16) -> Error {
    let status = StatusCode::from_u16(status).unwrap();
    let body = format!("run {}", run());
    // One that brings its own response, and one that does not.
    if status.is_client_error() {
        InternalError::new(body, status).into()
    } else {
        let response = HttpResponseBuilder::new(status).body(body);
        InternalError::from_response("refused", response).into()
    }
}

#[get("/named/{status}")]
#[cached_response(timeout = 60, status(404 = "10s", 410, 301, 503))]
async fn named(status: web::Path<u16>) -> Result<&'static str, Error> {
    Err(refusal(*status))
}

async fn wrapped(status: web::Path<u16>) -> Result<&'static str, Error> {
    Err(refusal(*status))
}

fn not_found() -> Policy {
    Policy::new(60)
        .status_for(404, 10)
        .status(410)
        .status(301)
        .status(503)
}

fn routes(app: &mut web::ServiceConfig) {
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(not_found()))
        .route("/{status}", web::get().to(wrapped));
    app.service(named).service(behind).route(
        "/wrapped/{status}",
        web::get().to(cached(not_found(), wrapped)),
    );
}

const DOORS: [&str; 3] = ["/named", "/wrapped", "/behind"];

#[actix_web::test]
async fn an_err_whose_status_the_route_names_is_stored_with_the_body_of_its_response() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().configure(routes)).await;
    for door in DOORS {
        for status in [404, 410, 301] {
            let target = format!("{door}/{status}");
            let first = ask_for(&app, &target).await;
            assert_eq!(first.said().parameter("stored"), true, "{target}");
            let second = ask_for(&app, &target).await;
            assert!(second.is_hit(), "{target}");
            assert_eq!((second.status, &second.body), (status, &first.body));
            assert_eq!(second.header("content-type"), first.header("content-type"));
        }
    }
    clock.advance(Duration::from_secs(10));
    for (status, hit) in [(404, false), (410, true)] {
        assert_eq!(
            ask_for(&app, &format!("/named/{status}")).await.is_hit(),
            hit
        );
    }
}

#[actix_web::test]
async fn an_err_of_a_status_that_is_not_named_or_is_the_server_s_own_fault_is_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().configure(routes)).await;
    for door in DOORS {
        for status in [403, 429, 500, 503] {
            for _ in 0..2 {
                let answer = ask_for(&app, &format!("{door}/{status}")).await;
                assert_eq!(answer.status, status);
                assert_eq!(answer.detail().unwrap(), "error", "{door}/{status}");
            }
        }
    }
    assert_eq!(cache.cache().stats().entries, 0);
}

#[derive(Debug)]
struct Forbidding(&'static str, &'static str);

impl fmt::Display for Forbidding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not here")
    }
}

impl ResponseError for Forbidding {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::NotFound()
            .insert_header((self.0, self.1))
            .body("not here")
    }

    fn status_code(&self) -> StatusCode {
        StatusCode::NOT_FOUND
    }
}

#[get("/forbidding/{why}")]
#[cached_response(timeout = 60, status(404))]
async fn forbidding(why: web::Path<String>) -> Result<&'static str, Forbidding> {
    Err(match why.as_str() {
        "set-cookie" => Forbidding("set-cookie", "session=1"),
        "no-store" => Forbidding("cache-control", "no-store"),
        "vary" => Forbidding("vary", "*"),
        _ => {
            disable_cache();
            Forbidding("x-why", "disabled")
        }
    })
}

#[actix_web::test]
async fn a_prohibition_holds_for_an_err_too() {
    let cache = isolated();
    let app = init_service(App::new().service(forbidding)).await;
    for why in ["set-cookie", "no-store", "vary", "disabled"] {
        for _ in 0..2 {
            let answer = ask_for(&app, &format!("/forbidding/{why}")).await;
            assert_eq!(answer.detail().unwrap(), why);
        }
    }
    assert_eq!(cache.cache().stats().entries, 0);
}

#[actix_web::test]
async fn a_404_of_an_argument_is_not_the_handler_s_and_is_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().configure(routes)).await;
    for door in ["/named", "/wrapped"] {
        for _ in 0..2 {
            let answer = ask_for(&app, &format!("{door}/no-number")).await;
            assert_eq!(answer.status, 404);
            assert_eq!(answer.detail().unwrap(), "error", "{door}");
        }
    }
    assert_eq!((run(), cache.cache().stats().entries), (1, 0));
}

#[get("/moved/{status}")]
#[cached_response(timeout = response)]
async fn by_itself(status: web::Path<u16>) -> Result<&'static str, Error> {
    let status = StatusCode::from_u16(*status).unwrap();
    let response = HttpResponseBuilder::new(status)
        .insert_header(("cache-control", "max-age=60"))
        .finish();
    Err(InternalError::from_response("by its own word", response).into())
}

#[actix_web::test]
async fn the_cache_control_of_an_err_does_not_replace_the_statuses_of_the_route() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_itself)).await;
    for _ in 0..2 {
        let answer = ask_for(&app, "/moved/404").await;
        assert_eq!(answer.detail().unwrap(), "error");
    }
}
