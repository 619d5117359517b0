//! Invalidations by a POST.

use std::thread;
use std::time::{Duration, Instant};

use cached_response::testing::InProcessStore;
use cached_response::{ResponseCache, StoreErrorKind};
use serde_json::{Value, json};

use crate::shop::Shop;

/// A node that misses the message compares with the store after this time.
const MAX_UNVERIFIED: Duration = Duration::from_secs(5);

/// Two nodes that share a store.
fn nodes() -> (InProcessStore, [Shop; 2]) {
    let store = InProcessStore::new();
    let node = || Shop::of(ResponseCache::builder().remote(store.clone()).build());
    let nodes = [node(), node()];
    (store, nodes)
}

/// Bodies, and the targets that each invalidates.
fn cases() -> [(Value, &'static [&'static str]); 8] {
    [
        (json!({ "tag": "product:1" }), &["/products/1"]),
        (
            json!({ "tags": ["product:1", "product:2"] }),
            &["/products/1", "/products/2"],
        ),
        (
            json!({ "path": "/search" }),
            &["/search?a=1", "/search?a=2"],
        ),
        (json!({ "url": "/search?a=1" }), &["/search?a=1"]),
        (
            json!({ "prefix": "/products" }),
            &["/products/1", "/products/2"],
        ),
        (
            json!({ "route": "/products/{id}" }),
            &["/products/1", "/products/2"],
        ),
        (
            json!({ "all": true }),
            &["/products/1", "/products/2", "/search?a=1", "/search?a=2"],
        ),
        (
            json!({ "tag": "product:1", "path": "/search" }),
            &["/products/1", "/search?a=1", "/search?a=2"],
        ),
    ]
}

#[test]
fn each_name_invalidates_what_it_names() {
    for (body, targets) in cases() {
        let shop = Shop::open();
        let all = ["/products/1", "/products/2", "/search?a=1", "/search?a=2"];
        let before = all.map(|target| shop.get(target));
        let (status, answer) = shop.invalidate(&body);
        assert_eq!(
            (status, &answer["failed"]),
            (200, &json!([])),
            "{body}: {answer}"
        );
        for (target, before) in all.iter().zip(before) {
            let is_new = shop.get(target) != before;
            assert_eq!(is_new, targets.contains(target), "{body}: {target}");
        }
    }
}

#[test]
fn a_soft_one_expires() {
    let shop = Shop::open();
    shop.get("/products/1");
    let (status, answer) = shop.invalidate(&json!({ "tag": "shop", "soft": true }));
    assert_eq!(
        (status, answer),
        (200, json!({ "soft": true, "confirmed": 1, "failed": [] }))
    );
    let page = shop.admin("/entries");
    assert_eq!(page["entries"][0]["state"], "retained");
}

#[test]
fn it_reaches_the_memory_of_the_other_nodes() {
    let (_store, [one, other]) = nodes();
    for target in ["/products/1", "/search"] {
        let before = other.get(target);
        assert_eq!(other.get(target), before);
        let body = json!({ "path": target });
        let (status, answer) = one.invalidate(&body);
        assert_eq!((status, &answer["confirmed"]), (200, &json!(1)), "{answer}");
        // The message of the bus is on its way when the answer is there.
        let sent_at = Instant::now();
        while other.get(target) == before {
            assert!(sent_at.elapsed() < MAX_UNVERIFIED, "{target}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_store_that_fails_is_reported_and_this_node_is_invalidated() {
    let (store, [one, _other]) = nodes();
    let before = one.get("/products/1");
    for (kind, status) in [
        (StoreErrorKind::Unreachable, 502),
        (StoreErrorKind::Refused, 502),
    ] {
        store.fail_with(kind);
        let (answered, answer) = one.invalidate(&json!({ "tag": "shop", "path": "/x" }));
        assert_eq!(answered, status, "{answer}");
        assert_eq!(answer["confirmed"], 0);
        let failed = answer["failed"].as_array().unwrap();
        let of: Vec<_> = failed.iter().map(|failure| &failure["of"]).collect();
        assert_eq!(of, ["tag", "path"]);
        assert!(
            failed
                .iter()
                .all(|failure| failure["in_this_process"] == true),
            "{answer}"
        );
    }
    assert_ne!(one.get("/products/1"), before);
}

#[test]
fn a_name_that_nothing_can_have_is_a_bad_request() {
    let shop = Shop::open();
    let long = "x".repeat(300);
    for body in [
        json!({ "tag": "" }),
        json!({ "path": "" }),
        json!({ "tag": long }),
    ] {
        let (status, answer) = shop.invalidate(&body);
        assert_eq!(status, 400, "{body}");
        assert_eq!(answer["failed"][0]["in_this_process"], false, "{answer}");
    }
}

#[test]
fn a_body_that_names_nothing_is_a_bad_request() {
    let shop = Shop::open();
    for body in [
        json!({}),
        json!({ "soft": true }),
        json!({ "all": false }),
        json!({ "tags": [] }),
        json!({ "everything": true }),
        json!({ "tag": 7 }),
        json!([]),
        Value::Null,
    ] {
        let (status, answer) = shop.invalidate(&body);
        assert_eq!(status, 400, "{body}");
        assert!(
            answer["error"].as_str().unwrap().starts_with("the body is"),
            "{answer}"
        );
    }
    assert_eq!(shop.cache.stats().invalidations, 0);
}
