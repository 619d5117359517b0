//! Variants by the reads that `TrackedRequest` has recorded.

use actix_web::http::header::ETAG;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, get, web};
use cached_response::context::stale_response;
use cached_response::testing::isolated;
use cached_response::{ResponseCache, TrackedRequest, cached_response};
use tests::stage::Stage;

use crate::ask::{ask, get as ask_for, get_with, run};

#[get("/reads-nothing")]
#[cached_response]
async fn reads_nothing(_request: TrackedRequest, request: TrackedRequest) -> String {
    format!("{} {request:?}", run())
}

#[actix_web::test]
async fn a_handler_that_reads_nothing_shares_one_response() {
    let cache = isolated();
    let app = init_service(App::new().service(reads_nothing)).await;
    let first = get_with(&app, "/reads-nothing", ("x-secret", "of the first")).await;
    assert!(
        !first.body.contains("secret"),
        "what is printed is read: {}",
        first.body
    );
    for header in [("cookie", "a=1"), ("accept-language", "de"), ("host", "b")] {
        let answer = get_with(&app, "/reads-nothing", header).await;
        assert!(answer.is_hit());
        assert_eq!(answer.header("vary"), None);
    }
    assert_eq!(cache.cache().stats().entries, 1);
}

#[get("/branches")]
#[cached_response]
async fn branches(request: TrackedRequest) -> String {
    let run = run();
    match request.header("x-first") {
        Some("other") => format!("{run} other {:?}", request.header("x-second")),
        first => format!("{run} {first:?}"),
    }
}

#[actix_web::test]
async fn a_value_read_in_one_branch_selects_from_then_on() {
    let _cache = isolated();
    let app = init_service(App::new().service(branches)).await;
    let asking = |first: &'static str, second: &'static str| {
        let request = TestRequest::with_uri("/branches").append_header(("x-first", first));
        ask(&app, request.append_header(("x-second", second)))
    };
    let plain = asking("a", "1").await;
    assert_eq!(
        (plain.body.as_str(), plain.header("vary").unwrap().as_str()),
        ("1 Some(\"a\")", "x-first")
    );
    assert!(asking("a", "2").await.is_hit());
    let other = asking("other", "1").await;
    assert_eq!(other.body, "2 other Some(\"1\")");
    assert_eq!(other.header("vary").unwrap(), "x-first, x-second");
    assert_eq!(asking("other", "2").await.body, "3 other Some(\"2\")");
    assert_eq!(asking("other", "1").await.body, "2 other Some(\"1\")");
    let ask_a = asking("a", "2").await;
    assert!(ask_a.body.ends_with("Some(\"a\")"));
}

#[get("/cookie")]
#[cached_response]
async fn by_cookie(request: TrackedRequest) -> String {
    let theme = request
        .cookie("theme")
        .map(|theme| theme.value().to_owned());
    format!("{} {theme:?}", run())
}

#[actix_web::test]
async fn a_cookie_that_is_read_selects_and_others_do_not() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_cookie)).await;
    let with = async |cookie: &'static str| get_with(&app, "/cookie", ("cookie", cookie)).await;
    assert_eq!(with("theme=dark; _ga=1").await.body, "1 Some(\"dark\")");
    let hit = with("_ga=2; theme=dark").await;
    assert_eq!(
        (hit.body.as_str(), hit.header("vary").unwrap().as_str()),
        ("1 Some(\"dark\")", "cookie")
    );
    assert_eq!(with("theme=light").await.body, "2 Some(\"light\")");
    assert_eq!(with("theme=").await.body, "3 Some(\"\")");
    assert_eq!(with("_ga=3").await.body, "4 None");
    assert_eq!(ask_for(&app, "/cookie").await.body, "4 None");
}

#[get("/peer")]
#[cached_response]
async fn by_peer(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.peer_ip())
}

#[actix_web::test]
async fn the_peers_address_selects_without_its_port() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_peer)).await;
    let from = async |address: &str| {
        let request = TestRequest::with_uri("/peer").peer_addr(address.parse().unwrap());
        ask(&app, request.append_header(("x-forwarded-for", "1.1.1.1")))
            .await
            .body
    };
    assert_eq!(from("10.0.0.1:1000").await, "1 Some(10.0.0.1)");
    assert_eq!(from("10.0.0.1:2000").await, "1 Some(10.0.0.1)");
    assert_eq!(from("10.0.0.2:1000").await, "2 Some(10.0.0.2)");
    assert_eq!(ask_for(&app, "/peer").await.body, "3 None");
}

/// Reads fifteen fields of the number in `x-fields`; else the peer, unless the stored response is still good.
#[get("/validated")]
#[cached_response(timeout = 60)]
async fn validated(request: TrackedRequest, stage: web::Data<Stage>) -> HttpResponse {
    if let Some(number) = request.header("x-fields") {
        let fields = (0..15).filter_map(|field| request.header(&format!("x-{number}-{field}")));
        return HttpResponse::Ok().body(format!("{} fields", fields.count()));
    }
    if let Some(stored) = stale_response() {
        stage.run_at_barrier().await;
        return stored.not_modified();
    }
    let peer = request.peer_ip();
    HttpResponse::Ok()
        .insert_header((ETAG, "\"1\""))
        .body(format!("for {peer:?}"))
}

#[actix_web::test]
async fn a_validated_response_is_selected_by_what_its_first_run_read() {
    let stage = Stage::new(ResponseCache::builder().build());
    let app = stage.app(|app| _ = app.service(validated)).await;
    let from = |peer: &str| {
        let request = TestRequest::with_uri("/validated");
        request.peer_addr(format!("{peer}:1000").parse().unwrap())
    };
    assert_eq!(app.ask(from("10.0.0.1")).text().await, "for Some(10.0.0.1)");
    stage.cache.expire_all();
    let validating = app.ask(from("10.0.0.1"));
    stage.at_run(1).await;
    // So many names that the list is replaced by one without the peer.
    for number in ["1", "2", "3"] {
        let request = from("10.0.0.3").append_header(("x-fields", number));
        assert_eq!(app.ask(request).text().await, "0 fields");
    }
    stage.release(1);
    assert_eq!(validating.text().await, "for Some(10.0.0.1)");
    assert_eq!(stage.cache.stats().validated, 1);
    assert_eq!(app.ask(from("10.0.0.2")).text().await, "for Some(10.0.0.2)");
    assert_eq!(app.ask(from("10.0.0.1")).text().await, "for Some(10.0.0.1)");
}
