//! Hit-for-pass markers: where the last response could not be stored, requests do not coalesce.

use std::time::Duration;

use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{ResponseCache, cached_response, disable_cache, testing::ManualClock};
use tests::stage::{InProcess, Stage, soon};

#[get("/private")]
#[cached_response(timeout = 60)]
async fn private(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    HttpResponse::Ok()
        .insert_header(("cache-control", "private"))
        .body(format!("run {run}"))
}

/// Sends `private` the first time only.
#[get("/once-private")]
#[cached_response(timeout = 1)]
async fn once_private(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    let mut response = HttpResponse::Ok();
    if run == 1 {
        response.insert_header(("cache-control", "private"));
    }
    response.body(format!("run {run}"))
}

#[get("/disabled")]
#[cached_response(timeout = 60)]
async fn disabled(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    disable_cache();
    format!("run {run}")
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(private).service(once_private).service(disabled);
}

fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    (Stage::new(cache), clock)
}

async fn once(stage: &Stage, app: &InProcess, uri: &str) {
    let next = stage.runs() + 1;
    stage.release(next);
    assert_eq!(app.get(uri).text().await, format!("run {next}"));
}

/// Returns true where the second of two concurrent requests waits for the first.
async fn wait_for_each_other(stage: &Stage, app: &InProcess, uri: &str) -> bool {
    let (runs, misses) = (stage.runs(), stage.cache.stats().misses);
    let two = [app.get(uri), app.get(uri)];
    soon("both have missed", || {
        stage.cache.stats().misses == misses + 2
    })
    .await;
    let together = stage.runs() - runs;
    (runs + 1..=runs + 2).for_each(|run| stage.release(run));
    for one in two {
        assert!(one.answer().await.status.is_success());
    }
    together == 1
}

#[actix_web::test]
async fn a_response_that_may_not_be_stored_lets_requests_run_side_by_side_for_30_seconds() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    once(&stage, &app, "/private").await;
    assert_eq!(stage.cache.stats().hit_for_pass_keys, 1);
    assert!(!wait_for_each_other(&stage, &app, "/private").await);
    assert_eq!(stage.cache.stats().hit_for_pass, 2);
    clock.advance(Duration::from_secs(30));
    assert!(wait_for_each_other(&stage, &app, "/private").await);
}

#[actix_web::test]
async fn a_response_that_is_stored_after_all_removes_the_marker() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    once(&stage, &app, "/once-private").await;
    once(&stage, &app, "/once-private").await;
    assert_eq!(stage.cache.stats().stored, 1);
    assert_eq!(stage.cache.stats().hit_for_pass_keys, 0);
    clock.advance(Duration::from_secs(1));
    assert!(wait_for_each_other(&stage, &app, "/once-private").await);
}

#[actix_web::test]
async fn only_the_third_disable_cache_in_a_row_leaves_a_marker() {
    let (stage, _clock) = stage();
    let app = stage.app(routes).await;
    once(&stage, &app, "/disabled").await;
    once(&stage, &app, "/disabled").await;
    // The leader's is the third in a row, and its waiter's the fourth.
    assert!(wait_for_each_other(&stage, &app, "/disabled").await);
    assert_eq!(stage.cache.stats().hit_for_pass, 0);
    assert!(!wait_for_each_other(&stage, &app, "/disabled").await);
    assert_eq!(stage.cache.stats().hit_for_pass, 2);
}

#[actix_web::test]
async fn one_disable_cache_leaves_no_marker() {
    let (stage, _clock) = stage();
    let app = stage.app(routes).await;
    once(&stage, &app, "/disabled").await;
    assert!(wait_for_each_other(&stage, &app, "/disabled").await);
    assert_eq!(stage.cache.stats().hit_for_pass, 0);
}

#[actix_web::test]
async fn a_response_that_is_not_stored_is_never_given_to_a_waiter() {
    let (stage, _clock) = stage();
    let app = stage.app(routes).await;
    let all: Vec<_> = (0..10).map(|_| app.get("/private")).collect();
    soon("they wait", || stage.cache.stats().misses == 10).await;
    assert_eq!(stage.runs(), 1);
    (1..=10).for_each(|run| stage.release(run));
    let mut texts = Vec::new();
    for one in all {
        texts.push(one.text().await);
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((texts.len(), stage.runs()), (10, 10));
}
