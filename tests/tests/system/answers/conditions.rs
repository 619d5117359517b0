//! Conditional requests, and what they are answered with.

use std::time::Duration;

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, cached_response};
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use super::{MODIFIED, asking, bare, constant, seeing, tagged};
use crate::ask::{ask, get as ask_for, get_with, run};

#[get("/dated")]
#[cached_response]
async fn dated() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("last-modified", MODIFIED))
        .body("page")
}

#[actix_web::test]
async fn a_client_with_the_stored_response_gets_a_304() {
    let cache = isolated();
    let app = init_service(App::new().service(tagged).service(dated)).await;
    ask_for(&app, "/tagged").await;
    ask_for(&app, "/dated").await;
    let (none_match, since) = ("if-none-match", "if-modified-since");
    let earlier = "Sat, 05 Nov 1994 08:49:37 GMT";
    for (target, headers, status) in [
        ("/tagged", &[(none_match, "W/\"own\"")][..], 304),
        ("/tagged", &[(none_match, "\"own\"")], 304),
        ("/tagged", &[(none_match, "\"a\", W/\"own\"")], 304),
        ("/tagged", &[(none_match, "\"a,b\",,\"own\"")], 304),
        (
            "/tagged",
            &[(none_match, "\"a\""), (none_match, "\"own\"")],
            304,
        ),
        ("/tagged", &[(none_match, "*")], 304),
        ("/tagged", &[(none_match, "\"OWN\"")], 200),
        ("/tagged", &[(none_match, "own")], 200),
        ("/tagged", &[(none_match, "")], 200),
        ("/tagged", &[(none_match, "\"a\""), (since, MODIFIED)], 200),
        ("/tagged", &[(none_match, "\"own\""), (since, earlier)], 304),
        ("/dated", &[(since, MODIFIED)], 304),
        ("/dated", &[(since, "Sunday, 06-Nov-94 08:49:37 GMT")], 304),
        ("/dated", &[(since, earlier)], 200),
        ("/dated", &[(since, "yesterday")], 200),
        ("/dated", &[(since, MODIFIED), (since, MODIFIED)], 200),
    ] {
        let answer = ask(&app, asking(target, headers)).await;
        assert_eq!(answer.status, status, "{target} {headers:?}");
        assert!(answer.is_hit());
        assert_eq!(answer.body, if status == 304 { "" } else { "page" });
    }
    assert_eq!((run(), cache.cache().stats().not_modified), (2, 9));
}

#[actix_web::test]
async fn a_304_carries_what_the_200_would_have_but_what_describes_its_content() {
    let _cache = isolated();
    let app = init_service(App::new().service(tagged)).await;
    let live = ask_for(&app, "/tagged").await;
    let known = get_with(&app, "/tagged", ("if-none-match", "*")).await;
    for name in [
        "etag",
        "cache-control",
        "content-location",
        "date",
        "expires",
        "vary",
    ] {
        assert!(live.header(name).is_some(), "{name}");
        assert_eq!(known.header(name), live.header(name), "{name}");
    }
    for name in [
        "content-type",
        "content-language",
        "content-length",
        "last-modified",
    ] {
        assert_eq!(known.header(name), None, "{name}");
    }
    assert!(known.header("age").is_some());
}

#[get("/gone")]
#[cached_response(status(410 = "1m"))]
async fn gone() -> HttpResponse {
    HttpResponse::Gone()
        .insert_header(("etag", "\"own\""))
        .insert_header(("last-modified", MODIFIED))
        .body("gone")
}

/// RFC 9110 §13.2.1.
#[actix_web::test]
async fn only_a_200_is_ever_not_modified() {
    let _cache = isolated();
    let app = init_service(App::new().service(gone)).await;
    for (n, condition) in [
        ("if-none-match", "\"own\""),
        ("if-none-match", "*"),
        ("if-modified-since", MODIFIED),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = get_with(&app, "/gone", condition).await;
        assert_eq!((answer.status, answer.body.as_str()), (410, "gone"));
        assert_eq!(answer.is_hit(), n > 0, "{condition:?}");
    }
}

/// A HEAD, whose answer has no body to be wrong about.
#[test]
fn a_conditional_head_gets_a_304() {
    let server = Server::start(1, |app| {
        app.service(web::resource("/").to(constant));
    });
    let address = server.as_ref().unwrap().address();
    let tag = raw::fetch(address, &Sent::get("/"))
        .unwrap()
        .header("etag")
        .unwrap();
    let mut connection = raw::Connection::open(address).unwrap();
    let head = Sent::head("/").header("If-None-Match", &tag);
    assert_eq!(connection.exchange(&head).unwrap().status(), 304);
    let other = Sent::head("/").header("If-None-Match", "\"other\"");
    assert_eq!(connection.exchange(&other).unwrap().status(), 200);
    let get = Sent::get("/").header("If-None-Match", &tag);
    assert_eq!(connection.exchange(&get).unwrap().status(), 304);
    assert_eq!(
        connection.exchange(&Sent::get("/")).unwrap().text(),
        "constant"
    );
}

#[actix_web::test]
async fn a_revalidation_that_leads_is_evaluated_on_the_response_that_landed() {
    let clock = ManualClock::new();
    let cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(bare).service(tagged)).await;
    for (target, body) in [("/bare", "always the same"), ("/tagged", "page")] {
        let tag = ask_for(&app, target).await.header("etag").unwrap();
        clock.advance(Duration::from_secs(300));
        let known = get_with(&app, target, ("if-none-match", &tag)).await;
        assert_eq!((known.status, known.body.as_str()), (304, ""), "{target}");
        assert_eq!(known.said().parameter("fwd"), "stale");
        assert_eq!(known.said().parameter("stored"), true);
        assert_eq!(known.header("etag").unwrap(), tag);
        for name in ["content-type", "content-length", "age"] {
            assert_eq!(known.header(name), None, "{target} {name}");
        }
        let hit = ask_for(&app, target).await;
        assert_eq!(
            (hit.status, hit.body.as_str(), hit.is_hit()),
            (200, body, true)
        );
        clock.advance(Duration::from_secs(300));
        let other = get_with(&app, target, ("if-none-match", "\"other\"")).await;
        assert_eq!((other.status, other.body.as_str()), (200, body));
    }
    assert_eq!(cache.cache().stats().stored, 6);
}

#[actix_web::test]
async fn a_304_of_the_handlers_own_is_never_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(seeing)).await;
    let conditional = ("if-none-match", "\"x\"");
    assert_eq!(
        get_with(&app, "/seeing", conditional)
            .await
            .detail()
            .unwrap(),
        "status"
    );
    assert_eq!(cache.cache().stats().entries, 0);
    assert_eq!(ask_for(&app, "/seeing").await.body, "page");
    let answer = get_with(&app, "/seeing", conditional).await;
    assert!(answer.is_hit() && answer.status == 200);
}

#[actix_web::test]
async fn a_precondition_or_a_range_that_is_not_understood_gets_the_whole_response() {
    let _cache = isolated();
    let app = init_service(App::new().service(tagged)).await;
    ask_for(&app, "/tagged").await;
    for header in [
        ("range", "nonsense"),
        ("range", "pages=0-1"),
        ("if-match", "\"other\""),
        ("if-unmodified-since", "Sat, 05 Nov 1994 08:49:37 GMT"),
        ("if-range", "\"own\""),
    ] {
        let answer = get_with(&app, "/tagged", header).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "page"),
            "{header:?}"
        );
        assert!(answer.is_hit());
    }
}
