//! Leaders and waiters that leave before their answer.

use std::time::Duration;

use actix_web::{Responder, get, web};
use cached_response::{ResponseCache, cached_response, testing::ManualClock};
use tests::alone::{Panics, alone};
use tests::stage::{Stage, soon};

use super::{routes, stage};

#[actix_web::test]
async fn a_run_whose_leader_left_continues_and_is_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    leader.leave().await;
    let stats = stage.cache.stats();
    assert_eq!((stats.detached, stats.running), (1, 1));
    stage.release(1);
    soon("the run lands", || stage.cache.stats().running == 0).await;
    assert_eq!(stage.cache.stats().stored, 1);
    assert_eq!(app.get("/page/a").text().await, "a, run 1");
    assert_eq!((stage.runs(), stage.cache.stats().hits), (1, 1));
}

#[actix_web::test]
async fn waiters_are_answered_by_the_run_that_its_leader_left() {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let waiting: Vec<_> = (0..3).map(|_| app.get("/page/a")).collect();
    soon("they follow", || stage.cache.stats().misses == 4).await;
    leader.leave().await;
    stage.release(1);
    for one_waiting in waiting {
        assert_eq!(one_waiting.text().await, "a, run 1");
    }
    assert_eq!((stage.runs(), stage.cache.stats().collapsed), (1, 3));
}

#[actix_web::test]
async fn a_waiter_that_leaves_ends_no_run() {
    let stage = Stage::new(ResponseCache::builder().max_waiters(1).build());
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let first = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 2).await;
    first.leave().await;
    // Its place is free again: with one place, this one follows, too.
    let second = app.get("/page/a");
    soon("it follows", || stage.cache.stats().misses == 3).await;
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
    assert_eq!(second.text().await, "a, run 1");
    assert_eq!((stage.runs(), stage.cache.stats().over_max_waiters), (1, 0));
}

#[actix_web::test]
async fn a_run_that_its_client_left_is_ended_at_the_run_limit() {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    leader.leave().await;
    clock.advance(Duration::from_secs(29));
    assert_eq!(stage.cache.stats().running, 1);
    clock.advance(Duration::from_secs(1));
    stage.barriers.given_up("run 1", 1).await;
    soon("it ends", || stage.cache.stats().running == 0).await;
    assert_eq!(stage.cache.stats().stored, 0);
}

/// Only the first run panics, after it has waited.
#[get("/first-panics")]
#[cached_response(timeout = 60)]
async fn first_panics(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    assert_ne!(run, 1, "{}", tests::alone::ORDERED);
    format!("run {run}")
}

#[test]
fn one_waiter_takes_over_after_a_panic_of_the_leader() {
    alone(|| {
        let panics = Panics::count();
        actix_web::rt::System::new().block_on(async {
            let stage = stage();
            let app = stage.app(|app| _ = app.service(first_panics)).await;
            let leader = app.get("/first-panics");
            stage.at_run(1).await;
            let waiting: Vec<_> = (0..5).map(|_| app.get("/first-panics")).collect();
            soon("they follow", || stage.cache.stats().misses == 6).await;
            stage.release(1);
            assert!(leader.survived().await.is_none());
            stage.at_run(2).await;
            stage.release(2);
            for one_waiting in waiting {
                assert_eq!(one_waiting.text().await, "run 2");
            }
            let stats = stage.cache.stats();
            assert_eq!((stats.failed, stats.detached, stats.running), (1, 0, 0));
            assert_eq!((stage.runs(), panics.ordered()), (2, 1));
        });
    });
}

/// Every run panics, after it has waited.
#[get("/all-panic")]
#[cached_response(timeout = 60)]
async fn all_panic(stage: web::Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    std::panic::panic_any(tests::alone::ORDERED) as &str
}

#[test]
fn after_two_failed_runs_the_rest_run_side_by_side() {
    alone(|| {
        let panics = Panics::count();
        actix_web::rt::System::new().block_on(async {
            let stage = stage();
            let app = stage.app(|app| _ = app.service(all_panic)).await;
            let all: Vec<_> = (0..6).map(|_| app.get("/all-panic")).collect();
            soon("they wait", || stage.cache.stats().misses == 6).await;
            for run in 1..=2 {
                stage.at_run(run).await;
                assert_eq!(stage.runs(), run);
                stage.release(run);
            }
            // None of these waits for another.
            stage.at_run(6).await;
            assert_eq!(stage.cache.stats().wait_timeouts, 0);
            (3..=6).for_each(|run| stage.release(run));
            for one in all {
                assert!(one.survived().await.is_none());
            }
            assert_eq!((stage.runs(), panics.ordered()), (6, 6));
            assert_eq!(stage.cache.stats().running, 0);
        });
    });
}

/// Without a permit to detach, a leader's run is dropped with it, a thousand times in a row, and a waiter
/// takes over or runs alone.
#[actix_web::test]
async fn a_thousand_leaders_leave_and_no_waiter_hangs() {
    let stage = stage();
    let app = stage.app(routes).await;
    // One after the other takes the places that a worker has for runs without a client.
    for n in 1..=64 {
        let leader = app.get(&format!("/page/{n}"));
        stage.at_run(n).await;
        leader.leave().await;
    }
    assert_eq!(stage.cache.stats().detached, 64);
    let mut waiting = app.get("/page/x");
    stage.at_run(65).await;
    for n in 66..=1000 {
        let next = app.get("/page/x");
        soon("it waits", || stage.cache.stats().misses == n as u64).await;
        waiting.leave().await;
        waiting = next;
        stage.at_run(n).await;
    }
    assert_eq!(stage.cache.stats().running, 65);
    stage.release(1000);
    assert_eq!(waiting.text().await, "x, run 1000");
    assert_eq!(app.get("/page/x").text().await, "x, run 1000");
    (1..=64).for_each(|n| stage.release(n));
    soon("all land", || stage.cache.stats().running == 0).await;
    assert_eq!(stage.cache.stats().stored, 65);
}
