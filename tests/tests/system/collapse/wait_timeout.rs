//! The wait timeout of waiters.

use std::time::Duration;

use cached_response::{ResponseCache, testing::ManualClock};
use tests::stage::{Stage, soon};

use super::routes;

const TIMEOUT: Duration = Duration::from_secs(1);

fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).wait_timeout(TIMEOUT);
    (Stage::new(cache.build()), clock)
}

/// The leader never ends, and each waiter is answered after the wait timeout and a run of its own.
#[actix_web::test]
async fn waiters_run_alone_after_the_wait_timeout() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let leader = app.get("/page/a");
    stage.at_run(1).await;
    let waiting: Vec<_> = (0..100).map(|_| app.get("/page/a")).collect();
    soon("they follow", || stage.cache.stats().misses == 101).await;
    (2..=101).for_each(|run| stage.release(run));
    clock.advance(TIMEOUT.saturating_sub(Duration::from_millis(1)));
    tokio::task::yield_now().await;
    assert_eq!(stage.runs(), 1);
    clock.advance(Duration::from_millis(1));
    for one_waiting in waiting {
        assert_ne!(one_waiting.text().await, "a, run 1");
    }
    assert_eq!(stage.cache.stats().wait_timeouts, 100);
    assert!(!leader.is_finished());
    stage.release(1);
    assert_eq!(leader.text().await, "a, run 1");
}

/// The wait timeout counts from the look-up, not from each run.
#[actix_web::test]
async fn the_wait_timeout_counts_from_the_look_up() {
    let (stage, clock) = stage();
    let app = stage.app(routes).await;
    let first = app.get("/page/a");
    stage.at_run(1).await;
    let waiting = [app.get("/page/a"), app.get("/page/a")];
    soon("they follow", || stage.cache.stats().misses == 3).await;
    clock.advance(TIMEOUT * 3 / 4);
    // An invalidated run fails its waiting: one of them leads, the other waits for that.
    stage.cache.invalidate_all();
    stage.release(1);
    first.answer().await;
    stage.at_run(2).await;
    assert_eq!(stage.runs(), 2);
    clock.advance(TIMEOUT / 4);
    stage.at_run(3).await;
    (2..=3).for_each(|run| stage.release(run));
    for one_waiting in waiting {
        one_waiting.answer().await;
    }
    assert_eq!(stage.cache.stats().wait_timeouts, 1);
}
