//! Stale responses with conditions, inserted extensions, clients that leave, and ages.

use std::cell::Cell;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpRequest, HttpResponse, error, web};
use cached_response::testing::ManualClock;
use cached_response::{
    CacheResponses, Policy, ResponseCache, cached, cached_response, context::mark_failed,
    insert_key_part,
};
use tests::stage::{InProcess, Stage, soon};

use super::Scene;

thread_local! {
    static FAILS: Cell<bool> = const { Cell::new(false) };
    /// The status of the error that a service inside the middleware answers with, if it does.
    static REFUSES: Cell<Option<u16>> = const { Cell::new(None) };
}
tokio::task_local!(static TENANT: String);

async fn tagged(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run();
    if FAILS.get() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::Ok()
        .insert_header(("etag", "\"v1\""))
        .body(format!("run {run}"))
}

async fn jittered(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run();
    HttpResponse::Ok()
        .insert_header(("cache-control", "max-age=1000"))
        .insert_header(("age", "900"))
        .body(format!("run {run}"))
}

async fn plain(stage: web::Data<Stage>) -> String {
    format!("run {}", stage.run())
}

async fn streamed(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run();
    let fails = FAILS.get();
    let body = futures_util::stream::once(async move {
        if fails {
            mark_failed();
        }
        Ok::<_, Error>(web::Bytes::from(format!("run {run}")))
    });
    HttpResponse::Ok().streaming(Box::pin(body))
}

async fn of_tenant(stage: web::Data<Stage>) -> String {
    let run = stage.run_at_barrier().await;
    let tenant = TENANT
        .try_with(Clone::clone)
        .unwrap_or_else(|_| "nobody".into());
    format!("{tenant}: run {run}")
}

#[cached_response(timeout = 10, stale_if_error = 300, vary(none))]
async fn matching(request: HttpRequest, stage: web::Data<Stage>) -> Result<String, Error> {
    let run = stage.run();
    if request.headers().contains_key("if-match") {
        return Err(error::ErrorPreconditionFailed("no match"));
    }
    Ok(format!("run {run}"))
}

/// A page behind the middleware, and behind a service that may refuse.
fn inside(app: &mut web::ServiceConfig, policy: Policy) {
    let middleware = web::scope("/in").wrap(CacheResponses::new(policy));
    let refusing = web::scope("").wrap_fn(|request, service| {
        let called = service.call(request);
        async move {
            match REFUSES.get() {
                Some(code) => {
                    let code = StatusCode::from_u16(code).unwrap();
                    Err(error::InternalError::new("refused", code).into())
                }
                None => called.await,
            }
        }
    });
    let middleware = middleware.service(refusing.route("/page", web::get().to(tagged)));
    app.service(middleware);
}

fn routes(app: &mut web::ServiceConfig) {
    let policy = Policy::new(10).stale_if_error(300);
    let tenants = web::scope("/of").wrap_fn(|request, service| {
        insert_key_part(&request, "a");
        TENANT.scope("a".to_owned(), service.call(request))
    });
    inside(app, policy.clone());
    app.service(
        tenants
            .route(
                "/whose",
                web::get().to(cached(policy.soft_timeout(2), of_tenant)),
            )
            .route(
                "/plain",
                web::get().to(cached(Policy::new(3600).stale_while_revalidate(30), plain)),
            ),
    )
    .route(
        "/jitter",
        web::get().to(cached(
            Policy::from_response().query_all().jitter(0.5),
            jittered,
        )),
    )
    .route(
        "/wish",
        web::get().to(cached(Policy::new(10).respect_client(), plain)),
    )
    .route(
        "/stream",
        web::get().to(cached(
            Policy::new(10).stale_while_revalidate(300),
            streamed,
        )),
    )
    .route("/match", web::get().to(matching));
}

async fn stage() -> (Stage, InProcess, ManualClock) {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    FAILS.set(false);
    (stage, app, clock)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[actix_web::test]
async fn conditions_that_are_sent_to_a_service_are_not_those_of_its_client() {
    let (_, app, clock) = stage().await;
    assert_eq!(app.get("/in/page").text().await, "run 1");
    clock.advance(seconds(11));
    FAILS.set(true);
    let answer = app.get("/in/page").answer().await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "run 1"));
}

#[actix_web::test]
async fn a_service_that_refuses_one_client_takes_nothing_from_the_others() {
    for (code, left) in [(429, 200), (405, 200), (404, 503), (410, 503)] {
        let (_, app, clock) = stage().await;
        app.get("/in/page").answer().await;
        clock.advance(seconds(11));
        REFUSES.set(Some(code));
        assert_eq!(app.get("/in/page").answer().await.status.as_u16(), code);
        REFUSES.set(None);
        FAILS.set(true);
        let answer = app.get("/in/page").answer().await;
        assert_eq!(answer.status.as_u16(), left, "after {code}");
    }
}

#[actix_web::test]
async fn a_client_that_leaves_its_own_run_starts_no_cooldown() {
    let scene = Scene::new("/sie").await;
    scene.advance(11);
    let head = scene
        .app
        .ask(TestRequest::with_uri("/sie").method(Method::HEAD));
    scene.stage.at_run(2).await;
    head.leave().await;
    scene.stage.release(3);
    assert_eq!(scene.get().await.1, "run 3");
}

#[actix_web::test]
async fn a_run_with_inserted_extensions_is_not_detached() {
    let (stage, app, clock) = stage().await;
    stage.release(1);
    assert_eq!(app.get("/of/whose").text().await, "a: run 1");
    clock.advance(seconds(11));
    let asked = app.get("/of/whose");
    stage.at_run(2).await;
    clock.advance(seconds(2));
    assert!(!asked.is_finished());
    stage.release(2);
    assert_eq!(asked.text().await, "a: run 2");
    assert_eq!(app.get("/of/whose").text().await, "a: run 2");

    // Nor where its client leaves.
    clock.advance(seconds(11));
    let asked = app.get("/of/whose");
    stage.at_run(3).await;
    asked.leave().await;
    assert_eq!(stage.cache.stats().running, 0);
    stage.release(4);
    assert_eq!(app.get("/of/whose").text().await, "a: run 4");
}

#[actix_web::test]
async fn an_expired_response_does_not_answer_a_request_that_cannot_refresh_it() {
    let (stage, app, clock) = stage().await;
    assert_eq!(app.get("/of/plain").text().await, "run 1");
    stage.cache.expire_path("/of/plain");
    clock.advance(seconds(100));
    assert_eq!(app.get("/of/plain").text().await, "run 2");
}

#[actix_web::test]
async fn max_stale_does_not_accept_an_expired_response() {
    let (stage, app, clock) = stage().await;
    assert_eq!(app.get("/wish").text().await, "run 1");
    stage.cache.expire_path("/wish");
    clock.advance(seconds(11));
    let wish = TestRequest::with_uri("/wish").insert_header(("cache-control", "max-stale=60"));
    assert_eq!(app.ask(wish).text().await, "run 2");
}

#[actix_web::test]
async fn jitter_shortens_the_remaining_lifetime_by_a_part() {
    let (stage, app, _) = stage().await;
    for n in 0..20 {
        for _ in 0..2 {
            app.get(&format!("/jitter?{n}")).text().await;
        }
    }
    assert_eq!(stage.runs(), 20);
}

#[actix_web::test]
async fn a_stream_that_declares_a_failure_starts_the_cooldown() {
    let (stage, app, clock) = stage().await;
    assert_eq!(app.get("/stream").text().await, "run 1");
    clock.advance(seconds(11));
    FAILS.set(true);
    for _ in 0..10 {
        assert_eq!(app.get("/stream").text().await, "run 1");
        soon("it ends", || stage.cache.stats().running == 0).await;
    }
    assert_eq!(stage.runs(), 2);
}

#[actix_web::test]
async fn a_failed_precondition_of_one_client_is_no_failure() {
    let (stage, app, clock) = stage().await;
    assert_eq!(app.get("/match").text().await, "run 1");
    clock.advance(seconds(11));
    let matching = TestRequest::with_uri("/match").insert_header(("if-match", "\"x\""));
    let status = app.ask(matching).answer().await.status.as_u16();
    let after = app.get("/match").text().await;
    assert_eq!((status, &*after), (412, "run 3"), "{}", stage.runs());
}

#[actix_web::test]
async fn a_run_without_a_permit_to_detach_is_waited_for() {
    let scene = Scene::new("/slow").await;
    scene.release_all();
    for n in 0..70 {
        scene.app.get(&format!("/slow?{n}")).text().await;
    }
    scene.advance(11);
    // Runs from 201 on wait.
    while scene.stage.runs() < 200 {
        let more = format!("/slow?x{}", scene.stage.runs());
        scene.app.get(&more).text().await;
    }
    let asked: Vec<_> = (0..70)
        .map(|n| scene.app.get(&format!("/slow?{n}")))
        .collect();
    scene.stage.at_run(270).await;
    scene.advance(2);
    let answered = || asked.iter().filter(|asked| asked.is_finished()).count();
    soon("those with a place are answered", || answered() == 64).await;
    (201..=270).for_each(|run| scene.stage.release(run));
    for asked in asked {
        asked.text().await;
    }
    let stats = scene.stage.cache.stats();
    assert_eq!((stats.failed, stats.detached), (0, 64));
}
