//! The memory of waiters.

use std::process;

use actix_web::{Responder, get, web};
use cached_response::ResponseCache;
use tests::alone::alone;
use tests::rss;
use tests::stage::{Asked, InProcess, Stage, soon};

use super::page;

const WAITERS: usize = 5000;

/// The same as `page`, without a cache.
#[get("/plain")]
async fn plain(stage: web::Data<Stage>) -> impl Responder {
    stage.barriers.at("plain").await;
    "plain"
}

fn wait(app: &InProcess, uri: &str) -> Vec<Asked> {
    (0..WAITERS).map(|_| app.get(uri)).collect()
}

async fn stage(waiting: usize) -> (Stage, InProcess) {
    let cache = ResponseCache::builder().max_waiters(waiting).build();
    let stage = Stage::new(cache);
    let app = stage.app(|app| _ = app.service(plain).service(page)).await;
    (stage, app)
}

fn resident() -> usize {
    rss::resident(process::id()).unwrap()
}

/// At most 4 KiB for each, over a request without a cache.
#[test]
fn a_waiter_takes_at_most_4_kib() {
    alone(|| actix_web::rt::System::new().block_on(weigh()));
}

async fn weigh() {
    let (stage, app) = stage(WAITERS).await;
    let empty = resident();
    let without = wait(&app, "/plain");
    soon("they wait", || stage.barriers.count("plain") == WAITERS).await;
    let first = resident();
    // The first ones wait on, so that these cannot use their memory again.
    let waiting = wait(&app, "/page/a");
    soon("they follow", || {
        stage.cache.stats().misses == WAITERS as u64
    })
    .await;
    let second = resident();
    stage.barriers.release("plain");
    stage.release(1);
    for one in without.into_iter().chain(waiting) {
        assert!(one.answer().await.status.is_success());
    }
    assert_eq!(stage.runs(), 1);
    let (bare, cached) = ((first - empty) / WAITERS, (second - first) / WAITERS);
    println!("{bare} bytes a request without a cache, {cached} with it");
    assert!(
        cached <= bare + (4 << 10),
        "{cached} bytes, and {bare} without"
    );
}

/// Requests over the limit run alone, and none is refused.
#[actix_web::test]
async fn waiters_over_the_limit_run_alone() {
    let (stage, app) = stage(1024).await;
    let waiters = wait(&app, "/page/a");
    soon("they have come", || {
        stage.cache.stats().misses == WAITERS as u64
    })
    .await;
    assert_eq!(stage.runs(), WAITERS - 1024);
    let alone = stage.cache.stats().over_max_waiters;
    assert_eq!(alone, (WAITERS - 1 - 1024) as u64);
    (1..=WAITERS).for_each(|run| stage.release(run));
    for one in waiters {
        assert!(one.answer().await.status.is_success());
    }
    assert_eq!(
        (stage.runs(), stage.cache.stats().running),
        (WAITERS - 1024, 0)
    );
}
