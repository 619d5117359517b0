//! The target of a request, byte for byte.

use actix_web::test::init_service;
use actix_web::{App, get};
use cached_response::testing::isolated;
use cached_response::{Bypass, cached_response};

use super::any_page;
use crate::ask::{get as ask_for, run};

/// Two different requests never have one key.
#[actix_web::test]
async fn targets_that_differ_are_kept_apart() {
    let targets = [
        "/",
        "/a",
        "/a?",
        "/a?b",
        "/a?b=",
        "/a?=b",
        "/a?=",
        "/a?&",
        "/a?&&",
        "/a:b",
        "/a?b:",
        "/a:?b",
        "/a%3Fx=1",
        "/a?x=1",
        "/a?x=%31",
        "/a?x=1+2",
        "/a?x=1%202",
        "/a?x=1&x=2",
        "/a?x=2&x=1",
        "/a?x=1;y=2",
        "/a?x=1&y=2",
        "/a?x=1%26y=2",
        "/a?x%3D1&y=2",
        "/a%1E",
        "/a%1e",
        "/%1Ea",
        "/a/",
        "//a",
        "/a//b",
        "/a/b",
        "/a%2Fb",
        "/a;b",
        "/a%3Bb",
        "/A",
        "/a/./b",
        "/a/../b",
        "/a/%2e%2e/b",
        "/b",
        "/a%00",
        "/a%",
        "/a?nocache=2",
        "/a?nocache",
        "/a?NOCACHE=1",
        "/a?nocache=1%20",
        "/a?%6Eocache=1",
        "/a?x=nocache=1",
    ];
    let cache = isolated();
    let app = init_service(App::new().service(any_page)).await;
    let mut first = Vec::new();
    for target in targets {
        first.push(ask_for(&app, target).await.body);
    }
    assert_eq!(cache.cache().stats().entries, targets.len() as u64);
    for (target, body) in targets.iter().zip(&first) {
        let again = ask_for(&app, target).await;
        assert!(again.is_hit(), "{target}");
        assert_eq!(again.body, *body, "{target}");
    }
    first.sort();
    first.dedup();
    assert_eq!(first.len(), targets.len(), "two targets shared a response");
}

#[get("/long/{tail:.*}")]
#[cached_response]
async fn long() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_key_over_eight_kibibytes_bypasses() {
    let cache = isolated();
    let app = init_service(App::new().service(long)).await;
    let target = format!("/long/{}", "x".repeat(9 << 10));
    assert_eq!(
        ask_for(&app, &target).await.detail().unwrap(),
        "key-too-long"
    );
    assert_eq!(ask_for(&app, &target).await.body, "2");
    let stats = cache.cache().stats();
    assert_eq!((stats.bypassed(Bypass::KeyTooLong), stats.entries), (2, 0));
}
