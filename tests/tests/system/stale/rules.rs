//! The sources of stale rules: the route, the cache, the response, the client.

use std::cell::{Cell, RefCell};

use actix_web::body::to_bytes;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use cached_response::testing::ManualClock;
use cached_response::{
    CacheHandle, CacheResponses, CoveredResponder, Policy, ResponseCache, RunReason, cached,
    context::run_reason,
};
use tests::stage::{InProcess, Stage, soon};

use super::{FAILURES, NEXT, Next, Scene, page};

#[actix_web::test]
async fn rules_that_a_route_leaves_out_are_those_of_the_cache() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock);
    let cache = cache.stale_while_revalidate(20).build();
    let scene = Scene::with("/plain", clock, cache).await;
    scene.advance(11);
    assert_eq!(scene.text().await, "run 1");
    scene.stage.release(2);
    soon("it is refreshed", || scene.stage.cache.stats().stored == 2).await;
}

#[actix_web::test]
async fn a_route_disables_the_rules_of_the_cache() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock);
    let cache = cache.stale_while_revalidate(20).stale_if_error(20).build();
    let scene = Scene::with("/none", clock, cache).await;
    scene.release_all();
    scene.advance(11);
    NEXT.set(Next::Status(503));
    assert_eq!(scene.get().await.0, 503);
}

thread_local! {
    static SAYS: Cell<&'static str> = const { Cell::new("") };
    static REASONS: RefCell<Vec<RunReason>> = const { RefCell::new(Vec::new()) };
}

/// Sends the directives of the test.
async fn own(stage: web::Data<Stage>, handle: CacheHandle) -> impl CoveredResponder {
    let run = stage.run();
    assert_eq!(handle.run_reason(), run_reason());
    REASONS.with_borrow_mut(|all| all.push(run_reason()));
    let mut response = HttpResponse::Ok();
    if !SAYS.get().is_empty() {
        response.insert_header(("cache-control", SAYS.get()));
    }
    if let Next::Status(code) = NEXT.get() {
        response.status(actix_web::http::StatusCode::from_u16(code).unwrap());
    }
    response.body(format!("run {run}"))
}

fn routes(app: &mut web::ServiceConfig) {
    let windows = |policy: Policy| policy.stale_while_revalidate(30).stale_if_error(60);
    let own_word = Policy::from_response().respect_client();
    app.route(
        "/route",
        web::get().to(cached(windows(Policy::new(10)), own)),
    )
    .route("/own", web::get().to(cached(own_word.clone(), own)))
    .route("/both", web::get().to(cached(windows(own_word), own)));
}

async fn stage() -> (Stage, InProcess, ManualClock) {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    NEXT.set(Next::Fine);
    REASONS.take();
    (stage, app, clock)
}

/// The body of the first answer after the first response has expired.
async fn after_expiry(uri: &str, says: &'static str) -> String {
    let (_, app, clock) = stage().await;
    SAYS.set(says);
    app.get(uri).text().await;
    clock.advance(std::time::Duration::from_secs(15));
    app.get(uri).text().await
}

/// RFC 9111 §4.2.4, §5.2.2.2, §5.2.2.8, §5.2.2.10.
#[actix_web::test]
async fn a_response_that_must_be_validated_never_answers_stale() {
    assert_eq!(after_expiry("/route", "").await, "run 1");
    for says in ["must-revalidate", "proxy-revalidate", "s-maxage=10"] {
        assert_eq!(after_expiry("/route", says).await, "run 2", "{says}");
    }
    for says in [
        "max-age=10, must-revalidate",
        "max-age=10, proxy-revalidate",
        "s-maxage=10",
        "max-age=10, no-cache",
    ] {
        assert_eq!(after_expiry("/both", says).await, "run 2", "{says}");
    }
}

/// RFC 5861 §3 and §4.
#[actix_web::test]
async fn a_response_sets_its_own_stale_while_revalidate() {
    for (uri, says, body) in [
        ("/own", "max-age=10", "run 2"),
        ("/own", "max-age=10, stale-while-revalidate=30", "run 1"),
        ("/own", "max-age=10, stale-while-revalidate=4", "run 2"),
        ("/own", "max-age=0, stale-while-revalidate=30", "run 1"),
        ("/own", "max-age=10, stale-while-revalidate=x", "run 2"),
        (
            "/own",
            "max-age=10, stale-while-revalidate=30, must-revalidate",
            "run 2",
        ),
        ("/both", "max-age=10", "run 1"),
        ("/both", "max-age=10, stale-while-revalidate=4", "run 2"),
        // Under a timeout of the route it is not read.
        ("/route", "stale-while-revalidate=4", "run 1"),
    ] {
        assert_eq!(after_expiry(uri, says).await, body, "{uri}: {says}");
    }
}

#[actix_web::test]
async fn a_response_sets_its_own_stale_if_error() {
    for (says, status) in [
        ("max-age=10", 503),
        ("max-age=10, stale-if-error=30", 200),
        ("max-age=10, stale-if-error=4", 503),
        ("max-age=10, stale-if-error=30, must-revalidate", 503),
    ] {
        let (_, app, clock) = stage().await;
        SAYS.set(says);
        app.get("/own").text().await;
        clock.advance(std::time::Duration::from_secs(15));
        NEXT.set(Next::Status(503));
        let answer = app.get("/own").answer().await;
        assert_eq!(answer.status.as_u16(), status, "{says}");
    }
}

#[actix_web::test]
async fn max_stale_of_a_client_is_honoured() {
    for (wish, body) in [
        ("max-stale=10", "run 1"),
        ("max-stale=2", "run 2"),
        ("max-age=12", "run 2"),
        ("min-fresh=1", "run 2"),
        ("no-cache", "run 2"),
        ("only-if-cached", "run 1"),
    ] {
        let (_, app, clock) = stage().await;
        SAYS.set("max-age=10");
        app.get("/both").text().await;
        clock.advance(std::time::Duration::from_secs(15));
        let asked = TestRequest::with_uri("/both").insert_header(("cache-control", wish));
        assert_eq!(app.ask(asked).text().await, body, "{wish}");
    }
}

#[actix_web::test]
async fn a_handler_reads_the_reason_of_its_run() {
    let (stage, app, clock) = stage().await;
    SAYS.set("");
    app.get("/route").answer().await;
    app.get("/route?nocache=1").answer().await;
    clock.advance(std::time::Duration::from_secs(11));
    app.get("/route").answer().await;
    soon("it is refreshed", || stage.cache.stats().stored == 3).await;
    clock.advance(std::time::Duration::from_secs(45));
    app.get("/route").answer().await;
    let reasons = [
        RunReason::Miss,
        RunReason::Live,
        RunReason::Refresh,
        RunReason::Stale,
    ];
    assert_eq!(REASONS.take(), reasons);
    assert_eq!(run_reason(), RunReason::Bypass);
}

fn inside(app: &mut web::ServiceConfig) {
    let policy = Policy::new(10).stale_if_error(60);
    let scope = web::scope("/in").wrap(CacheResponses::new(policy));
    app.service(scope.route("/page", web::get().to(page)));
}

#[actix_web::test]
async fn under_the_middleware_a_stale_response_is_a_fallback() {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(inside).await;
    (1..=9).for_each(|run| stage.release(run));
    let responses = FAILURES
        .into_iter()
        .filter(|failure| !matches!(failure, Next::Panic));
    for failure in responses {
        NEXT.set(Next::Fine);
        stage.cache.invalidate_all();
        let first = app.get("/in/page").text().await;
        clock.advance(std::time::Duration::from_secs(41));
        NEXT.set(failure);
        assert_eq!(app.get("/in/page").text().await, first, "{failure:?}");
    }
}

/// The service has kept the request: its response is an error for actix-web.
#[actix_web::test]
async fn under_the_middleware_a_stale_response_is_a_fallback_for_a_panic() {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = App::new()
        .app_data(web::Data::new(stage.clone()))
        .app_data(stage.cache.clone())
        .configure(inside);
    let app = init_service(app).await;
    (1..=2).for_each(|run| stage.release(run));
    NEXT.set(Next::Fine);
    let ask = || TestRequest::with_uri("/in/page").to_request();
    assert!(try_call_service(&app, ask()).await.is_ok());
    clock.advance(std::time::Duration::from_secs(41));
    NEXT.set(Next::Panic);
    let error = try_call_service(&app, ask()).await.err().unwrap();
    let response = error.error_response();
    assert_eq!(response.headers().get("age").unwrap(), "41");
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "run 1");
}

#[test]
#[should_panic(expected = "`stale_while_revalidate` runs the handler in the background")]
fn the_middleware_rejects_a_policy_that_refreshes_in_the_background() {
    let _ = CacheResponses::new(Policy::new(10).stale_while_revalidate(60));
}

#[actix_web::test]
async fn under_the_middleware_the_cache_s_refreshes_do_not_count() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock);
    let cache = cache.stale_while_revalidate(60).refresh_ahead(0.5).build();
    let stage = Stage::new(cache);
    let app = stage.app(inside).await;
    (1..=9).for_each(|run| stage.release(run));
    NEXT.set(Next::Fine);
    assert_eq!(app.get("/in/page").text().await, "run 1");
    clock.advance(std::time::Duration::from_secs(11));
    assert_eq!(app.get("/in/page").text().await, "run 2");
}
