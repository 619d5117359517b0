//! Fields of an answer: which are replayed, and which are never added.

use std::io::Read as _;
use std::time::Duration;

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, cached_response};
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use super::bare;
use crate::ask::{get as ask_for, is_hit};

#[get("/hops")]
#[cached_response(not_replayed("X-Served-By", "x-debug-*"))]
async fn hops() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in [
        ("Connection", "x-foo, Keep-Alive"),
        ("X-Foo", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Authentication-Info", "nextnonce=1"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "Expires"),
        ("Upgrade", "h2c"),
        ("X-Request-Id", "7"),
        ("Server-Timing", "db;dur=1"),
        ("Traceparent", "00-1-2-01"),
        ("X-Correlation-Id", "7"),
        ("Request-Id", "7"),
        ("X-Amzn-Trace-Id", "Root=1"),
        ("X-CSRF-Token", "secret"),
        ("X-RateLimit-Remaining", "3"),
        ("RateLimit", "\"default\";r=3;t=1"),
        ("RateLimit-Policy", "\"default\";q=10"),
        ("X-Served-By", "node 7"),
        ("X-Debug-Sql", "select 1"),
        ("Retry-After", "10"),
        ("Age", "1000"),
        ("X-Kept", "a"),
        ("X-Kept", "b"),
        ("Warning", "199 - stays"),
    ] {
        response.append_header((name, value));
    }
    response.body("page")
}

/// Fields of one connection are not replayed.
#[actix_web::test]
async fn what_belongs_to_one_connection_or_one_request_is_not_replayed() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(hops)).await;
    let live = ask_for(&app, "/hops").await;
    for (name, value) in [
        ("x-request-id", "7"),
        ("x-csrf-token", "secret"),
        ("x-served-by", "node 7"),
    ] {
        assert_eq!(live.header(name).unwrap(), value);
    }
    clock.advance(Duration::from_millis(2500));
    let hit = ask_for(&app, "/hops").await;
    assert!(hit.is_hit());
    for name in [
        "connection",
        "x-foo",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "x-request-id",
        "server-timing",
        "traceparent",
        "transfer-encoding",
        "x-correlation-id",
        "request-id",
        "x-amzn-trace-id",
        "x-csrf-token",
        "x-ratelimit-remaining",
        "ratelimit",
        "ratelimit-policy",
        "x-served-by",
        "x-debug-sql",
    ] {
        assert_eq!(hit.header(name), None, "{name}");
    }
    assert_eq!(hit.header("x-kept").unwrap(), "a, b");
    assert_eq!(hit.header("retry-after").unwrap(), "10");
    assert_eq!(hit.header("warning").unwrap(), "199 - stays");
    assert_eq!(hit.header("age").unwrap(), "2");
    assert_eq!(hit.header("date"), live.header("date"));
    assert_eq!(hit.said().parameter("ttl"), 297);
}

/// Fields of one connection are not replayed.
#[test]
fn a_close_that_was_meant_for_one_connection_closes_no_other() {
    let server = Server::start(1, |app| {
        app.service(closing);
    });
    let address = server.as_ref().unwrap().address();
    let live = raw::fetch(address, &Sent::get("/closing")).unwrap();
    assert_eq!(live.header("connection").unwrap(), "close");
    let mut connection = raw::Connection::open(address).unwrap();
    for _ in 0..2 {
        let hit = connection.exchange(&Sent::get("/closing")).unwrap();
        assert!(is_hit(&hit));
        assert_eq!(
            (hit.header("connection"), hit.text().as_str()),
            (None, "bye")
        );
    }
}

#[get("/closing")]
#[cached_response]
async fn closing() -> HttpResponse {
    HttpResponse::Ok().force_close().body("bye")
}

/// No field is added that downstream caches would act on.
#[actix_web::test]
async fn nothing_lets_clients_keep_a_response_unless_the_route_does() {
    let _cache = isolated();
    let app = init_service(App::new().service(bare)).await;
    for hit in [false, true] {
        let answer = ask_for(&app, "/bare").await;
        assert_eq!(answer.is_hit(), hit);
        for name in [
            "cache-control",
            "expires",
            "pragma",
            "last-modified",
            "vary",
        ] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert_eq!(answer.header("age").is_some(), hit);
        assert!(answer.header("date").is_some());
    }
}

#[get("/styled")]
#[cached_response]
async fn styled() -> HttpResponse {
    let mut response = HttpResponse::Ok().reason("Quite Fine").body("page");
    response.head_mut().set_camel_case_headers(true);
    response
}

/// The octets of an answer, head and all.
fn octets(server: &Server, request: Sent) -> String {
    let mut connection = raw::Connection::open(server.address()).unwrap();
    connection
        .send(&request.header("Connection", "close"))
        .unwrap();
    let mut answer = String::new();
    connection
        .into_stream()
        .read_to_string(&mut answer)
        .unwrap();
    answer
}

#[test]
fn a_reason_phrase_and_names_in_camel_case_survive_a_hit() {
    let server = Server::start(1, |app| {
        app.service(styled);
    })
    .unwrap();
    for hit in [false, true] {
        let answer = octets(&server, Sent::get("/styled"));
        assert!(
            answer.starts_with("HTTP/1.1 200 Quite Fine\r\n"),
            "{answer}"
        );
        assert!(answer.contains("\r\nContent-Length: 4\r\n"), "{answer}");
        assert_eq!(answer.contains("\r\nAge: 0\r\n"), hit, "{answer}");
    }
    // The phrase is of a 200.
    let part = octets(&server, Sent::get("/styled").header("Range", "bytes=1-2"));
    assert!(
        part.starts_with("HTTP/1.1 206 Partial Content\r\n"),
        "{part}"
    );
    let whole = octets(&server, Sent::get("/styled"));
    let etag = whole.split("\r\nEtag: ").nth(1).unwrap();
    let etag = etag.split("\r\n").next().unwrap();
    let same = octets(&server, Sent::get("/styled").header("If-None-Match", etag));
    assert!(same.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{same}");
    assert!(same.contains("\r\nCache-Status: "), "{same}");
}

#[test]
fn a_part_that_a_live_answer_is_cut_to_has_no_reason_phrase_of_the_whole() {
    let server = Server::start(1, |app| {
        app.service(styled);
    })
    .unwrap();
    let part = octets(
        &server,
        Sent::get("/styled?cut").header("Range", "bytes=1-2"),
    );
    assert!(
        part.starts_with("HTTP/1.1 206 Partial Content\r\n"),
        "{part}"
    );
}
