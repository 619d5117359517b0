//! What would become of a request.

use std::net::SocketAddr;

use actix_service::IntoServiceFactory as _;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Service, ServiceFactory as _, ServiceResponse};
use actix_web::test::{TestRequest, call_and_read_body_json, call_service};
use actix_web::{App, Error, web};
use cached_response::{ResponseCache, admin};
use serde_json::{Value, json};
use tests::raw::Request;

use crate::shop::{Runs, Shop, TOKEN, routes};

fn only(answer: &Value) -> &Value {
    let handlers = answer["handlers"].as_array().unwrap();
    assert_eq!(handlers.len(), 1, "{answer}");
    &handlers[0]
}

/// The outcome, and its reason.
fn outcome(answer: &Value) -> (&str, &str) {
    let handler = only(answer);
    (
        handler["outcome"].as_str().unwrap(),
        handler["reason"].as_str().unwrap_or("-"),
    )
}

#[test]
fn a_stored_response_is_a_hit_and_another_one_a_miss() {
    let shop = Shop::open();
    for target in [
        "/products/7",
        "/search?a=1&b=2",
        "/shops/x/items/3",
        "/behind/page",
    ] {
        shop.get(target);
        let encoded = target.replace('&', "%26").replace('?', "%3F");
        let answer = shop.admin(&format!("/explain?url={encoded}"));
        assert_eq!(outcome(&answer), ("hit", "-"), "{answer}");
        assert!(only(&answer)["fresh_seconds"].as_u64().unwrap() > 20);
    }
    for (target, pattern) in [
        ("/products/8", "/products/{id}"),
        ("/search?a=1", "/search"),
        ("/shops/y/items/3", "/shops/{shop}/items/{n}"),
        ("/shops/x/items/4", "/shops/{shop}/items/{n}"),
    ] {
        let answer = shop.admin(&format!("/explain?url={}", target.replace('?', "%3F")));
        assert_eq!(outcome(&answer), ("miss", "uri-miss"), "{answer}");
        assert_eq!(answer["pattern"], pattern);
    }
    let hits = shop.cache.stats().hits;
    assert_eq!(hits, 0, "an explanation is not a hit");
}

#[test]
fn a_full_url_is_as_good_as_a_path() {
    let shop = Shop::open();
    shop.get("/address");
    let host = shop.address();
    let answer = shop.admin(&format!("/explain?url=http://{host}/address"));
    assert_eq!(
        outcome(&answer),
        ("miss", "uri-miss"),
        "the test sends another host"
    );
    shop.fetch(&Request::get("/address").line(format!("host: {host}")));
    let answer = shop.admin(&format!("/explain?url=http://{host}/address"));
    assert_eq!(outcome(&answer), ("hit", "-"));
    let answer = shop.admin("/explain?url=http://elsewhere.example/address");
    assert_eq!(outcome(&answer), ("miss", "uri-miss"));
    let answer = shop.admin(&format!("/explain?url=/address&header=host:{host}"));
    assert_eq!(outcome(&answer), ("hit", "-"));
}

#[test]
fn method_and_headers_decide() {
    let shop = Shop::open();
    let greeting = Request::get("/greeting").header("accept-language", "en");
    shop.fetch(&greeting);
    shop.get("/search");
    shop.get("/behind/page");
    shop.get("/products/1");
    for (query, expected) in [
        ("url=/greeting&header=accept-language:%20en", ("hit", "-")),
        (
            "url=/greeting&header=accept-language:%20de",
            ("miss", "vary-miss"),
        ),
        ("url=/search&method=POST", ("bypass", "method")),
        ("url=/search&header=authorization:x", ("miss", "bypass")),
        ("url=/behind/page&header=cookie:a%3Db", ("bypass", "cookie")),
        ("url=/search%3Fnocache%3D1", ("bypass", "nocache")),
        ("url=/products/1%3Fnocache%3D1", ("miss", "request")),
    ] {
        let answer = shop.admin(&format!("/explain?{query}"));
        assert_eq!(outcome(&answer), expected, "{query}: {answer}");
    }
}

#[test]
fn the_parts_of_the_key_are_named() {
    let shop = Shop::open();
    shop.get("/search?page=2&alone");
    let answer = shop.admin("/explain?url=/search%3Fpage%3D2%26alone");
    assert_eq!(
        only(&answer)["key"],
        json!(["method", "path", "query: page, ?"])
    );
    shop.get("/products/7");
    let answer = shop.admin("/explain?url=/products/7");
    assert_eq!(only(&answer)["key"], json!(["method", "path", "{id}"]));
    assert_eq!(only(&answer)["tags"], json!(["product:7"]));
}

#[test]
fn a_route_of_users_depends_on_its_arguments() {
    let shop = Shop::open();
    shop.fetch(&Request::get("/me").header("authorization", "alice"));
    let answer = shop.admin("/explain?url=/me&header=authorization:alice");
    assert_eq!(outcome(&answer), ("unknown", "-"));
    assert!(!answer.to_string().contains("alice"), "{answer}");
}

#[test]
fn a_path_without_a_route_has_no_pattern() {
    let shop = Shop::open();
    for (path, pattern) in [("/nothing", json!(null)), ("/uncached", json!("/uncached"))] {
        let answer = shop.admin(&format!("/explain?url={path}"));
        assert_eq!(answer["pattern"], pattern, "{answer}");
        assert_eq!(answer["handlers"], json!([]), "{answer}");
    }
}

#[test]
fn the_answer_names_what_the_description_leaves_out() {
    let shop = Shop::open();
    shop.get("/products/7");
    let answer = shop.admin("/explain?url=/products/7");
    let unseen = answer["unseen"].to_string();
    assert!(
        unseen.contains("middleware") && unseen.contains("HTTP/2"),
        "{answer}"
    );
}

/// An application that is served over TLS, or not.
async fn secure_or_not(
    is_secure: bool,
) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = Error>
{
    let cache = ResponseCache::builder().build();
    let local = SocketAddr::from(([127, 0, 0, 1], 443));
    let config = AppConfig::__priv_test_new(is_secure, "shop.example".to_owned(), local);
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(Runs::default()))
        .service(admin::scope("/cache", cache, admin::token(TOKEN)))
        .configure(routes);
    let app = app.into_factory().new_service(config).await;
    app.unwrap_or_else(|()| panic!("an application"))
}

#[actix_web::test]
async fn a_url_has_the_scheme_of_the_connection_that_it_is_requested_over() {
    for is_secure in [false, true] {
        let app = secure_or_not(is_secure).await;
        let page = TestRequest::with_uri("/address").insert_header(("host", "shop.example"));
        assert!(
            call_service(&app, page.to_request())
                .await
                .status()
                .is_success()
        );
        for (url, scheme) in [
            ("http://shop.example/address", "http"),
            ("https://shop.example/address", "https"),
            ("/address", if is_secure { "https" } else { "http" }),
        ] {
            let ask = TestRequest::with_uri(&format!("/cache/explain?url={url}"))
                .insert_header(("host", "shop.example"))
                .insert_header(("authorization", format!("Bearer {TOKEN}")));
            let answer: Value = call_and_read_body_json(&app, ask.to_request()).await;
            let is_it = (scheme == "https") == is_secure;
            let expected = if is_it {
                ("hit", "-")
            } else {
                ("miss", "uri-miss")
            };
            assert_eq!(outcome(&answer), expected, "{url}, {is_secure}: {answer}");
            assert_eq!(answer["scheme"], scheme);
        }
    }
}

#[test]
fn a_mistake_is_answered_with_what_to_write() {
    let shop = Shop::open();
    for query in [
        "",
        "?method=GET",
        "?url=",
        "?url=list",
        "?url=ftp://host/list",
        "?url=/&method=%20",
        "?url=/&header=alone",
        "?url=/&header=a%0Ab:c",
        "?url=/&header=a:b%0Ac",
        "?url=/&colour=red",
    ] {
        let (status, answer) = shop.ask(&format!("/explain{query}"));
        assert_eq!(status, 400, "{query}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains('`'), "{answer}");
    }
}
