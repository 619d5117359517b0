//! Messages between processes.

use actix_web::web::Bytes;
use cached_response::{RedisStore, Store, StoreError, StoreErrorKind};

use super::redis;

#[tokio::test]
async fn messages_reach_all_subscribers_in_order() {
    let (server, store) = redis();
    let other = RedisStore::open(&server.url()).unwrap();
    let mut here = store.bus().unwrap().subscribe("bus").await.unwrap();
    let mut there = other.bus().unwrap().subscribe("bus").await.unwrap();
    for number in 0..100_u8 {
        let message = Bytes::from(vec![number, 0, 255, b'\r', b'\n']);
        store.bus().unwrap().publish("bus", message).await.unwrap();
    }
    for number in 0..100_u8 {
        assert_eq!(here.next().await.unwrap()[0], number);
        assert_eq!(&there.next().await.unwrap()[..], [number, 0, 255, 13, 10]);
    }
}

#[tokio::test]
async fn messages_of_another_channel_are_not_received() {
    let (_server, store) = redis();
    let bus = store.bus().unwrap();
    let mut listening = bus.subscribe("bus").await.unwrap();
    bus.publish("other", Bytes::from_static(b"other"))
        .await
        .unwrap();
    bus.publish("bus", Bytes::from_static(b"bus"))
        .await
        .unwrap();
    assert_eq!(listening.next().await.unwrap(), "bus");
}

#[tokio::test]
async fn a_broken_subscription_ends_with_an_error() {
    let (server, store) = redis();
    let bus = store.bus().unwrap();
    let mut listening = bus.subscribe("bus").await.unwrap();
    let killed = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
    assert_eq!(killed.text(), "1");
    for _ in 0..2 {
        let error = listening.next().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    }
    // Nothing of it is left: to receive messages again, subscribe again.
    let mut again = bus.subscribe("bus").await.unwrap();
    bus.publish("bus", Bytes::from_static(b"again"))
        .await
        .unwrap();
    assert_eq!(again.next().await.unwrap(), "again");
}

#[tokio::test]
async fn a_subscription_that_is_dropped_ends() {
    let (server, store) = redis();
    let listening = store.bus().unwrap().subscribe("bus").await.unwrap();
    drop(listening);
    // The connection is closed by a task, which runs while this one waits.
    super::in_the_end(|| async {
        let told = server.ask(&["PUBLISH", "bus", "anybody?"]).unwrap();
        match told.text().as_str() {
            "0" => Ok(()),
            _ => Err(StoreError::new(StoreErrorKind::Timeout, "somebody")),
        }
    })
    .await;
}
