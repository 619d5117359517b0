use super::*;
use crate::store::StoreError;
use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

const MINUTE: Duration = Duration::from_secs(60);

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[actix_web::test]
async fn a_clone_is_a_handle_on_the_same_store() {
    let store = InProcessStore::new();
    store.clone().set("a", bytes("1"), MINUTE).await.unwrap();
    assert_eq!(store.names(), ["a"]);
    store.clone().delete("a").await.unwrap();
    assert_eq!(store.get("a", 9).await, Ok(None));
}

#[actix_web::test]
async fn a_write_that_waits_does_not_extend_its_lifetime() {
    let clock = ManualClock::new();
    let store = InProcessStore::with_clock(&clock);
    store.hold();
    let mut set = pin!(store.set("a", bytes("1"), MINUTE));
    assert!(poll(set.as_mut()).is_pending());
    clock.advance(MINUTE);
    store.release();
    assert_eq!(poll(set.as_mut()), Poll::Ready(Ok(())));
    assert!(store.names().is_empty());
}

#[actix_web::test]
async fn ensure_extends_a_short_lifetime_and_keeps_the_value() {
    let clock = ManualClock::new();
    let store = InProcessStore::with_clock(&clock);
    let ours = [("a".to_owned(), bytes("ours"))];
    store.set("a", bytes("theirs"), MINUTE / 2).await.unwrap();
    assert_eq!(store.ensure(&ours, MINUTE).await.unwrap(), ["theirs"]);
    clock.advance(MINUTE);
    assert_eq!(store.ensure(&ours, MINUTE).await.unwrap(), ["theirs"]);
    store.delete("a").await.unwrap();
    assert_eq!(store.ensure(&ours, MINUTE).await.unwrap(), ["ours"]);
}

#[actix_web::test]
async fn a_call_can_be_held_before_its_effect_and_before_it_returns() {
    let store = InProcessStore::new();
    store.hold_only("set");
    let mut set = pin!(store.set("a", bytes("1"), MINUTE));
    assert!(poll(set.as_mut()).is_pending());
    assert_eq!(store.get("a", 9).await, Ok(None), "it has not acted");
    store.hold_answers("set");
    let mut second = pin!(store.set("b", bytes("2"), MINUTE));
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(store.names(), ["b"], "the second has acted");
    store.held(2).await;
    store.release();
    assert_eq!(poll(set), Poll::Ready(Ok(())));
    assert_eq!(poll(second), Poll::Ready(Ok(())));
    assert_eq!(store.names(), ["a", "b"]);
}

#[actix_web::test]
async fn a_held_call_that_is_dropped_has_no_effect() {
    let store = InProcessStore::new();
    store.hold();
    {
        let mut set = pin!(store.set("a", bytes("1"), MINUTE));
        assert!(poll(set.as_mut()).is_pending());
        assert!(poll(pin!(store.held(1))).is_ready());
    }
    assert!(poll(pin!(store.held(1))).is_pending());
    assert!(store.names().is_empty());
}

#[actix_web::test]
async fn injected_failures_last_until_heal() {
    let store = InProcessStore::new();
    store.fail_only("delete_many", StoreErrorKind::Refused);
    let kind = |error: StoreError| error.kind();
    let refused = store.delete_many(&[]).await.map_err(kind);
    assert_eq!(refused, Err(StoreErrorKind::Refused));
    assert_eq!(store.get("a", 9).await, Ok(None));
    store.fail_with(StoreErrorKind::Unreachable);
    let gone = store.publish("c", bytes("m")).await.map_err(kind);
    assert_eq!(gone, Err(StoreErrorKind::Unreachable));
    store.heal();
    assert_eq!(store.delete_many(&[]).await, Ok(()));
    assert_eq!(store.calls()["delete_many"], 2);
}

#[actix_web::test]
async fn a_subscription_receives_messages_and_the_error_of_a_cut() {
    let store = InProcessStore::new();
    let mut ours = store.subscribe("c").await.unwrap();
    let mut other = store.subscribe("d").await.unwrap();
    store.silence_bus();
    store.publish("c", bytes("lost")).await.unwrap();
    store.heal();
    store.publish("c", bytes("1")).await.unwrap();
    store.publish("c", bytes("2")).await.unwrap();
    assert_eq!(ours.next().await, Ok(bytes("1")));
    assert_eq!(ours.next().await, Ok(bytes("2")));
    let mut next = other.next();
    assert!(poll(next.as_mut()).is_pending());
    store.cut_bus();
    assert!(next.await.is_err());
    assert!(ours.next().await.is_err());
}
