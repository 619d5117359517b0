use super::*;
use crate::{
    key::{
        Field, KeyWriter,
        handler_id::{HandlerType, SourceLocation},
    },
    policy::Policy,
    route::config::RouteConfig,
};
use actix_web::test::TestRequest;

fn site() -> Route {
    let config = RouteConfig::new(Policy::default(), &[]);
    Route::new(
        "handler",
        HandlerType::of::<()>(),
        SourceLocation::VALUE,
        config,
    )
}

fn get(target: &str) -> HttpRequest {
    TestRequest::with_uri(target).to_http_request()
}

fn ask(site: &Route, request: &HttpRequest, key: &str) {
    let mut writer = KeyWriter::reuse(Vec::new());
    writer.field(Field::Path, key.as_bytes());
    note(site, request, &KeyRef::new(site.handler, writer.as_bytes()));
}

fn is_known(site: &Route, request: &HttpRequest) -> bool {
    let mut known = false;
    find(site, request, |_| known = true);
    known
}

#[test]
fn a_target_is_known_from_its_second_request() {
    let (site, request) = (site(), get("/a?b=1"));
    ask(&site, &request, "/a");
    assert!(!is_known(&site, &request));
    ask(&site, &request, "/a");
    assert!(is_known(&site, &request));
}

#[test]
fn another_target_is_not_known() {
    let site = site();
    for _ in 0..2 {
        ask(&site, &get("/a?b=1"), "/a");
    }
    for other in ["/a", "/a?", "/a?b=2", "/b?b=1", "/a?b=1&"] {
        assert!(!is_known(&site, &get(other)), "{other}");
    }
}

#[test]
fn two_sites_of_one_handler_do_not_meet() {
    let (one, other, request) = (site(), site(), get("/a"));
    for _ in 0..2 {
        ask(&one, &request, "/a");
    }
    assert!(is_known(&one, &request));
    assert!(!is_known(&other, &request));
}

#[test]
fn a_target_under_another_pattern_is_not_known() {
    let site = site();
    let matched = |name: &'static str, value: &'static str| {
        let request = TestRequest::with_uri("/a");
        request.param(name, value).to_http_request()
    };
    for _ in 0..2 {
        ask(&site, &matched("name", "a"), "/a");
    }
    assert!(is_known(&site, &matched("name", "a")));
    assert!(!is_known(&site, &matched("name", "b")));
    assert!(!is_known(&site, &matched("user", "a")));
    assert!(!is_known(&site, &get("/a")));
    let more = TestRequest::with_uri("/a").param("name", "a");
    assert!(!is_known(&site, &more.param("b", "c").to_http_request()));
}

#[test]
fn a_long_target_is_left_alone() {
    let (site, request) = (site(), get(&format!("/{}", "a".repeat(MAX_TARGET_BYTES))));
    for _ in 0..4 {
        ask(&site, &request, "/a");
    }
    assert!(!is_known(&site, &request));
}
