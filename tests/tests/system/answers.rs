//! What an answer looks like, live and from the store.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, cached_response};
use futures_util::stream;
use tests::process::Example;
use tests::raw::{self, Request as Sent};
use tests::server::Server;

use crate::ask::{Answer, ask, get as ask_for, get_with, is_hit, run, said};

#[get("/hops")]
#[cached_response]
async fn hops() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in [
        ("Connection", "x-foo, Keep-Alive"),
        ("X-Foo", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "Expires"),
        ("Upgrade", "h2c"),
        ("X-Request-Id", "7"),
        ("Server-Timing", "db;dur=1"),
        ("Traceparent", "00-1-2-01"),
        ("Age", "1000"),
        ("X-Kept", "a"),
        ("X-Kept", "b"),
        ("Warning", "199 - stays"),
    ] {
        response.append_header((name, value));
    }
    response.body("page")
}

/// Bar row 30.
#[actix_web::test]
async fn what_belongs_to_one_connection_or_one_request_is_not_replayed() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(hops)).await;
    let live = ask_for(&app, "/hops").await;
    assert_eq!(live.header("x-request-id").unwrap(), "7");
    clock.advance(Duration::from_millis(2500));
    let hit = ask_for(&app, "/hops").await;
    assert!(hit.is_hit());
    for name in [
        "connection",
        "x-foo",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "x-request-id",
        "server-timing",
        "traceparent",
        "transfer-encoding",
    ] {
        assert_eq!(hit.header(name), None, "{name}");
    }
    assert_eq!(hit.header("x-kept").unwrap(), "a, b");
    assert_eq!(hit.header("warning").unwrap(), "199 - stays");
    assert_eq!(hit.header("age").unwrap(), "2");
    assert_eq!(hit.header("date"), live.header("date"));
    assert_eq!(hit.said().parameter("ttl"), 297);
}

/// Bar row 30.
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

#[get("/bare")]
#[cached_response]
async fn bare() -> String {
    "always the same".to_owned()
}

/// Bar row 99.
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

/// Bar row 99.
#[actix_web::test]
async fn the_entity_tag_is_strong_and_the_same_on_miss_and_hit() {
    let _cache = isolated();
    let app = init_service(App::new().service(bare).service(tagged)).await;
    let tag = ask_for(&app, "/bare").await.header("etag").unwrap();
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20,
        "{tag}"
    );
    assert_eq!(ask_for(&app, "/bare").await.header("etag").unwrap(), tag);
    for _ in 0..2 {
        assert_eq!(
            ask_for(&app, "/tagged").await.header("etag").unwrap(),
            "W/\"own\""
        );
    }
}

/// Bar row 99.
#[test]
fn the_entity_tag_is_equal_in_two_processes() {
    let tags = [(); 2].map(|()| {
        let app = Example::start("blackbox").unwrap();
        let script = Sent::new("PUT", "/_script/1").body("[{\"body\": \"always the same\"}]");
        assert_eq!(raw::fetch(app.address(), &script).unwrap().status(), 201);
        let fetch = || raw::fetch(app.address(), &Sent::get("/t60/1")).unwrap();
        let (miss, hit) = (fetch(), fetch());
        assert!(!is_hit(&miss) && is_hit(&hit));
        assert_eq!(miss.header("etag"), hit.header("etag"));
        hit.header("etag").unwrap()
    });
    assert_eq!(tags[0], tags[1]);
}

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[get("/tagged")]
#[cached_response]
async fn tagged() -> HttpResponse {
    run();
    HttpResponse::Ok()
        .insert_header(("etag", "W/\"own\""))
        .insert_header(("last-modified", MODIFIED))
        .insert_header(("content-language", "de"))
        .insert_header(("cache-control", "max-age=5"))
        .body("page")
}

#[get("/dated")]
#[cached_response]
async fn dated() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("last-modified", MODIFIED))
        .body("page")
}

fn asking(target: &str, headers: &[(&str, &str)]) -> TestRequest {
    headers
        .iter()
        .fold(TestRequest::with_uri(target), |request, header| {
            request.append_header(*header)
        })
}

#[actix_web::test]
async fn a_client_that_has_the_stored_response_is_told_so() {
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
    for name in ["etag", "cache-control", "date"] {
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

/// A HEAD, whose answer has no body to be wrong about.
#[test]
fn a_head_is_told_that_nothing_has_changed() {
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

#[cached_response]
async fn constant() -> &'static str {
    "constant"
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

#[get("/seeing")]
#[cached_response(vary(none))]
async fn seeing(request: HttpRequest) -> HttpResponse {
    run();
    if request.headers().contains_key("if-none-match") {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok().body("page")
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
async fn a_range_or_a_precondition_that_is_not_understood_gets_the_whole_response() {
    let _cache = isolated();
    let app = init_service(App::new().service(tagged)).await;
    ask_for(&app, "/tagged").await;
    for header in [
        ("range", "bytes=0-1"),
        ("range", "nonsense"),
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

#[get("/upstream")]
#[cached_response]
async fn upstream() -> HttpResponse {
    HttpResponse::Ok()
        .append_header(("cache-status", "upstream; hit; ttl=5"))
        .append_header(("cache-status", "\"nearer\"; fwd=miss"))
        .body("page")
}

#[get("/skipped")]
#[cached_response]
async fn skipped() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .body("page")
}

#[get("/streamed")]
#[cached_response]
async fn streamed() -> HttpResponse {
    let chunks = [Ok::<_, actix_web::Error>(web::Bytes::from_static(b"page"))];
    HttpResponse::Ok().streaming(stream::iter(chunks))
}

#[get("/for-ever")]
#[cached_response(timeout = Duration::MAX)]
async fn for_ever() -> &'static str {
    "page"
}

#[actix_web::test]
async fn what_caches_before_us_said_stays_in_front_of_our_word() {
    let _cache = isolated();
    let app = init_service(App::new().service(upstream)).await;
    for expected in ["fwd=uri-miss; stored", "hit; ttl=300"] {
        let answer = ask_for(&app, "/upstream").await;
        let said = answer.header("cache-status").unwrap();
        let ours = format!("cached-response; {expected}");
        assert!(
            said.ends_with(&ours) || said.ends_with("hit; ttl=299"),
            "{said}"
        );
        assert!(
            said.starts_with("upstream; hit; ttl=5, \"nearer\"; fwd=miss, "),
            "{said}"
        );
    }
}

#[actix_web::test]
async fn cache_status_is_a_structured_field_on_every_kind_of_answer() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = App::new()
        .service(upstream)
        .service(skipped)
        .service(streamed)
        .service(for_ever)
        .service(seeing)
        .service(web::resource("/any").to(constant));
    let app = init_service(app).await;
    let fields = |answer: Answer| -> Vec<(String, String)> {
        let parameters = answer.said().parameters.into_iter();
        parameters
            .map(|(name, value)| (name, value.to_string().replace('"', "")))
            .collect()
    };
    let check = async |request: TestRequest, expected: &str| {
        let fields = fields(ask(&app, request).await).into_iter();
        let fields = fields.map(|(name, value)| format!("{name}={value}"));
        assert_eq!(fields.collect::<Vec<_>>().join(" "), expected);
    };
    let to = TestRequest::with_uri;
    check(to("/upstream"), "fwd=uri-miss stored=true").await;
    check(to("/upstream"), "hit=true ttl=300").await;
    check(to("/upstream?nocache=1"), "fwd=request stored=true").await;
    check(to("/skipped"), "fwd=uri-miss detail=no-store").await;
    check(to("/streamed"), "fwd=uri-miss").await;
    check(to("/streamed"), "hit=true ttl=300").await;
    check(to("/for-ever"), "fwd=uri-miss stored=true").await;
    let app_status = ask(&app, to("/for-ever")).await.said();
    assert!(app_status.parameter("ttl").as_i64().unwrap() > 500 * 365 * 86_400);
    check(to("/any").method(Method::POST), "fwd=method detail=method").await;
    check(to("/any").method(Method::HEAD), "fwd=uri-miss detail=head").await;
    check(
        to("/any").append_header(("content-length", "3")),
        "fwd=bypass detail=body",
    )
    .await;
    check(to("/seeing?nocache=1"), "fwd=bypass detail=nocache").await;
    check(to("/seeing"), "fwd=uri-miss stored=true").await;
    check(
        asking("/seeing", &[("if-none-match", "*")]),
        "hit=true ttl=300",
    )
    .await;
    check(
        asking("/seeing", &[("authorization", "x")]),
        "fwd=bypass detail=authorization",
    )
    .await;
    clock.advance(Duration::from_secs(301));
    check(to("/upstream"), "fwd=stale stored=true").await;
    let over_http = said(&ask(&app, to("/upstream")).await.head());
    assert_eq!(over_http.cache, "cached-response");
}
