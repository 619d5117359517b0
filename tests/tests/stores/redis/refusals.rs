//! Servers that are there and refuse: each by a state that a real one is in.

use std::time::Duration;

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store, StoreError, StoreErrorKind};
use tests::servers::redis::Redis;
use tests::servers::until;

use super::{ALLOWED, MINUTE, names, redis};

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, StoreError>, word: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

#[tokio::test]
async fn a_full_server_stores_nothing_and_deletes_still() {
    let server = Redis::with(&["--maxmemory-policy", "noeviction"]).unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    store.set("tag", it(), MINUTE).await.unwrap();
    store.set("page", it(), MINUTE).await.unwrap();
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert_refused(store.set("page", it(), MINUTE).await, "OOM");
    assert_refused(store.add("lease", it(), MINUTE).await, "OOM");
    let wanted = [("nonce".to_owned(), it())];
    assert_refused(store.ensure(&wanted, MINUTE).await, "OOM");
    assert!(store.get("page", 64).await.unwrap().is_some());
    store.delete_many(&names(&["stripe", "tag"])).await.unwrap();
    assert_eq!(store.get("tag", 64).await.unwrap(), None);
    store.bus().unwrap().publish("bus", it()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_left() {
    let (server, store) = redis();
    store.set("page", it(), MINUTE).await.unwrap();
    let primary = Redis::start().unwrap();
    let port = primary.port().to_string();
    server.ask(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    assert_refused(store.set("page", it(), MINUTE).await, "READONLY");
    // It could be read, but what is there may be what was invalidated.
    assert_refused(store.get("page", 64).await, "READONLY");
    server.ask(&["REPLICAOF", "NO", "ONE"]).unwrap();
    store.set("page", it(), MINUTE).await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_missing_or_wrong() {
    let server = Redis::with(&["--requirepass", "secret"]).unwrap();
    let without = RedisStore::open(&server.url()).unwrap();
    assert_refused(without.get("name", 64).await, "NOAUTH");
    let at = format!("127.0.0.1:{}", server.port());
    let wrong = RedisStore::open(&format!("redis://:wrong@{at}")).unwrap();
    let error = wrong.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(!error.to_string().contains("wrong@"), "{error}");
    let right = RedisStore::open(&format!("redis://:secret@{at}")).unwrap();
    right.set("name", it(), MINUTE).await.unwrap();
}

#[tokio::test]
async fn a_user_without_permission_is_refused() {
    let server = Redis::start().unwrap();
    let user = [
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">pw",
        "~*",
        "+pttl",
        "+getrange",
    ];
    server.ask(&user).unwrap();
    let store = RedisStore::open(&format!("redis://reader:pw@127.0.0.1:{}", server.port()));
    let store = store.unwrap();
    assert_eq!(store.get("name", 64).await.unwrap(), None);
    assert_refused(store.set("name", it(), MINUTE).await, "NOPERM");
    assert_refused(store.delete("name").await, "NOPERM");
    let bus = store.bus().unwrap();
    assert_refused(bus.publish("bus", it()).await, "NOPERM");
    assert_refused(bus.subscribe("bus").await.map(drop), "NOPERM");
}

#[tokio::test]
async fn the_documented_permissions_suffice() {
    let server = Redis::start().unwrap();
    let user: Vec<_> = ALLOWED.split_whitespace().collect();
    assert_eq!(server.ask(&user).unwrap().text(), "OK");
    let url = format!("redis://cache:secret@127.0.0.1:{}/1", server.port());
    let store = RedisStore::open(&url).unwrap();
    server.ask(&["ACL", "LOG", "RESET"]).unwrap();
    store.set("shop:page", it(), MINUTE).await.unwrap();
    store.set("shop:gone", it(), Duration::ZERO).await.unwrap();
    store
        .set("shop:old", it(), Duration::from_secs(1))
        .await
        .unwrap();
    let nonces = ["shop:old", "shop:new"].map(|name| (name.to_owned(), it()));
    store.ensure(&nonces, MINUTE).await.unwrap();
    store.add("shop:lease", it(), MINUTE).await.unwrap();
    let with = names(&["shop:new", "shop:old"]);
    let (kept, found) = store.look_up("shop:page", 64, &with).await.unwrap();
    assert!(kept.is_some() && found.iter().all(Option::is_some));
    store.get_many(&with).await.unwrap();
    let bus = store.bus().unwrap();
    let mut listening = bus.subscribe("shop:bus").await.unwrap();
    store.delete_many(&with).await.unwrap();
    bus.publish("shop:bus", it()).await.unwrap();
    assert_eq!(listening.next().await.unwrap(), "it");
    // The client names itself where it may; nothing else was refused.
    let log = server.ask(&["ACL", "LOG"]).unwrap().text();
    let refused: Vec<_> = log.lines().filter(|line| line.contains('|')).collect();
    assert!(refused.iter().all(|it| it.starts_with("client|")), "{log}");
    assert_refused(store.get("other:page", 64).await, "NOPERM");
}

#[tokio::test]
async fn what_is_no_text_is_not_read() {
    let (server, store) = redis();
    server
        .ask(&["RPUSH", "list", "of", "three", "items"])
        .unwrap();
    assert_eq!(store.get("list", 64).await.unwrap(), None);
    let found = store.get_many(&names(&["list"])).await;
    assert_eq!(found.unwrap(), [None]);
    store.set("list", it(), MINUTE).await.unwrap();
    assert_eq!(store.get("list", 64).await.unwrap().unwrap().bytes, "it");
}

#[tokio::test]
async fn a_server_busy_with_a_script_refuses() {
    let server = Redis::with(&["--lua-time-limit", "1"]).unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    store.set("page", it(), MINUTE).await.unwrap();
    let mut wire = server.wire().unwrap();
    wire.send(&["EVAL", "while true do end", "0"]).unwrap();
    let busy = || {
        server
            .ask(&["PING"])
            .unwrap()
            .text()
            .starts_with("BUSY")
            .then_some(())
    };
    until("busy", busy).unwrap();
    assert_refused(store.get("page", 64).await, "BUSY");
    assert_refused(store.delete("page").await, "BUSY");
    server.ask(&["SCRIPT", "KILL"]).unwrap();
    // It ends a little after the command.
    assert!(super::in_the_end(|| store.get("page", 64)).await.is_some());
}

#[tokio::test]
async fn a_server_that_loads() {
    let mut server = Redis::with(&["--enable-debug-command", "yes"]).unwrap();
    server.ask(&["DEBUG", "POPULATE", "20000"]).unwrap();
    server.ask(&["SAVE"]).unwrap();
    // Loads with a rest after each key, and answers in between.
    server
        .restart_with(&[
            "--key-load-delay",
            "500",
            "--loading-process-events-interval-bytes",
            "1024",
        ])
        .unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    assert_refused(store.get("page", 64).await, "LOADING");
    assert_refused(store.set("page", it(), MINUTE).await, "LOADING");
    server
        .ask(&["CONFIG", "SET", "key-load-delay", "0"])
        .unwrap();
    super::in_the_end(|| store.set("page", it(), MINUTE)).await;
}

#[tokio::test]
async fn a_server_that_cannot_save_refuses_what_is_written() {
    let server = Redis::with(&["--stop-writes-on-bgsave-error", "yes"]).unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    // Asks for more replicas than there are.
    server
        .ask(&["CONFIG", "SET", "min-replicas-to-write", "1"])
        .unwrap();
    assert_refused(store.set("page", it(), MINUTE).await, "NOREPLICAS");
    assert_refused(store.delete("page").await, "NOREPLICAS");
}
