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

fn route() -> Route {
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

fn ask(route: &Route, request: &HttpRequest, key: &str) {
    let mut writer = KeyWriter::reuse(Vec::new());
    writer.field(Field::Path, key.as_bytes());
    memoize(
        route,
        request,
        &KeyRef::new(route.handler, writer.as_bytes()),
    );
}

fn is_known(route: &Route, request: &HttpRequest) -> bool {
    let mut known = false;
    find_memoized(route, request, |_| known = true);
    known
}

#[test]
fn a_target_is_memoized_from_its_second_request() {
    let (route, request) = (route(), get("/a?b=1"));
    ask(&route, &request, "/a");
    assert!(!is_known(&route, &request));
    ask(&route, &request, "/a");
    assert!(is_known(&route, &request));
}

#[test]
fn another_target_is_not_memoized() {
    let route = route();
    for _ in 0..2 {
        ask(&route, &get("/a?b=1"), "/a");
    }
    for other in ["/a", "/a?", "/a?b=2", "/b?b=1", "/a?b=1&"] {
        assert!(!is_known(&route, &get(other)), "{other}");
    }
}

#[test]
fn two_routes_of_one_handler_do_not_meet() {
    let (one, other, request) = (route(), route(), get("/a"));
    for _ in 0..2 {
        ask(&one, &request, "/a");
    }
    assert!(is_known(&one, &request));
    assert!(!is_known(&other, &request));
}

#[test]
fn a_target_under_another_pattern_is_not_memoized() {
    let route = route();
    let matched = |name: &'static str, value: &'static str| {
        let request = TestRequest::with_uri("/a");
        request.param(name, value).to_http_request()
    };
    for _ in 0..2 {
        ask(&route, &matched("name", "a"), "/a");
    }
    assert!(is_known(&route, &matched("name", "a")));
    assert!(!is_known(&route, &matched("name", "b")));
    assert!(!is_known(&route, &matched("user", "a")));
    assert!(!is_known(&route, &get("/a")));
    let more = TestRequest::with_uri("/a").param("name", "a");
    assert!(!is_known(&route, &more.param("b", "c").to_http_request()));
}

#[test]
fn a_long_target_is_left_alone() {
    let (route, request) = (route(), get(&format!("/{}", "a".repeat(MAX_TARGET_BYTES))));
    for _ in 0..4 {
        ask(&route, &request, "/a");
    }
    assert!(!is_known(&route, &request));
}
