//! Servers that are dead or do not answer.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store, StoreErrorKind, StoreFuture};
use tests::servers::free_port;
use tests::servers::redis::Redis;
use tokio::time::timeout;

use super::{BUDGET, LONG, MINUTE, in_the_end, names, redis};

/// What connecting may take, and as much again for a machine that has other things to do.
const FAST: Duration = Duration::from_secs(2);

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

#[tokio::test]
async fn a_server_may_start_after_its_store_is_opened() {
    let port = free_port().unwrap();
    let store = RedisStore::open(&format!("redis://127.0.0.1:{port}")).unwrap();
    let start = Instant::now();
    let error = store.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(start.elapsed() < FAST, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_was_killed_is_missed_at_once_and_found_again() {
    let (mut server, store) = redis();
    store.set("name", it(), MINUTE).await.unwrap();
    assert!(store.get("name", 64).await.unwrap().is_some());
    server.kill();
    for _ in 0..20 {
        let start = Instant::now();
        let error = store.get("name", 64).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
        assert!(store.set("name", it(), MINUTE).await.is_err());
        assert!(store.delete_many(&names(&["name"])).await.is_err());
        assert!(store.bus().unwrap().publish("bus", it()).await.is_err());
        assert!(start.elapsed() < FAST, "{:?}", start.elapsed());
    }
    server.restart().unwrap();
    // The first call after it is back is as good as any.
    assert_eq!(store.get("name", 64).await.unwrap(), None);
    store.set("name", it(), MINUTE).await.unwrap();
    store.bus().unwrap().publish("bus", it()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_fails_nothing() {
    let (server, store) = redis();
    store.set("name", it(), MINUTE).await.unwrap();
    for _ in 0..20 {
        assert!(store.get("name", 64).await.unwrap().is_some());
        server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
        assert!(store.get("name", 64).await.unwrap().is_some());
        store.set("name", it(), MINUTE).await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_server_costs_the_budget_and_is_found_again() {
    let (server, store) = redis();
    store.set("name", it(), MINUTE).await.unwrap();
    server.stop().unwrap();
    for _ in 0..30 {
        // Either the budget ends it, or the store has noticed by then that the server does not answer.
        let got = timeout(BUDGET, store.get("name", 64)).await;
        assert!(got.is_err() || got.unwrap().is_err());
        let set = timeout(BUDGET, store.set("name", it(), MINUTE)).await;
        assert!(set.is_err() || set.unwrap().is_err());
    }
    server.resume().unwrap();
    in_the_end(|| store.get("name", 64)).await;
    in_the_end(|| store.set("name", it(), MINUTE)).await;
    in_the_end(|| store.delete("name")).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_others_alone() {
    let (_server, store) = redis();
    store.set("name", it(), MINUTE).await.unwrap();
    for _ in 0..200 {
        let mut dropped = store.get("name", 64);
        let other = store.get("name", 64);
        begin(&mut dropped).await;
        drop(dropped);
        assert_eq!(other.await.unwrap().unwrap().bytes, "it");
    }
}

#[tokio::test]
async fn a_connection_outlives_the_call_that_opened_it() {
    let (server, store) = redis();
    let before = connections(&server);
    let mut first = store.get("name", 64);
    begin(&mut first).await;
    drop(first);
    let waiting = (0..50).map(|_| store.get("name", 64));
    for found in futures_util::future::join_all(waiting).await {
        assert_eq!(found.unwrap(), None);
    }
    // One of the store, and the one that sends `INFO`.
    assert_eq!(connections(&server), before + 2);
}

/// Polls once, so that it is on its way.
async fn begin<T>(call: &mut StoreFuture<'_, T>) {
    let is_pending = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending);
}

/// Number of connections that the server has ever accepted, including the one of this call.
fn connections(server: &Redis) -> u64 {
    let stats = server.ask(&["INFO", "stats"]).unwrap().text();
    let line = stats
        .lines()
        .find_map(|it| it.strip_prefix("total_connections_received:"));
    line.unwrap().parse::<u64>().unwrap()
}

#[tokio::test]
async fn what_was_sent_to_a_stopped_server_lives_no_longer_for_it() {
    let (server, store) = redis();
    store.set("warm", it(), MINUTE).await.unwrap();
    server.stop().unwrap();
    let short = Duration::from_millis(400);
    let set = timeout(BUDGET, store.set("late", it(), short)).await;
    assert!(set.is_err());
    tokio::time::sleep(short).await;
    server.resume().unwrap();
    // Commands of another connection may be executed first; so it waits for the sent ones.
    let sets = || {
        let stats = server.ask(&["INFO", "commandstats"]).unwrap().text();
        let is_set = |line: &&str| line.starts_with("cmdstat_pexpireat:");
        stats
            .lines()
            .find(is_set)
            .is_some_and(|line| line.contains("calls=2"))
    };
    timeout(LONG, async {
        while !sets() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(server.ask(&["PTTL", "late"]).unwrap().text(), "-2");
}

#[test]
fn a_runtime_that_ends_takes_no_connection_with_it_for_good() {
    let (_server, store) = redis();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            store.set("name", it(), MINUTE).await.unwrap();
            assert!(store.get("name", 64).await.unwrap().is_some());
        });
    }
}
