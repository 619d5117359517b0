//! A process that is switched off.

use crate::{
    Policy, ResponseCache, cached,
    testing::{InProcessStore, isolated_with},
};
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_service, init_service},
    web,
};
use std::{convert::Infallible, env, process::Command};

/// Runs the test of this name in a process of its own, which is switched off; says whether this is
/// that process.
fn is_off(name: &str) -> bool {
    const CHILD: &str = "IS_SWITCHED_OFF";
    if env::var_os(CHILD).is_some() {
        return true;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(CHILD, "1")
        .env("CACHED_RESPONSE", "off")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 passed"), "{told}");
    false
}

#[actix_web::test]
async fn it_tells_the_others_what_it_changes() {
    if !is_off("doors::tests::off::it_tells_the_others_what_it_changes") {
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
async fn it_computes_each_value_anew() {
    if !is_off("doors::tests::off::it_computes_each_value_anew") {
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
