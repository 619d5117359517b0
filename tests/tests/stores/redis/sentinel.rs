//! The server that sentinels know.

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store, StoreErrorKind};
use tests::servers::free_port;
use tests::servers::sentinel::{PRIMARY, Sentinel};

use super::replicas::pair;
use super::{LONG, MINUTE, in_the_end_within};

fn it() -> Bytes {
    Bytes::from_static(b"it")
}

#[tokio::test]
async fn a_failover_is_followed() {
    let (mut primary, replica) = pair();
    let sentinel = Sentinel::start(&primary, 1).unwrap();
    let store = RedisStore::sentinel([sentinel.url().as_str()], PRIMARY).unwrap();
    store.set("name", it(), MINUTE).await.unwrap();
    in_the_end_within(LONG, || store.delete("other")).await;
    primary.kill();
    in_the_end_within(LONG, || store.set("name", it(), MINUTE)).await;
    assert!(store.get("name", 64).await.unwrap().is_some());
    assert_eq!(replica.ask(&["GET", "name"]).unwrap().text(), "it");
    let bus = store.bus().unwrap();
    let mut listening = bus.subscribe("bus").await.unwrap();
    bus.publish("bus", it()).await.unwrap();
    assert_eq!(listening.next().await.unwrap(), "it");
}

#[tokio::test]
async fn one_sentinel_that_answers_is_enough() {
    let (primary, _replica) = pair();
    let sentinel = Sentinel::start(&primary, 1).unwrap();
    let stopped = Sentinel::start(&primary, 1).unwrap();
    stopped.stop().unwrap();
    let gone = format!("redis://127.0.0.1:{}", free_port().unwrap());
    let urls = [gone, stopped.url(), sentinel.url()];
    let store = RedisStore::sentinel(urls.iter().map(String::as_str), PRIMARY).unwrap();
    store.set("name", it(), MINUTE).await.unwrap();
}

#[tokio::test]
async fn an_unknown_primary_name_is_in_the_error() {
    let (primary, _replica) = pair();
    let sentinel = Sentinel::start(&primary, 1).unwrap();
    let store = RedisStore::sentinel([sentinel.url().as_str()], "another").unwrap();
    let error = store.get("name", 64).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("`another`"), "{error}");
}

#[tokio::test]
async fn sentinels_and_primaries_get_the_password_they_demand() {
    let (primary, _replica) = pair();
    let sentinel = Sentinel::start(&primary, 1).unwrap();
    primary
        .ask(&["CONFIG", "SET", "requirepass", "secret"])
        .unwrap();
    let url = sentinel.url().replace("redis://", "redis://:secret@");
    let open = RedisStore::sentinel([url.as_str()], PRIMARY).unwrap();
    open.set("name", it(), MINUTE).await.unwrap();
    sentinel
        .ask(&["CONFIG", "SET", "requirepass", "x"])
        .unwrap();
    sentinel
        .ask(&["SENTINEL", "CONFIG", "SET", "sentinel-pass", "x"])
        .unwrap();
    sentinel
        .ask(&["ACL", "SETUSER", "default", ">secret"])
        .unwrap();
    let closed = RedisStore::sentinel([url.as_str()], PRIMARY).unwrap();
    closed.set("name", it(), MINUTE).await.unwrap();
}
