//! What would become of a request.

use serde_json::{Value, json};
use tests::raw::Request;

use crate::shop::Shop;

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
    assert_eq!(only(&answer)["key"], json!(["path", "query: page, ?"]));
    shop.get("/products/7");
    let answer = shop.admin("/explain?url=/products/7");
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
    assert_eq!(
        shop.admin("/explain?url=/nothing"),
        json!({ "pattern": null, "handlers": [] })
    );
    let uncached = shop.admin("/explain?url=/uncached");
    assert_eq!(uncached, json!({ "pattern": "/uncached", "handlers": [] }));
}

#[test]
fn a_mistake_is_answered_with_what_to_write() {
    let shop = Shop::open();
    for query in [
        "",
        "?method=GET",
        "?url=",
        "?url=list",
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
