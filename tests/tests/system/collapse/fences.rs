//! Runs that are outdated by an invalidation, or by their age.

use std::time::Duration;

use cached_response::{ResponseCache, Skip, testing::ManualClock};
use tests::stage::{Stage, soon};

use super::{routes, stage};

#[actix_web::test]
async fn an_invalidated_run_answers_only_requests_from_before_the_invalidation() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    stage.cache.invalidate_all();
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
    assert_eq!(stage.cache.stats().skipped(Skip::Invalidated), 1);
    stage.release(2);
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
}

#[actix_web::test]
async fn waiters_of_an_invalidated_run_start_one_new_run() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let waiters: Vec<_> = (0..5).map(|_| app.get("/page/a")).collect();
    soon("they follow", || stage.cache.stats().misses == 6).await;
    stage.cache.invalidate_all();
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
    stage.release(2);
    for waiter in waiters {
        assert_eq!(waiter.text().await, "a, run 2");
    }
    assert_eq!(stage.runs(), 2);
}

#[actix_web::test]
async fn a_request_after_an_invalidation_does_not_join_the_run_before_it() {
    let stage = stage();
    let app = stage.app(routes).await;
    let before = app.get("/page/a");
    stage.at_run(1).await;
    stage.cache.invalidate_all();
    let after = app.get("/page/a");
    stage.at_run(2).await;
    let waiter = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 3).await;
    // The older run lands and leaves the newer one alone.
    stage.release(1);
    assert_eq!(before.text().await, "a, run 1");
    assert_eq!(stage.cache.stats().running, 1);
    assert!(!waiter.is_finished());
    stage.release(2);
    assert_eq!(after.text().await, "a, run 2");
    assert_eq!(waiter.text().await, "a, run 2");
    assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
}

#[actix_web::test]
async fn a_run_that_takes_30_seconds_lets_another_leader_in() {
    let clock = ManualClock::new();
    let patient = Duration::from_secs(3600);
    let stage = Stage::new(
        ResponseCache::builder()
            .clock(&clock)
            .wait_timeout(patient)
            .build(),
    );
    let app = stage.app(routes).await;
    let slow = app.get("/page/a");
    stage.at_run(1).await;
    clock.advance(Duration::from_millis(29_999));
    let early = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    clock.advance(Duration::from_millis(1));
    let late = app.get("/page/a");
    stage.at_run(2).await;
    stage.release(2);
    assert_eq!(late.text().await, "a, run 2");
    assert!(!early.is_finished());
    stage.release(1);
    assert_eq!(slow.text().await, "a, run 1");
    // A response computed before what is stored is there, and it is what they waited for.
    assert_eq!(early.text().await, "a, run 1");
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
    assert_eq!(stage.cache.stats().running, 0);
}
