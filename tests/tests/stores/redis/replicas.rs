//! A primary with a replica: an invalidation must outlive the primary.

use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store, StoreErrorKind};
use tests::servers::redis::Redis;
use tests::servers::until;

use super::{LONG, MINUTE, names};

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

/// A primary, and a replica that is in step with it.
pub(super) fn pair() -> (Redis, Redis) {
    let primary = Redis::with(&["--repl-diskless-sync-delay", "0"]).unwrap();
    let port = primary.port().to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    in_step(&primary);
    (primary, replica)
}

/// Waits until a replica confirms: the primary calls it online a little earlier.
fn in_step(primary: &Redis) {
    let mut wire = primary.wire().unwrap();
    let confirmed = || {
        wire.ask(&["SET", "in step", "?"]).unwrap();
        let replicas = wire.ask(&["WAIT", "1", "1000"]).unwrap();
        (replicas.text() == "1").then_some(())
    };
    until("a replica in step", confirmed).unwrap();
}

#[tokio::test]
async fn an_invalidation_is_at_the_replica_when_it_is_confirmed() {
    let (primary, replica) = pair();
    let store = RedisStore::open(&primary.url()).unwrap();
    for _ in 0..50 {
        store.set("tag", it(), MINUTE).await.unwrap();
        let tag = names(&["stripe", "tag"]);
        super::in_the_end_within(LONG, || store.delete_many(&tag)).await;
        assert_eq!(replica.ask(&["EXISTS", "tag"]).unwrap().text(), "0");
    }
}

#[tokio::test]
async fn an_invalidation_that_no_replica_has_is_not_confirmed() {
    let (primary, replica) = pair();
    let store = RedisStore::open(&primary.url()).unwrap();
    store.set("tag", it(), MINUTE).await.unwrap();
    replica.stop().unwrap();
    for _ in 0..2 {
        // Also where there is nothing to delete any more: that is not at the replica either.
        let start = Instant::now();
        let error = store.delete("tag").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Timeout);
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
        // No other call waits meanwhile.
        store.get("page", 64).await.unwrap();
    }
    replica.resume().unwrap();
    super::in_the_end_within(LONG, || store.delete("tag")).await;
    assert_eq!(replica.ask(&["EXISTS", "tag"]).unwrap().text(), "0");
}

#[tokio::test]
async fn a_removed_replica_is_not_waited_for() {
    let (primary, mut replica) = pair();
    let store = RedisStore::open(&primary.url()).unwrap();
    super::in_the_end_within(LONG, || store.delete("tag")).await;
    replica.kill();
    super::in_the_end_within(LONG, || store.delete("tag")).await;
}

#[tokio::test]
async fn an_added_replica_is_waited_for() {
    let primary = Redis::with(&["--repl-diskless-sync-delay", "0"]).unwrap();
    let store = RedisStore::open(&primary.url()).unwrap();
    store.set("tag", it(), MINUTE).await.unwrap();
    let port = primary.port().to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    in_step(&primary);
    replica.stop().unwrap();
    // Writes and messages continue as before, and the store notices the replica by them.
    let learnt = async {
        while store.delete("tag").await.is_ok() {
            store.set("tag", it(), MINUTE).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, learnt).await.unwrap();
}
