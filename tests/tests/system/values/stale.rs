//! Stale values.

use std::time::Duration;

use actix_web::rt;
use cached_response::testing::ManualClock;
use cached_response::{Policy, Skip, StaleRule};
use tests::alone::{Panics, alone};
use tests::stage::{Stage, soon};
use tokio::runtime::Builder;

use super::{Asked, ask, stage, value};

const FAILS: &str = "it fails";

/// A value that was computed 11 s ago, with a timeout of 10.
async fn eleven_seconds_ago(policy: Policy) -> (Stage, ManualClock) {
    let (stage, clock) = stage();
    stage.release(1);
    assert_eq!(value(ask(&stage, "a", policy)).await, "run 1");
    clock.advance(Duration::from_secs(11));
    (stage, clock)
}

fn ask_what_fails(stage: &Stage, policy: Policy) -> Asked {
    let (stage, cache) = (stage.clone(), stage.cache.clone());
    rt::spawn(async move {
        let compute = || async move {
            stage.run_at_barrier().await;
            Err(FAILS)
        };
        cache.get_or_compute("a", policy, compute).await
    })
}

#[actix_web::test]
async fn a_stale_value_answers_at_once_and_is_refreshed_once() {
    let policy = || Policy::new(10).stale_while_revalidate(30);
    let (stage, _) = eleven_seconds_ago(policy()).await;
    for _ in 0..100 {
        assert_eq!(value(ask(&stage, "a", policy())).await, "run 1");
    }
    stage.at_run(2).await;
    stage.release(2);
    soon("it is stored", || stage.cache.stats().values.stored == 2).await;
    assert_eq!(value(ask(&stage, "a", policy())).await, "run 2");
    let stats = stage.cache.stats().values;
    assert_eq!((stage.runs(), stats.refreshes), (2, 1));
    assert_eq!(stats.answered_stale(StaleRule::WhileRevalidate), 100);
}

#[actix_web::test]
async fn a_stale_value_answers_in_place_of_an_error_and_starts_its_cooldown() {
    let policy = || Policy::new(10).stale_if_error(30);
    let (stage, clock) = eleven_seconds_ago(policy()).await;
    (2..=3).for_each(|run| stage.release(run));
    for _ in 0..10 {
        assert_eq!(value(ask_what_fails(&stage, policy())).await, "run 1");
    }
    assert_eq!(stage.runs(), 2, "it rests");
    clock.advance(Duration::from_secs(29));
    let error = ask_what_fails(&stage, policy()).await.unwrap();
    assert_eq!(error, Err(FAILS), "the window is over");
}

#[actix_web::test]
async fn a_stale_value_answers_in_place_of_a_panic() {
    let policy = Policy::new(10).stale_if_error(30);
    let (stage, _) = eleven_seconds_ago(policy.clone()).await;
    let compute = || async { panic!("meant to panic") };
    let got = stage
        .cache
        .get_or_compute::<String, (), _>("a", policy, compute)
        .await;
    assert_eq!(got, Ok("run 1".into()));
}

#[actix_web::test]
async fn waiters_of_a_failed_computation_get_the_stale_value() {
    let policy = || Policy::new(10).stale_if_error(30);
    let (stage, _) = eleven_seconds_ago(policy()).await;
    let all: Vec<_> = (0..10).map(|_| ask_what_fails(&stage, policy())).collect();
    soon("all have asked", || stage.cache.stats().values.misses == 11).await;
    stage.release(2);
    for asked in all {
        assert_eq!(value(asked).await, "run 1");
    }
    assert_eq!(stage.runs(), 2);
}

#[actix_web::test]
async fn a_stale_value_answers_after_the_soft_timeout() {
    let policy = || Policy::new(10).stale_if_error(30).soft_timeout(2);
    let (stage, clock) = eleven_seconds_ago(policy()).await;
    let all: Vec<_> = (0..3).map(|_| ask(&stage, "a", policy())).collect();
    stage.at_run(2).await;
    soon("all have asked", || stage.cache.stats().values.misses == 4).await;
    clock.advance(Duration::from_secs(2));
    for asked in all {
        assert_eq!(value(asked).await, "run 1");
    }
    stage.release(2);
    soon("it is stored", || stage.cache.stats().values.stored == 2).await;
    assert_eq!(value(ask(&stage, "a", policy())).await, "run 2");
}

#[actix_web::test]
async fn a_computation_times_out_only_where_a_stale_value_answers() {
    let policy = || Policy::new(10).stale_if_error(30).run_timeout(2);
    let (stage, clock) = eleven_seconds_ago(policy()).await;
    let asked = ask(&stage, "a", policy());
    stage.at_run(2).await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(value(asked).await, "run 1");
    assert_eq!(stage.cache.stats().values.skipped(Skip::RunTimeout), 1);

    stage.cache.invalidate_all();
    let asked = ask(&stage, "a", policy());
    stage.at_run(3).await;
    clock.advance(Duration::from_secs(2));
    stage.release(3);
    assert_eq!(value(asked).await, "run 3");
}

#[actix_web::test]
async fn an_invalidated_value_is_never_answered() {
    let policy = || {
        Policy::new(10)
            .stale_while_revalidate(30)
            .stale_if_error(30)
    };
    let (stage, _) = eleven_seconds_ago(policy()).await;
    stage.cache.invalidate_all();
    stage.release(2);
    let error = ask_what_fails(&stage, policy()).await.unwrap();
    assert_eq!(error, Err(FAILS));
}

#[actix_web::test]
async fn the_refresh_of_a_value_without_a_permit_is_waited_for() {
    let keys: Vec<&'static str> = (0..64).map(|n| &*n.to_string().leak()).collect();
    let policy = || Policy::new(10).stale_while_revalidate(30);
    let (stage, clock) = stage();
    (1..=65).for_each(|run| stage.release(run));
    for key in keys.iter().copied().chain(["a"]) {
        value(ask(&stage, key, policy())).await;
    }
    clock.advance(Duration::from_secs(11));
    for key in keys {
        value(ask(&stage, key, policy())).await;
    }
    stage.at_run(129).await;
    let waits = ask(&stage, "a", policy());
    stage.at_run(130).await;
    assert_eq!(value(ask(&stage, "a", policy())).await, "run 65");
    stage.release(130);
    assert_eq!(value(waits).await, "run 130");
    assert_eq!(value(ask(&stage, "a", policy())).await, "run 130");
    assert_eq!(stage.runs(), 130);
}

/// Computes the number of a run that does not wait.
async fn number(stage: &Stage, policy: Policy) -> usize {
    let (cache, stage) = (stage.cache.clone(), stage.clone());
    let compute = || async move { Ok::<_, ()>(stage.run()) };
    cache.get_or_compute("a", policy, compute).await.unwrap()
}

/// Runs a test on the runtime of a plain `#[tokio::main]`.
fn on_a_plain_runtime(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

#[test]
fn the_refresh_of_a_value_is_waited_for_without_a_local_runtime() {
    alone(|| {
        let panics = Panics::count();
        on_a_plain_runtime(async {
            let policy = || Policy::new(10).stale_while_revalidate(30);
            let (stage, clock) = stage();
            assert_eq!(number(&stage, policy()).await, 1);
            clock.advance(Duration::from_secs(11));
            assert_eq!(number(&stage, policy()).await, 2);
            assert_eq!(number(&stage, policy()).await, 2);
        });
        assert_eq!(panics.unordered(), 0);
    });
}

#[test]
fn a_computation_that_is_dropped_on_a_plain_runtime_prints_no_panic() {
    alone(|| {
        let panics = Panics::count();
        on_a_plain_runtime(async {
            let (stage, _) = stage();
            let slow = stage.clone();
            let compute = || async move { Ok::<_, ()>(slow.run_at_barrier().await) };
            let computed = stage.cache.get_or_compute("a", 60, compute);
            tokio::select! { biased;
                _ = computed => panic!("it was not released"),
                () = stage.barriers.arrived("run 1", 1) => {}
            }
            stage.barriers.given_up("run 1", 1).await;
            assert_eq!(stage.cache.stats().values.failed, 1);
            assert_eq!(number(&stage, Policy::new(60)).await, 2);
        });
        assert_eq!(panics.unordered(), 0);
    });
}
