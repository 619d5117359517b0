//! Values of `get_or_compute`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

use std::convert::Infallible;
use std::time::Duration;

use actix_web::rt;
use cached_response::testing::ManualClock;
use cached_response::{Cacheable, Invalidation, Policy, ResponseCache, Skip};
use serde::{Deserialize, Serialize};
use tests::stage::{Stage, soon};
use tokio::task::JoinHandle;

mod spawned;
mod stale;

type Asked<T = String, E = &'static str> = JoinHandle<Result<T, E>>;

/// A stage with a manual clock.
fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    (Stage::new(cache), clock)
}

/// Gets the value under `key`: the number of its run, which waits at its barrier.
fn ask(stage: &Stage, key: &'static str, policy: impl Into<Policy>) -> Asked {
    let policy = policy.into();
    let (stage, cache) = (stage.clone(), stage.cache.clone());
    rt::spawn(async move {
        let compute = || async move {
            let run = stage.run_at_barrier().await;
            Ok(format!("run {run}"))
        };
        cache.get_or_compute(key, policy, compute).await
    })
}

async fn value<T, E: std::fmt::Debug>(asked: Asked<T, E>) -> T {
    asked.await.unwrap().unwrap()
}

#[actix_web::test]
async fn a_value_is_computed_once_and_kept_for_its_timeout() {
    let (stage, clock) = stage();
    (1..=2).for_each(|run| stage.release(run));
    for _ in 0..3 {
        assert_eq!(value(ask(&stage, "a", 60)).await, "run 1");
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(value(ask(&stage, "a", 60)).await, "run 2");
    let stats = stage.cache.stats().values;
    assert_eq!((stats.hits, stats.misses, stats.stored), (2, 2, 2));
}

#[actix_web::test]
async fn values_of_different_keys_and_types_are_distinct() {
    let cache = ResponseCache::builder().build();
    let number = |key: &'static str, number: u32| {
        cache.get_or_compute(key, 60, move || async move { Ok::<_, Infallible>(number) })
    };
    assert_eq!(number("a", 1).await, Ok(1));
    assert_eq!(number("b", 2).await, Ok(2));
    assert_eq!(number("a", 3).await, Ok(1));
    let text = cache.get_or_compute("a", 60, || async { Ok::<_, Infallible>("x".to_owned()) });
    assert_eq!(text.await, Ok("x".to_owned()));
    let pair = cache.get_or_compute(("a", 1u32), 60, || async { Ok::<_, Infallible>(4u32) });
    assert_eq!(pair.await, Ok(4));
}

#[actix_web::test]
async fn concurrent_callers_wait_for_one_computation() {
    let (stage, _) = stage();
    let all: Vec<_> = (0..100).map(|_| ask(&stage, "a", 60)).collect();
    stage.at_run(1).await;
    soon("all have asked", || {
        stage.cache.stats().values.misses == 100
    })
    .await;
    stage.release(1);
    for asked in all {
        assert_eq!(value(asked).await, "run 1");
    }
    assert_eq!((stage.runs(), stage.cache.stats().running), (1, 0));
}

#[actix_web::test]
async fn a_computation_continues_when_its_caller_leaves() {
    let (stage, _) = stage();
    let leader = ask(&stage, "a", 60);
    stage.at_run(1).await;
    let waiter = ask(&stage, "a", 60);
    soon("it follows", || stage.cache.stats().values.misses == 2).await;
    leader.abort();
    assert!(leader.await.is_err());
    stage.release(1);
    assert_eq!(value(waiter).await, "run 1");
    assert_eq!(stage.runs(), 1);
}

/// Each caller gets the error of its own computation.
#[actix_web::test]
async fn an_error_is_never_stored_or_shared() {
    let (stage, _) = stage();
    let fails = || {
        let (stage, cache) = (stage.clone(), stage.cache.clone());
        let compute = || async move { Err::<u32, _>(stage.run_at_barrier().await) };
        rt::spawn(async move { cache.get_or_compute("a", 60, compute).await })
    };
    let all: Vec<Asked<u32, usize>> = (0..3).map(|_| fails()).collect();
    stage.at_run(1).await;
    soon("all have asked", || stage.cache.stats().values.misses == 3).await;
    (1..=3).for_each(|run| stage.release(run));
    let mut runs = Vec::new();
    for asked in all {
        runs.push(asked.await.unwrap().unwrap_err());
    }
    runs.sort_unstable();
    assert_eq!(runs, [1, 2, 3]);
    let stats = stage.cache.stats().values;
    assert_eq!((stats.stored, stats.skipped(Skip::Error)), (0, 3));
}

#[actix_web::test]
async fn a_panic_is_its_caller_s_own_and_the_next_is_fine() {
    let cache = ResponseCache::builder().build();
    let asked = cache.clone();
    let panics = rt::spawn(async move {
        let compute = || async { panic!("meant to panic") };
        asked
            .get_or_compute::<u32, Infallible, _>("a", 60, compute)
            .await
    });
    assert!(panics.await.is_err());
    let fine = cache.get_or_compute("a", 60, || async { Ok::<_, Infallible>(1u32) });
    assert_eq!(fine.await, Ok(1));
    assert_eq!(cache.stats().running, 0);
}

#[actix_web::test]
async fn a_computation_may_keep_its_value_from_the_store() {
    let cache = ResponseCache::builder().build();
    let compute = |computed: Cacheable<u32>| {
        cache.get_or_compute_if(
            "a",
            60,
            move || async move { Ok::<_, Infallible>(computed) },
        )
    };
    assert_eq!(compute(Cacheable::DoNotStore(1)).await, Ok(1));
    assert_eq!(compute(Cacheable::Store(2)).await, Ok(2));
    assert_eq!(compute(Cacheable::Store(3)).await, Ok(2));
    assert_eq!(cache.stats().values.skipped(Skip::Disabled), 1);
}

#[actix_web::test]
async fn the_functions_of_handlers_work_in_a_computation() {
    let (stage, clock) = stage();
    let said = |say: fn(), number: u32| {
        stage.cache.get_or_compute("a", 60, move || async move {
            say();
            Ok::<_, Infallible>(number)
        })
    };
    assert_eq!(said(cached_response::disable_cache, 1).await, Ok(1));
    assert_eq!(said(cached_response::context::mark_failed, 2).await, Ok(2));
    assert_eq!(
        said(|| cached_response::set_cache_timeout(0), 3).await,
        Ok(3)
    );
    assert_eq!(
        said(|| cached_response::set_cache_timeout(5), 4).await,
        Ok(4)
    );
    clock.advance(Duration::from_secs(4));
    assert_eq!(said(|| {}, 5).await, Ok(4));
    clock.advance(Duration::from_secs(1));
    assert_eq!(said(|| cached_response::tag("t"), 6).await, Ok(6));
    stage.cache.invalidate_tag("t");
    assert_eq!(said(|| {}, 7).await, Ok(7));
    assert_eq!(said(|| {}, 8).await, Ok(7));
}

/// Nothing older than an acknowledged invalidation is answered.
#[actix_web::test]
async fn a_computation_that_an_invalidation_overtakes_is_not_stored() {
    let ways: [fn(&ResponseCache) -> Invalidation; 2] = [
        |cache| cache.invalidate_tag("t"),
        |cache| cache.invalidate_all(),
    ];
    for invalidate in ways {
        let (stage, _) = stage();
        let policy = || Policy::new(60).tags(["t"]);
        let before = ask(&stage, "a", policy());
        stage.at_run(1).await;
        invalidate(&stage.cache);
        let after = ask(&stage, "a", policy());
        stage.at_run(2).await;
        stage.release(1);
        stage.release(2);
        assert_eq!(value(before).await, "run 1");
        assert_eq!(value(after).await, "run 2");
        assert_eq!(value(ask(&stage, "a", policy())).await, "run 2");
    }
}

#[actix_web::test]
async fn a_value_whose_tag_needs_a_path_is_not_stored() {
    let (stage, _) = stage();
    (1..=2).for_each(|run| stage.release(run));
    for run in ["run 1", "run 2"] {
        let policy = Policy::new(60).tags(["product:{id}"]);
        assert_eq!(value(ask(&stage, "a", policy)).await, run);
    }
    assert_eq!(stage.cache.stats().values.skipped(Skip::Tags), 2);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    name: String,
    numbers: Vec<f64>,
    nested: Option<Box<Self>>,
    choice: Result<u8, char>,
}

async fn stored<T>(cache: &ResponseCache, value: T) -> [T; 2]
where
    T: Clone + Serialize + for<'a> Deserialize<'a> + 'static,
{
    let mut got = Vec::new();
    for _ in 0..2 {
        let value = value.clone();
        let compute = || async move { Ok::<_, Infallible>(value) };
        got.push(cache.get_or_compute("a", 60, compute).await.unwrap());
    }
    got.try_into()
        .unwrap_or_else(|_| unreachable!("two were put in"))
}

#[actix_web::test]
async fn a_stored_value_is_the_one_that_was_computed() {
    let cache = ResponseCache::builder().build();
    let value = Everything {
        name: "ü\u{0}\"".into(),
        numbers: vec![0.1 + 0.2, 1e-320, f64::MAX, -0.0, 5e-324],
        nested: Some(Box::new(Everything {
            name: String::new(),
            numbers: Vec::new(),
            nested: None,
            choice: Err('x'),
        })),
        choice: Ok(7),
    };
    assert_eq!(stored(&cache, value.clone()).await, [value.clone(), value]);
    assert_eq!(cache.stats().values.hits, 1);
    assert_eq!(stored(&cache, ()).await, [(), ()]);
}

#[actix_web::test]
async fn a_value_that_json_cannot_carry_is_returned_and_not_stored() {
    let cache = ResponseCache::builder().build();
    assert!(
        stored(&cache, f64::NAN)
            .await
            .iter()
            .all(|got| got.is_nan())
    );
    let keyed = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(stored(&cache, keyed.clone()).await, [keyed.clone(), keyed]);
    let stats = cache.stats().values;
    assert_eq!((stats.hits, stats.skipped(Skip::Value)), (0, 4));
}

#[actix_web::test]
async fn a_value_over_the_limit_is_returned_and_not_stored() {
    let cache = ResponseCache::builder().max_body_bytes(10).build();
    let long = "x".repeat(9);
    assert_eq!(stored(&cache, long.clone()).await, [long.clone(), long]);
    assert_eq!(cache.stats().values.skipped(Skip::TooLarge), 2);
}

#[test]
fn outside_a_local_runtime_a_value_is_cached_as_well() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let cache = ResponseCache::builder().build();
    let got = runtime.unwrap().block_on(async {
        let compute = |number: u32| {
            cache.get_or_compute("a", 60, move || async move { Ok::<_, Infallible>(number) })
        };
        [compute(1).await.unwrap(), compute(2).await.unwrap()]
    });
    assert_eq!(got, [1, 1]);
}
