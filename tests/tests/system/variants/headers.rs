//! Headers, typed and in several lines.

use std::time::Duration;

use actix_web::http::header::{AcceptLanguage, ContentLanguage, Header as _, HeaderName};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated, isolated_with};
use cached_response::{ResponseCache, TrackedRequest, cached_response};

use crate::ask::{ask, get_with, run};

#[get("/languages")]
#[cached_response]
async fn languages(
    accepted: web::Header<AcceptLanguage>,
    content: Option<web::Header<ContentLanguage>>,
) -> String {
    format!("{} {} {}", run(), accepted.0, content.is_some())
}

#[actix_web::test]
async fn typed_headers_are_keyed_and_named_in_vary() {
    let _cache = isolated();
    let app = init_service(App::new().service(languages)).await;
    let name: HeaderName = AcceptLanguage::name();
    let request = |language: &str| {
        TestRequest::with_uri("/languages").append_header((name.clone(), language))
    };
    let first = ask(&app, request("de")).await;
    assert_eq!(
        (first.body.as_str(), first.header("vary").unwrap().as_str()),
        ("1 de false", "accept-language, content-language")
    );
    assert!(
        ask(&app, request("de").append_header(("cookie", "a")))
            .await
            .is_hit()
    );
    assert_eq!(ask(&app, request("en")).await.body, "2 en false");
    let both = request("de").append_header(("content-language", "fr"));
    assert_eq!(ask(&app, both).await.body, "3 de true");
    let bad = request("de").append_header(("content-language", ";;"));
    assert!(!ask(&app, bad).await.is_hit());
    assert_eq!(ask(&app, request("de")).await.body, "1 de false");
}

#[get("/lines")]
#[cached_response]
async fn lines_of(request: TrackedRequest) -> String {
    format!("{:?}", request.header("accept-language"))
}

#[actix_web::test]
async fn lines_that_an_attacker_splits_are_not_what_a_victim_sees() {
    let _cache = isolated();
    let app = init_service(App::new().service(lines_of)).await;
    let split = TestRequest::with_uri("/lines").append_header(("accept-language", "de"));
    let evil = ask(&app, split.append_header(("accept-language", "en"))).await;
    assert_eq!(evil.body, "None");
    let victim = get_with(&app, "/lines", ("accept-language", "de, en")).await;
    assert_eq!(victim.body, "Some(\"de, en\")");
}

/// Says what it varies by only where it has chosen by it.
#[get("/sometimes")]
#[cached_response(timeout = 10, vary(none))]
async fn sometimes(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let tongue = request.headers().get("accept-language");
    if tongue.is_some() {
        response.insert_header(("vary", "accept-language"));
    }
    response.body(format!("{} {tongue:?}", run()))
}

#[actix_web::test]
async fn a_response_that_does_not_vary_gives_way_to_one_that_does_and_is_a_variant_from_then_on() {
    let clock = ManualClock::new();
    let cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(sometimes)).await;
    let plain = || ask(&app, TestRequest::with_uri("/sometimes"));
    let tongue = |tongue| get_with(&app, "/sometimes", ("accept-language", tongue));
    assert_eq!(plain().await.body, "1 None");
    clock.advance(Duration::from_secs(10));
    assert_eq!(tongue("de").await.body, "2 Some(\"de\")");
    for _ in 0..2 {
        assert_eq!(plain().await.body, "3 None");
        assert_eq!(tongue("en").await.body, "4 Some(\"en\")");
        assert_eq!(tongue("de").await.body, "2 Some(\"de\")");
    }
    // The list of names, and three variants.
    assert_eq!(cache.cache().stats().entries, 4);
}
