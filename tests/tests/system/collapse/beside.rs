//! Waiters that run beside the run that they wait for.

use std::time::Duration;

use actix_web::{Responder, get, web};
use cached_response::{ResponseCache, cached_response, testing::ManualClock};
use tests::alone::{ORDERED, Panics, alone};
use tests::stage::{Asked, InProcess, Stage, soon};

use super::routes;

/// The wait before a run beside the leader, on a route without known run times.
const TURN: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    (Stage::new(cache), clock)
}

/// Sends so many requests at once, one of which leads.
async fn crowd(stage: &Stage, app: &InProcess, uri: &str, count: usize) -> Vec<Asked> {
    let (runs, misses) = (stage.runs(), stage.cache.stats().misses);
    let all: Vec<_> = (0..count).map(|_| app.get(uri)).collect();
    stage.at_run(runs + 1).await;
    let asked = || stage.cache.stats().misses == misses + count as u64;
    soon("they wait", asked).await;
    assert_eq!(stage.runs(), runs + 1);
    all
}

/// Yields until all tasks that can make progress have.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn two_hundred_clients_of_a_page_of_seven_seconds_are_two_runs_and_wait_no_longer_than_it_takes()
 {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let all = crowd(&stage, &app, "/page/a", 200).await;
    clock.advance(TURN);
    stage.at_run(2).await;
    settle().await;
    assert_eq!(stage.runs(), 2, "one of them is let in");
    clock.advance(2 * SECOND);
    settle().await;
    assert_eq!(stage.runs(), 2);
    stage.release(1);
    for one in all {
        assert_eq!(one.text().await, "a, run 1");
    }
    // The run that was let in continues, and is stored as it is the later one.
    stage.release(2);
    soon("it ends", || stage.cache.stats().stored == 2).await;
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
    let stats = stage.cache.stats();
    assert_eq!(
        (stage.runs(), stats.running, stats.wait_timeouts),
        (2, 0, 1)
    );
}

#[actix_web::test]
async fn runs_that_usually_take_seven_seconds_have_none_beside_them() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let first = crowd(&stage, &app, "/page/a", 1).await;
    clock.advance(7 * SECOND);
    stage.release(1);
    for one in first {
        one.answer().await;
    }
    // Another page of the route.
    let all = crowd(&stage, &app, "/page/b", 200).await;
    clock.advance(Duration::from_millis(13_999));
    settle().await;
    assert_eq!(stage.runs(), 2);
    clock.advance(Duration::from_millis(1));
    stage.at_run(3).await;
    settle().await;
    assert_eq!(stage.runs(), 3, "after twice as long one of them is let in");
    stage.release(2);
    for one in all {
        assert_eq!(one.text().await, "b, run 2");
    }
}

#[actix_web::test]
async fn a_run_beside_one_that_hangs_answers_all_waiters() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let mut all = crowd(&stage, &app, "/page/a", 100).await;
    let leader = all.remove(0);
    clock.advance(TURN);
    stage.at_run(2).await;
    stage.release(2);
    for one in all {
        assert_eq!(one.text().await, "a, run 2");
    }
    assert_eq!(stage.runs(), 2);
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
    assert_eq!(stage.cache.stats().running, 0);
}

/// Without a wait timeout a waiter waits no longer than the run limit.
#[actix_web::test]
async fn another_run_starts_after_each_interval_until_the_run_limit() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let all = crowd(&stage, &app, "/page/a", 50).await;
    for let_in in 1..=5 {
        clock.advance(Duration::from_millis(4_999));
        settle().await;
        assert_eq!(stage.runs(), let_in);
        clock.advance(Duration::from_millis(1));
        stage.at_run(let_in + 1).await;
        settle().await;
        assert_eq!(stage.runs(), let_in + 1);
    }
    clock.advance(TURN);
    stage.at_run(50).await;
    (1..=50).for_each(|run| stage.release(run));
    for one in all {
        one.answer().await;
    }
    assert_eq!((stage.runs(), stage.cache.stats().running), (50, 0));
}

#[actix_web::test]
async fn a_wait_timeout_that_is_set_holds_for_any_duration_of_runs() {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).wait_timeout(SECOND);
    let stage = Stage::new(cache.build());
    let app = stage.app(routes).await;
    let first = crowd(&stage, &app, "/page/a", 1).await;
    clock.advance(7 * SECOND);
    stage.release(1);
    for one in first {
        one.answer().await;
    }
    let all = crowd(&stage, &app, "/page/b", 20).await;
    clock.advance(SECOND);
    stage.at_run(21).await;
    (2..=21).for_each(|run| stage.release(run));
    for one in all {
        one.answer().await;
    }
    assert_eq!(stage.cache.stats().wait_timeouts, 19);
}

/// Its first two runs panic, in any order.
#[get("/two-panic")]
#[cached_response(timeout = 60)]
async fn two_panic(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    assert!(run > 2, "{ORDERED}");
    format!("run {run}")
}

#[test]
fn waiters_fail_with_the_last_of_two_failed_runs() {
    alone(|| {
        let panics = Panics::count();
        actix_web::rt::System::new().block_on(async {
            for order in [[1, 2], [2, 1]] {
                let (stage, clock) = stage();
                let app = stage.app(|app| _ = app.service(two_panic)).await;
                let all = crowd(&stage, &app, "/two-panic", 5).await;
                clock.advance(TURN);
                stage.at_run(2).await;
                let [first, last] = order;
                stage.release(first);
                let failed = || stage.cache.stats().failed == 1;
                soon("it fails", failed).await;
                settle().await;
                assert_eq!((stage.runs(), stage.cache.stats().running), (2, 1));
                stage.release(last);
                // One of the others takes over.
                stage.at_run(3).await;
                settle().await;
                assert_eq!(stage.runs(), 3);
                stage.release(3);
                let mut answered = 0;
                for one in all {
                    answered += usize::from(one.survived().await.is_some());
                }
                assert_eq!((answered, stage.cache.stats().running), (3, 0));
            }
        });
        assert_eq!((panics.ordered(), panics.unordered()), (4, 0));
    });
}

/// An invalidation since the start of the leader does not affect a run that starts later.
#[actix_web::test]
async fn a_run_beside_the_leader_after_an_invalidation_is_stored() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let mut all = crowd(&stage, &app, "/page/a", 3).await;
    let leader = all.remove(0);
    let _ = stage.cache.invalidate_all();
    clock.advance(TURN);
    stage.at_run(2).await;
    stage.release(2);
    for one in all {
        assert_eq!(one.text().await, "a, run 2");
    }
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
}

#[actix_web::test]
async fn a_queued_forced_refresh_runs_beside_a_slow_one_and_answers_its_waiters() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let first = app.get("/page/a?nocache=1");
    stage.at_run(1).await;
    let joined: Vec<_> = (0..50).map(|_| app.get("/page/a?nocache=1")).collect();
    soon("they join", || stage.cache.stats().forced_refreshes == 51).await;
    clock.advance(TURN);
    stage.at_run(2).await;
    settle().await;
    assert_eq!(stage.runs(), 2);
    stage.release(2);
    for one in joined {
        assert_eq!(one.text().await, "a, run 2");
    }
    stage.release(1);
    assert_eq!(first.text().await, "a, run 1");
    assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
}
