//! Queries that a handler cannot see, or of which it sees some names.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::Accept;
use actix_web::http::{Method, Uri};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{App, Error, FromRequest, HttpRequest, get};
use cached_response::testing::isolated;
use cached_response::{
    CacheHandle, Gate, KeyCovered, KeyPart, Keyed, Outcome, Policy, ResponseCache, TrackedRequest,
    Unkeyed, cached, cached_response,
};
use serde::Deserialize;

use crate::ask::{get as ask_for, run};

/// What an extractor of the user's makes of the query.
#[derive(KeyPart)]
struct Sort {
    by: String,
    first: String,
}

impl FromRequest for Sort {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let first = query.split('&').next().unwrap_or_default().to_owned();
        ready(Ok(Self {
            by: query.to_owned(),
            first,
        }))
    }
}

/// The same under a word that covers it.
struct Neutral(Sort);

impl<W> KeyCovered<W> for Neutral {}

impl FromRequest for Neutral {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Sort::from_request(request, payload).into_inner().map(Self))
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default, alias = "p")]
    page: u32,
}

#[derive(Deserialize)]
struct Order {
    order: Option<String>,
}

#[get("/blind/nothing")]
#[cached_response]
async fn nothing() -> String {
    run().to_string()
}

#[get("/blind/path/{n}")]
#[cached_response]
async fn parameter(
    n: Path<u32>,
    title: Data<String>,
    method: Method,
    cache: CacheHandle,
) -> String {
    cache.tag("blind");
    format!("{} {n} {} {method}", run(), **title)
}

#[get("/blind/header")]
#[cached_response]
async fn accepting(accept: web::Header<Accept>) -> String {
    format!("{} {}", run(), accept.0.len())
}

#[get("/blind/request")]
#[cached_response]
async fn recorded(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.header("x-a"))
}

#[get("/blind/gate")]
#[cached_response(gate(sort))]
async fn gated(sort: Sort) -> String {
    run().to_string()
}

#[get("/blind/unkeyed")]
#[cached_response(unkeyed(sort, page, neutral))]
async fn unread(sort: Sort, page: Query<Page>, neutral: Neutral) -> String {
    let _ = (sort.by, page.page, neutral.0.by);
    run().to_string()
}

fn blind(app: &mut ServiceConfig) {
    let wrapped =
        |_: Gate<Sort>, _: Unkeyed<Sort>, n: Path<u32>| async move { format!("{} {n}", run()) };
    app.app_data(Data::new(String::from("title")))
        .service((nothing, parameter, accepting, recorded, gated, unread))
        .route(
            "/blind/cached/{n}",
            web::get().to(cached(Policy::new(60), wrapped)),
        );
}

const BLIND: [&str; 7] = [
    "/blind/nothing",
    "/blind/path/1",
    "/blind/header",
    "/blind/request",
    "/blind/gate",
    "/blind/unkeyed",
    "/blind/cached/1",
];

#[actix_web::test]
async fn a_query_that_a_handler_cannot_see_costs_no_hit() {
    let cache = isolated();
    let app = init_service(App::new().configure(blind)).await;
    for target in BLIND {
        let live = ask_for(&app, target).await;
        assert!(!live.is_hit(), "{target}");
        let before = cache.cache().stats().entries;
        for junk in ["?utm_source=x", "?junk=1", "?", "?junk=2&page=7", "?junk=1"] {
            let answer = ask_for(&app, &format!("{target}{junk}")).await;
            assert!(answer.is_hit(), "{target}{junk}");
            assert_eq!(answer.body, live.body);
        }
        assert_eq!(cache.cache().stats().entries, before, "{target}");
    }
}

#[actix_web::test]
async fn a_refresh_can_be_forced_where_the_query_is_not_in_the_key() {
    let _cache = isolated();
    let app = init_service(App::new().configure(blind)).await;
    for target in BLIND {
        // So often that a worker has the target, and its key, at hand.
        for _ in 0..5 {
            ask_for(&app, target).await;
            ask_for(&app, &format!("{target}?junk=1")).await;
        }
        for flag in ["?nocache=1", "?junk=1&nocache=1", "?nocache=1"] {
            let stored = ask_for(&app, target).await;
            assert!(stored.is_hit(), "{target}");
            let live = ask_for(&app, &format!("{target}{flag}")).await;
            assert!(!live.is_hit(), "{target}{flag}");
            assert_ne!(live.body, stored.body, "{target}{flag}");
            assert_eq!(ask_for(&app, target).await.body, live.body);
        }
    }
}

#[get("/seeing/page")]
#[cached_response]
async fn listing(page: Query<Page>) -> String {
    format!("{} {}", run(), page.page)
}

#[get("/seeing/both")]
#[cached_response]
async fn two(page: Option<Query<Page>>, order: Query<Order>) -> String {
    let page = page.map(|page| page.page);
    format!("{} {page:?} {:?}", run(), order.order)
}

#[actix_web::test]
async fn a_query_of_named_fields_keys_these_and_no_others() {
    let cache = isolated();
    let app = init_service(App::new().service(listing).service(two)).await;
    for (target, body) in [
        ("/seeing/page?page=1", "1 1"),
        ("/seeing/page?utm_source=x&page=1&junk", "1 1"),
        ("/seeing/page?order=a&page=1", "1 1"),
        ("/seeing/page?p=1", "2 1"),
        ("/seeing/page", "3 0"),
        ("/seeing/page?junk=1", "3 0"),
        ("/seeing/page?junk=1&nocache=1", "4 0"),
        ("/seeing/page?junk=2", "4 0"),
        ("/seeing/both?page=1&order=a", "5 Some(1) Some(\"a\")"),
        (
            "/seeing/both?order=a&junk=1&page=1",
            "5 Some(1) Some(\"a\")",
        ),
        ("/seeing/both?page=1&order=b", "6 Some(1) Some(\"b\")"),
        ("/seeing/both?page=x&order=b", "7 None Some(\"b\")"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
    let before = cache.cache().stats().entries;
    for n in 0..100 {
        ask_for(&app, &format!("/seeing/page?junk={n}&page=1")).await;
    }
    assert_eq!(cache.cache().stats().entries, before);
}

#[get("/whole/uri")]
#[cached_response]
async fn whole_target(uri: Uri) -> String {
    uri.to_string()
}

#[get("/whole/request")]
#[cached_response(vary(none))]
async fn whole(request: HttpRequest) -> String {
    request.uri().to_string()
}

#[get("/whole/unkeyed")]
#[cached_response(vary(none), unkeyed(request))]
async fn unkeyed_request(request: HttpRequest) -> String {
    request.uri().to_string()
}

#[get("/whole/neutral")]
#[cached_response]
async fn covered(neutral: Neutral) -> String {
    neutral.0.by
}

#[get("/whole/keyed")]
#[cached_response(key(sort.first))]
async fn partly_keyed(sort: Sort) -> String {
    sort.by
}

#[get("/whole/map")]
#[cached_response]
async fn mapped(query: Query<HashMap<String, String>>) -> String {
    format!("{:?}", query.get("b"))
}

fn wholly(app: &mut ServiceConfig) {
    let wrapped = |sort: Keyed<Sort>, uri: Uri| async move { format!("{} {uri}", sort.by) };
    app.service((
        whole_target,
        whole,
        unkeyed_request,
        covered,
        partly_keyed,
        mapped,
    ))
    .route(
        "/whole/cached",
        web::get().to(cached(Policy::new(60), wrapped)),
    );
}

#[actix_web::test]
async fn an_unknown_argument_has_the_whole_query_in_its_key() {
    let _cache = isolated();
    let app = init_service(App::new().configure(wholly)).await;
    for name in [
        "uri", "request", "unkeyed", "neutral", "keyed", "map", "cached",
    ] {
        let ask = async |query| ask_for(&app, &format!("/whole/{name}?a=1&{query}")).await;
        let (one, other) = (ask("b=1").await, ask("b=2").await);
        assert_ne!(one.body, other.body, "{name}");
        assert!(
            ask("b=1").await.is_hit() && ask("b=2").await.is_hit(),
            "{name}"
        );
        assert_eq!(ask("b=1").await.body, one.body, "{name}");
    }
}

#[get("/said/{n}")]
#[cached_response(query = all)]
async fn said_all(n: Path<u32>) -> String {
    format!("{} {n}", run())
}

#[actix_web::test]
async fn an_unread_query_is_in_the_key_where_the_route_demands_it() {
    let _cache = isolated();
    let app = init_service(App::new().service(said_all)).await;
    for (target, body) in [
        ("/said/1?a=1&b=2", "1 1"),
        ("/said/1?b=2&a=1", "1 1"),
        ("/said/1?a=1", "2 1"),
        ("/said/1", "3 1"),
    ] {
        assert_eq!(ask_for(&app, target).await.body, body, "{target}");
    }
}

#[test]
#[should_panic(expected = "query([\"page\", \"sort\"])")]
fn a_typed_query_without_a_type_is_refused_when_the_route_is_made() {
    let page = |n: Path<u32>| async move { n.to_string() };
    let _ = cached(Policy::new(60).query_typed(), page);
}

#[actix_web::test]
async fn a_url_reaches_what_does_not_see_its_query() {
    let cache = ResponseCache::builder().build();
    let app = App::new().app_data(cache.clone()).configure(blind);
    let app = init_service(app.service(listing)).await;
    for (stored, invalidated) in [
        ("/blind/nothing", "/blind/nothing?a=1"),
        ("/blind/nothing?junk", "/blind/nothing"),
        ("/seeing/page?page=2&junk=1", "/seeing/page?other=3&page=2"),
    ] {
        ask_for(&app, stored).await;
        assert!(ask_for(&app, stored).await.is_hit(), "{stored}");
        cache.invalidate_url(invalidated).await.unwrap();
        assert!(!ask_for(&app, stored).await.is_hit(), "{stored}");
    }
    ask_for(&app, "/seeing/page?page=3").await;
    cache.invalidate_url("/seeing/page?page=2").await.unwrap();
    assert!(ask_for(&app, "/seeing/page?page=3").await.is_hit());
}

#[actix_web::test]
async fn an_explanation_has_the_query_that_the_key_has() {
    let cache = ResponseCache::builder().build();
    let app = App::new().app_data(cache.clone()).configure(blind);
    let app = init_service(app.service(listing).service(whole)).await;
    for (target, keyed) in [
        ("/blind/nothing?junk=1", None),
        ("/seeing/page?junk=1&page=2", Some("page=2")),
        ("/seeing/page?junk=1", None),
        ("/whole/request?b=1&a=2", Some("b=1&a=2")),
    ] {
        let request = TestRequest::with_uri(target).to_request();
        let response = call_service(&app, request).await;
        let explained = cache.explain(response.request()).swap_remove(0);
        let query = explained.keyed.iter().find(|(name, _)| name == "query");
        assert_eq!(query.map(|(_, value)| value.as_str()), keyed, "{target}");
        assert!(matches!(explained.outcome, Outcome::Hit(_)), "{target}");
    }
}
