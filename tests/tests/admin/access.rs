//! Access control, and the `no-store` of each answer.

use actix_web::guard::{self, fn_guard};
use actix_web::web;
use cached_response::{CacheResponses, Policy, ResponseCache, admin};
use tests::raw::{self, Request, Response};
use tests::server::Server;

use crate::shop::{Shop, authorized};

const TARGETS: [&str; 10] = [
    "/cache/",
    "/cache/stats",
    "/cache/advice",
    "/cache/metrics",
    "/cache/routes",
    "/cache/entries",
    "/cache/explain?url=/search",
    "/cache/invalidate",
    "/cache/nothing",
    "/cache",
];

fn is_private(response: &Response) {
    assert_eq!(
        response.header("cache-control").as_deref(),
        Some("no-store")
    );
    assert_eq!(
        response.header("x-content-type-options").as_deref(),
        Some("nosniff")
    );
}

#[test]
fn nothing_is_answered_without_the_token() {
    let shop = Shop::open();
    for target in TARGETS {
        for request in [
            Request::get(target),
            Request::get(target).header("authorization", "Bearer incorrect horse battery"),
            Request::post(target, "{\"all\":true}").header("content-type", "application/json"),
        ] {
            let refused = shop.fetch(&request);
            assert_eq!(
                (refused.status(), refused.text().as_str()),
                (401, ""),
                "{target}"
            );
            assert!(
                refused
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Basic ")
            );
            is_private(&refused);
        }
    }
    assert_eq!(shop.cache.stats().invalidations, 0);
}

#[test]
fn a_browser_logs_in_with_the_token_as_password() {
    let shop = Shop::open();
    let basic = "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";
    let admitted = Request::get("/cache/routes").header("authorization", basic);
    assert_eq!(shop.fetch(&admitted).status(), 200);
}

#[test]
fn every_answer_is_private() {
    let shop = Shop::open();
    for target in TARGETS {
        is_private(&shop.fetch(&authorized(Request::get(target))));
    }
    let missing = shop.fetch(&authorized(Request::get("/cache/nothing")));
    assert_eq!(missing.status(), 404);
}

#[test]
fn a_guard_of_actix_hides_the_scope() {
    let cache = ResponseCache::builder().build();
    let server = Server::start(1, move |app| {
        let operator = fn_guard(|context| context.head().headers().contains_key("x-operator"));
        let operator = guard::All(operator).and(guard::Header("x-role", "admin"));
        app.service(admin::scope("/ops/cache", cache.clone(), operator));
    });
    let server = server.unwrap();
    let ask = |request| raw::fetch(server.address(), &request).unwrap();
    let routes = || Request::get("/ops/cache/routes").header("x-operator", "1");
    for request in [
        Request::get("/ops/cache/routes"),
        routes(),
        routes().header("x-role", "guest"),
    ] {
        let hidden = ask(request);
        assert_eq!((hidden.status(), hidden.text().as_str()), (404, ""));
        is_private(&hidden);
    }
    assert_eq!(ask(routes().header("x-role", "admin")).status(), 200);
}

#[test]
fn a_page_of_another_origin_neither_reads_nor_invalidates() {
    let shop = Shop::open();
    shop.get("/search");
    let host = shop.address().to_string();
    let own = format!("http://{host}");
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
        ("origin", &own, 200),
    ] {
        let read = Request::get("/cache/entries").line(format!("host: {host}"));
        let read = authorized(read).header(name, value);
        assert_eq!(shop.fetch(&read).status(), status, "{name}: {value}");
        let before = shop.cache.stats().invalidations;
        let post =
            Request::post("/cache/invalidate", "{\"tag\":\"a\"}").line(format!("host: {host}"));
        let post = authorized(post).header("content-type", "application/json");
        let answer = shop.fetch(&post.header(name, value));
        assert_eq!(answer.status(), status, "{name}: {value}");
        is_private(&answer);
        let done = shop.cache.stats().invalidations - before;
        assert_eq!(done, u64::from(status == 200), "{name}: {value}");
    }
}

#[test]
fn a_form_is_refused() {
    let shop = Shop::open();
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/plain; application/json",
    ] {
        let post = Request::post("/cache/invalidate", "{\"all\":true}");
        let refused = shop.fetch(&authorized(post).header("content-type", kind));
        assert_eq!(refused.status(), 415, "{kind}");
    }
    let without = Request::post("/cache/invalidate", "{\"all\":true}");
    assert_eq!(shop.fetch(&authorized(without)).status(), 415);
    let typed = authorized(Request::post("/cache/invalidate", "{\"all\":true}"));
    let typed = typed.header("content-type", "application/json; charset=utf-8");
    assert_eq!(shop.fetch(&typed).status(), 200);
    assert_eq!(shop.cache.stats().invalidations, 1);
}

#[test]
fn a_cache_around_it_stores_none_of_its_answers() {
    let cache = ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::start(1, move |app| {
        let everyone = fn_guard(|context| context.head().method != "DELETE");
        let scope = admin::scope("/cache", own.clone(), everyone);
        let around = CacheResponses::new(Policy::new(60).status(404)).cache(own.clone());
        app.service(web::scope("/ops").wrap(around).service(scope));
    });
    let server = server.unwrap();
    for target in [
        "/ops/cache/entries",
        "/ops/cache/routes",
        "/ops/cache/nothing",
    ] {
        for _ in 0..3 {
            let answer = raw::fetch(server.address(), &Request::get(target)).unwrap();
            assert!(
                !answer.header("cache-status").unwrap().contains("hit"),
                "{target}"
            );
        }
    }
    assert_eq!((cache.stats().stored, cache.stats().hits), (0, 0));
}
