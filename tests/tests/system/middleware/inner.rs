//! Cached handlers and other caches inside the middleware.

use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::testing::isolated;
use cached_response::{
    CacheHandle, CacheResponses, Policy, Skip, TrackedRequest, cached, cached_response,
    disable_cache, set_cache_timeout,
};

use super::{minute, page};
use crate::ask::{Answer, get as ask_for, get_with, run};

#[get("/attribute")]
#[cached_response(timeout = 60)]
async fn attribute() -> String {
    run().to_string()
}

#[get("/unless")]
#[cached_response(timeout = 60, unless = true)]
async fn unless() -> String {
    run().to_string()
}

#[get("/handle")]
#[cached_response(timeout = 60)]
async fn handle(cache: CacheHandle) -> String {
    cache.disable_cache();
    run().to_string()
}

/// The `Cache-Status` of a response, the innermost cache first.
fn members(answer: &Answer) -> String {
    answer.header("cache-status").unwrap()
}

#[actix_web::test]
async fn the_response_of_a_cached_handler_is_not_stored_twice() {
    let cache = isolated();
    let wrapped = cached(Policy::new(60), || async { run().to_string() });
    let app = App::new()
        .wrap(minute())
        .service(attribute)
        .route("/cached", web::get().to(wrapped));
    let app = init_service(app).await;
    for (n, target) in ["/attribute", "/cached"].into_iter().enumerate() {
        let live = ask_for(&app, target).await;
        assert_eq!(
            members(&live),
            "cached-response; fwd=uri-miss; stored, cached-response; fwd=uri-miss; detail=inner"
        );
        let again = ask_for(&app, target).await;
        assert_eq!(again.body, live.body);
        assert!(members(&again).starts_with("cached-response; hit; ttl="));
        assert!(members(&again).ends_with("cached-response; fwd=uri-miss; detail=inner"));
        assert_eq!(cache.cache().stats().entries, 1 + n as u64);
    }
    // From the second request on there is no coalescing.
    assert_eq!(cache.cache().stats().hit_for_pass, 2);
    assert_eq!(cache.cache().stats().skipped(Skip::Inner), 4);
}

#[actix_web::test]
async fn a_response_that_a_cached_handler_does_not_store_is_not_stored_outside() {
    let cache = isolated();
    let app = App::new().wrap(minute()).service(unless).service(handle);
    let app = init_service(app).await;
    for target in ["/unless", "/handle"] {
        let first = ask_for(&app, target).await;
        assert_ne!(ask_for(&app, target).await.body, first.body, "{target}");
        assert!(members(&first).ends_with("detail=inner"), "{target}");
    }
    assert_eq!(cache.cache().stats().entries, 0);
}

#[actix_web::test]
async fn a_request_that_bypasses_the_outer_cache_may_hit_the_inner_one() {
    let _cache = isolated();
    let app = App::new().wrap(minute()).service(attribute);
    let app = init_service(app).await;
    let live = ask_for(&app, "/attribute").await;
    let user = get_with(&app, "/attribute", ("cookie", "session=1")).await;
    assert_eq!(user.body, live.body);
    assert!(members(&user).starts_with("cached-response; hit; ttl="));
    assert!(members(&user).ends_with("cached-response; fwd=bypass; detail=cookie:session"));
}

#[actix_web::test]
async fn of_two_middlewares_the_inner_one_stores() {
    let cache = isolated();
    let scope = web::scope("/in")
        .wrap(minute())
        .default_service(web::to(page));
    let app = App::new()
        .wrap(CacheResponses::new(Policy::new(3600)))
        .service(scope)
        .default_service(web::to(page));
    let app = init_service(app).await;
    let live = ask_for(&app, "/in/a").await;
    assert!(members(&live).ends_with("detail=inner"));
    assert_eq!(ask_for(&app, "/in/a").await.body, live.body);
    assert_eq!(cache.cache().stats().entries, 1);
    assert_eq!(ask_for(&app, "/out").await.detail(), None);
    assert!(ask_for(&app, "/out").await.is_hit());
}

#[actix_web::test]
async fn plain_handlers_control_their_responses() {
    let _cache = isolated();
    let app = App::new()
        .wrap(minute())
        .route(
            "/disabled",
            web::get().to(async || {
                tokio::task::yield_now().await;
                disable_cache();
                run().to_string()
            }),
        )
        .route(
            "/hour",
            web::get().to(async || {
                set_cache_timeout(3600);
                run().to_string()
            }),
        )
        .route(
            "/elsewhere",
            web::get().to(async |cache: CacheHandle| {
                web::block(move || cache.set_cache_timeout(7))
                    .await
                    .map(|()| run().to_string())
            }),
        );
    let app = init_service(app).await;
    for target in ["/disabled", "/hour", "/elsewhere"] {
        ask_for(&app, target).await;
    }
    assert_eq!(
        ask_for(&app, "/disabled").await.detail().unwrap(),
        "disabled"
    );
    assert_eq!(ask_for(&app, "/hour").await.said().parameter("ttl"), 3599);
    assert_eq!(ask_for(&app, "/elsewhere").await.said().parameter("ttl"), 6);
}

#[actix_web::test]
async fn a_tracked_request_in_a_plain_handler_selects_the_variant() {
    let _cache = isolated();
    let greeting = async |request: TrackedRequest| {
        let language = request
            .header("accept-language")
            .unwrap_or_default()
            .to_owned();
        format!(
            "{} {language} {:?}",
            run(),
            request.cookie("_ga").map(|it| it.to_string())
        )
    };
    let app = App::new().wrap(minute()).default_service(web::to(greeting));
    let app = init_service(app).await;
    let of = async |language| get_with(&app, "/", ("accept-language", language)).await;
    let german = of("de").await;
    assert_eq!(german.header("vary").unwrap(), "accept-language, cookie");
    let english = of("en").await;
    assert_ne!(german.body, english.body);
    assert_eq!(of("de").await.body, german.body);
    assert_eq!(of("en").await.body, english.body);
    let tracked = get_with(&app, "/", ("cookie", "_ga=1")).await;
    assert!(tracked.body.contains("_ga=1"), "{}", tracked.body);
}
