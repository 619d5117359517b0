//! Contents of `Cache-Status`.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, cached_response};
use futures_util::stream;

use super::{asking, constant, seeing};
use crate::ask::{Answer, ask, get as ask_for, said};

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
async fn cache_status_of_upstream_caches_precedes_ours() {
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
    assert!(app_status.parameter("ttl").as_i64().unwrap() > 400 * 365 * 86_400);
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
