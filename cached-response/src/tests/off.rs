//! `CACHED_RESPONSE=off`.

use crate::{
    Policy, ResponseCache, cached,
    testing::{InProcessStore, isolated_with},
    tests::warnings::Warnings,
};
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_service, init_service},
    web,
};
use std::{convert::Infallible, env, process::Command};

/// Runs the test of this name in one process for each value of the switch. Returns true within such a
/// process.
fn is_switched(name: &str, values: &[&str]) -> bool {
    const CHILD: &str = "IS_SWITCHED";
    if env::var_os(CHILD).is_some() {
        return true;
    }
    for value in values {
        let output = Command::new(env::current_exe().unwrap())
            .args([name, "--exact"])
            .env(CHILD, "1")
            .env("CACHED_RESPONSE", value)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("1 passed"), "{value}: {told}");
    }
    false
}

fn is_off(name: &str) -> bool {
    is_switched(name, &["off", "0", "False", " no "])
}

#[actix_web::test]
async fn the_cache_is_on_for_any_other_value() {
    let name = "tests::off::the_cache_is_on_for_any_other_value";
    if !is_switched(name, &["on", "1", "TRUE", "yes", "", "offf"]) {
        return;
    }
    let cache = ResponseCache::builder().build();
    let page = web::get().to(cached(Policy::new(60), HttpResponse::Ok));
    let app = App::new().app_data(cache.clone()).route("/", page);
    let app = init_service(app).await;
    for _ in 0..2 {
        call_service(&app, TestRequest::get().to_request()).await;
    }
    assert_eq!(cache.stats().hits, 1);
}

#[test]
fn a_value_that_is_neither_on_nor_off_is_one_warning() {
    let name = "tests::off::a_value_that_is_neither_on_nor_off_is_one_warning";
    if !is_switched(name, &["offf"]) {
        return;
    }
    let warnings = Warnings::of("::default");
    let _guard = tracing::subscriber::set_default(warnings.clone());
    for _ in 0..2 {
        assert!(!ResponseCache::builder().build().shared().is_off());
    }
    let lines = warnings.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "\"offf\"",
        "neither on nor off",
        "write CACHED_RESPONSE=off",
    ] {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
}

#[actix_web::test]
async fn a_cache_that_is_off_publishes_its_invalidations() {
    if !is_off("tests::off::a_cache_that_is_off_publishes_its_invalidations") {
        return;
    }
    let cache = ResponseCache::builder()
        .remote(InProcessStore::new())
        .build();
    let _guard = isolated_with(cache.clone());
    let page = || web::route().to(cached(Policy::new(60), HttpResponse::Ok));
    let app = init_service(App::new().route("/page", page())).await;
    for (request, words) in [
        (TestRequest::post(), "fwd=method; detail=method"),
        (TestRequest::get(), "fwd=bypass; detail=off"),
        (TestRequest::get(), "fwd=bypass; detail=off"),
    ] {
        let response = call_service(&app, request.uri("/page").to_request()).await;
        let said = response.headers().get("cache-status").unwrap();
        assert_eq!(said.to_str().unwrap(), format!("cached-response; {words}"));
        assert_eq!(cache.stats().invalidations, 1);
    }
}

#[actix_web::test]
async fn a_cache_that_is_off_computes_each_value_again() {
    if !is_off("tests::off::a_cache_that_is_off_computes_each_value_again") {
        return;
    }
    let cache = ResponseCache::builder().build();
    for computed in [1, 2] {
        let value =
            cache.get_or_compute(
                "value",
                60,
                move || async move { Ok::<_, Infallible>(computed) },
            );
        assert_eq!(value.await, Ok(computed));
    }
    assert_eq!(cache.stats().entries, 0);
}
