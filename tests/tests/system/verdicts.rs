//! What is stored, and what never is.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::fmt;
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, HttpResponseBuilder, ResponseError, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{
    Bypass, CacheHandle, Candidate, ResponseCache, Skip, cached_response, disable_cache,
    set_cache_timeout,
};
use futures_util::stream;

use crate::ask::{Answer, ask, get as ask_for, get_with, run};

/// Answers with the headers that the query gives, in their order.
#[get("/headers")]
#[cached_response]
async fn with_headers(given: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in given.iter() {
        response.append_header((name.as_str(), value.as_str()));
    }
    response.body(format!("{:04}", run()))
}

fn asking_for(headers: &[(&str, &str)]) -> String {
    format!("/headers?{}", escaped(headers))
}

fn escaped(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect::<Vec<_>>().concat()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Asks twice, and says why the second answer was not a hit; `None` where it was.
async fn refused(headers_given: &[(&str, &str)]) -> Option<String> {
    let _cache = isolated();
    let app = init_service(App::new().service(with_headers)).await;
    let target = asking_for(headers_given);
    let first = ask_for(&app, &target).await;
    assert_eq!(first.status, 200, "{headers_given:?}");
    let second = ask_for(&app, &target).await;
    assert_eq!(second.is_hit(), first.body == second.body);
    second.detail()
}

/// Bar row 19.
#[actix_web::test]
async fn a_response_that_varies_by_everything_is_never_stored() {
    for lines in [
        &["*"][..],
        &[" * "],
        &["a, *"],
        &["*, a"],
        &["a", "*"],
        &["*", "a"],
        &[",*,"],
        &["a,\t*"],
        &["a b"],
        &["a;q=1"],
        &["\"a\""],
    ] {
        let given: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        assert_eq!(refused(&given).await.as_deref(), Some("vary"), "{lines:?}");
    }
    for lines in [&[""][..], &[","], &["a"], &["a, A"], &["x-*"]] {
        let given: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        assert_eq!(refused(&given).await, None, "{lines:?}");
    }
}

/// Bar row 20.
#[actix_web::test]
async fn what_forbids_in_cache_control_is_never_missed() {
    for (lines, why) in [
        (&["Private"][..], "private"),
        (&["PRIVATE=\"x\""], "private"),
        (&["private=x"], "private"),
        (&["public, private"], "private"),
        (&["public", "private"], "private"),
        (&["max-age=60,private"], "private"),
        (&["a=\",\", private"], "private"),
        (&["NO-STORE"], "no-store"),
        (&["max-age=60,\tno-store"], "no-store"),
        (&["max-age=60", "no-store"], "no-store"),
        (&["no-store=1"], "no-store"),
        (&["no-cache"], "no-cache"),
        (&["No-Cache=\"set-cookie\""], "no-cache"),
        (&["max-age=0"], "max-age"),
        (&["MAX-AGE=\"0\""], "max-age"),
        (&["max-age=60, max-age=0"], "max-age"),
        (&["max-age=00"], "max-age"),
        (&["s-maxage=0"], "max-age"),
        (&["s-maxage=0, max-age=60"], "max-age"),
        (&["max-age=-1"], "cache-control"),
        (&["max-age="], "cache-control"),
        (&["max-age"], "cache-control"),
        (&["max-age=1.5"], "cache-control"),
        (&["max-age=1 2"], "cache-control"),
        (&["max-age=\"60"], "cache-control"),
        (&["=60"], "cache-control"),
        (&["a b"], "cache-control"),
        (&["\"no-store\""], "cache-control"),
        (&["public; private"], "cache-control"),
    ] {
        let given: Vec<_> = lines.iter().map(|line| ("Cache-Control", *line)).collect();
        assert_eq!(refused(&given).await.as_deref(), Some(why), "{lines:?}");
    }
}

#[actix_web::test]
async fn what_does_not_forbid_in_cache_control_is_stored() {
    for line in [
        "",
        ",",
        "public",
        "max-age=60",
        "max-age=99999999999999999999",
        "s-maxage=60, max-age=0",
        "not-private",
        "privately",
        "x=\"private\"",
        "x=\"no-store, private\"",
        "immutable",
        "stale-while-revalidate=0",
        "no-transform",
    ] {
        assert_eq!(refused(&[("Cache-Control", line)]).await, None, "{line}");
    }
}

#[actix_web::test]
async fn what_is_made_for_one_page_view_or_never_ends_is_not_stored() {
    for (name, value, why) in [
        (
            "Content-Security-Policy",
            "script-src 'nonce-r4nd0m'",
            "nonce",
        ),
        (
            "content-security-policy",
            "script-src 'self' 'NONCE-x'",
            "nonce",
        ),
        (
            "Content-Security-Policy-Report-Only",
            "style-src 'nonce-x'",
            "nonce",
        ),
        ("Content-Type", "text/event-stream", "endless"),
        (
            "Content-Type",
            "Text/Event-Stream; charset=utf-8",
            "endless",
        ),
        (
            "Content-Type",
            "multipart/x-mixed-replace;boundary=a",
            "endless",
        ),
        ("Content-Length", "99", "incomplete"),
        ("Content-Length", "0", "incomplete"),
    ] {
        assert_eq!(
            refused(&[(name, value)]).await.as_deref(),
            Some(why),
            "{name}: {value}"
        );
    }
    for (name, value) in [
        (
            "Content-Security-Policy",
            "default-src 'self'; report-uri /nonce-",
        ),
        ("Content-Type", "text/event-streams"),
        ("Content-Length", "4"),
    ] {
        assert_eq!(refused(&[(name, value)]).await, None, "{name}: {value}");
    }
}

#[actix_web::test]
async fn a_reflected_origin_is_only_stored_where_it_varies() {
    let origin = ("origin", "https://evil.example");
    let allow = ("Access-Control-Allow-Origin", "https://evil.example");
    for (given, stored) in [
        (&[allow][..], false),
        (&[allow, ("Vary", "Accept")], false),
        (&[allow, ("Vary", "Accept, origin")], true),
        (&[("Access-Control-Allow-Origin", "*")], true),
        (
            &[("Access-Control-Allow-Origin", "https://fixed.example")],
            true,
        ),
    ] {
        let _cache = isolated();
        let app = init_service(App::new().service(with_headers)).await;
        let target = asking_for(given);
        let first = get_with(&app, &target, origin).await;
        let again = get_with(&app, &target, origin).await;
        assert_eq!(again.is_hit(), stored, "{given:?}");
        assert_eq!(first.body == again.body, stored);
    }
}

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

/// Bar row 22.
#[actix_web::test]
async fn what_a_request_says_of_caching_stores_nothing_more_and_nothing_less() {
    for value in [
        "public",
        "no-store",
        "no-cache",
        "max-age=0",
        "only-if-cached",
        "private",
    ] {
        let _cache = isolated();
        let app = init_service(App::new().service(with_headers)).await;
        let public = asking_for(&[("x", "y")]);
        let private = asking_for(&[("cache-control", "private")]);
        for (target, hit) in [
            (&public, false),
            (&public, true),
            (&private, false),
            (&private, false),
        ] {
            let answer = get_with(&app, target, ("cache-control", value)).await;
            assert_eq!(answer.is_hit(), hit, "{value} {target}");
        }
    }
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

fn has_no_holes(response: &Candidate<'_>) -> bool {
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
async fn the_routes_own_words_on_storing_and_bypassing_hold() {
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

#[get("/sized/{length}")]
#[cached_response(max_body = 100)]
async fn sized(length: web::Path<usize>) -> String {
    run();
    "x".repeat(*length)
}

#[actix_web::test]
async fn a_body_over_the_routes_limit_is_delivered_and_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(sized)).await;
    for (length, stored) in [(100, true), (101, false)] {
        let target = format!("/sized/{length}");
        for round in 0..2 {
            let answer = ask_for(&app, &target).await;
            assert_eq!(answer.body.len(), length);
            assert_eq!(answer.is_hit(), stored && round == 1);
        }
    }
    assert_eq!(cache.cache().stats().skipped(Skip::TooLarge), 2);
}

#[get("/short/{declared}")]
#[cached_response]
async fn short(declared: web::Path<u64>) -> HttpResponse {
    let chunks = ["abc", "de"]
        .map(|chunk| Ok::<_, actix_web::Error>(web::Bytes::from_static(chunk.as_bytes())));
    let body = SizedStream::new(*declared, stream::iter(chunks));
    assert_eq!(body.size(), BodySize::Sized(*declared));
    HttpResponse::Ok().body(body)
}

#[actix_web::test]
async fn a_stream_of_another_length_than_its_body_declares_is_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(short)).await;
    for (declared, stored) in [(5, 1), (4, 1), (6, 1), (0, 1)] {
        ask_for(&app, &format!("/short/{declared}")).await;
        assert_eq!(cache.cache().stats().stored, stored, "{declared}");
    }
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
async fn a_handlers_own_words_about_its_response_hold() {
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

#[get("/kept")]
#[cached_response(client = "60s")]
async fn kept() -> String {
    run().to_string()
}

#[get("/kept-by-one")]
#[cached_response(client = "60s", gate(user))]
async fn kept_by_one(user: Anyone) -> String {
    let _ = user;
    run().to_string()
}

#[get("/kept-anyway")]
#[cached_response(client = "60s")]
async fn kept_anyway() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "max-age=5"))
        .body(run().to_string())
}

struct Anyone;

impl actix_web::FromRequest for Anyone {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

#[actix_web::test]
async fn browsers_may_keep_what_the_route_lets_them() {
    let _cache = isolated();
    let app = init_service(
        App::new()
            .service(kept)
            .service(kept_by_one)
            .service(kept_anyway),
    )
    .await;
    for (target, expected) in [
        ("/kept", "max-age=60"),
        ("/kept-by-one", "private, max-age=60"),
        ("/kept-anyway", "max-age=5"),
    ] {
        for _ in 0..2 {
            let answer = ask_for(&app, target).await;
            let said = answer.headers.get(header::CACHE_CONTROL).unwrap();
            assert_eq!(said, expected, "{target}");
        }
        assert!(ask_for(&app, target).await.is_hit(), "{target}");
    }
}
