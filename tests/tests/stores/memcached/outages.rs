//! Servers that are started again, or stand still.

use super::{MINUTE, found, store};
use actix_web::web::Bytes;
use cached_response::{MemcachedStore, Store};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tests::{
    proxy::{HELD, Mode, Proxy},
    servers::memcached::Memcached,
};
use tokio::time::{sleep, timeout};

/// What a request lets a store take.
const BUDGET: Duration = Duration::from_millis(50);

/// Repeats a call until it returns true, for ten seconds at most.
async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let start = Instant::now();
    while !ask().await {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "waited too long: {what}"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// Has it make some connections.
async fn warm(store: &MemcachedStore) {
    let calls = (0..16).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { found(&store, "name").await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[actix_web::test]
async fn a_server_that_was_started_again_costs_one_failed_call_at_most() {
    let mut server = Memcached::start().unwrap();
    let store = store(&server);
    warm(&store).await;
    server.restart().unwrap();
    let mut failed = 0;
    for _ in 0..32 {
        failed += usize::from(store.get("name", 64).await.is_err());
    }
    assert!(failed <= 1, "{failed} calls have failed");
}

#[actix_web::test]
async fn calls_on_a_server_that_stands_still_end_when_they_are_dropped_and_all_is_well_after() {
    let server = Memcached::start().unwrap();
    let store = store(&server);
    store.set("name", "value".into(), MINUTE).await.unwrap();
    warm(&store).await;
    server.stop().unwrap();
    for _ in 0..20 {
        let start = Instant::now();
        let outcome = timeout(BUDGET, store.get("name", 64)).await;
        assert!(
            !matches!(outcome, Ok(Ok(_))),
            "{outcome:?} of a server that stands still"
        );
        assert!(start.elapsed() < BUDGET * 40);
    }
    server.resume().unwrap();
    until("an answer in time", async || {
        let answer = timeout(BUDGET, store.get("name", 64)).await;
        matches!(answer, Ok(Ok(Some(kept))) if kept.bytes == "value")
    })
    .await;
    for number in 0..50 {
        let value = Bytes::from(number.to_string());
        store.set("name", value.clone(), MINUTE).await.unwrap();
        assert_eq!(found(&store, "name").await, Some(value));
    }
}

/// A call that was given up may be done all the same, when the network lets it pass at last.
#[actix_web::test]
async fn what_arrives_late_lives_no_longer_for_it() {
    let server = Memcached::start().unwrap();
    let proxy = Proxy::start(server.address().parse().unwrap()).unwrap();
    let slowly = MemcachedStore::open([proxy.address().to_string()]).unwrap();
    assert_eq!(found(&slowly, "name").await, None);
    for line in proxy.lines() {
        line.set(Mode::Hold(b"ms name"));
    }
    let deadline = Instant::now() + MINUTE;
    let set = slowly.set("name", "late".into(), MINUTE);
    assert!(timeout(BUDGET, set).await.is_err(), "it is held");
    proxy.barriers().arrived(HELD, 1).await;
    // Not for something to happen, but for time to pass.
    sleep(Duration::from_secs(3)).await;
    proxy.barriers().release(HELD);
    let store = store(&server);
    until("what was set late", async || {
        let most = deadline.saturating_duration_since(Instant::now());
        let kept = store.get("name", 64).await.unwrap();
        kept.is_some_and(|kept| {
            assert!(kept.left <= most, "{:?} are left, of {most:?}", kept.left);
            true
        })
    })
    .await;
}
