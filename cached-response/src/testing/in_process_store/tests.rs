use super::*;
use crate::store::error::StoreError;
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
async fn a_clone_is_another_handle_on_the_same_store() {
    let store = InProcessStore::new();
    store.clone().set("a", bytes("1"), MINUTE).await.unwrap();
    assert_eq!(store.names(), ["a"]);
    store.clone().delete("a").await.unwrap();
    assert_eq!(store.get("a", 9).await, Ok(None));
}

#[actix_web::test]
async fn what_waits_to_be_set_does_not_live_longer_for_it() {
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
async fn ensure_lengthens_a_life_that_is_too_short_and_keeps_the_value() {
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
async fn a_call_can_be_held_before_it_acts_and_before_it_answers() {
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
async fn a_call_that_is_dropped_while_it_is_held_does_nothing_and_waits_no_more() {
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
async fn calls_fail_as_they_are_told_until_it_is_healed() {
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
async fn who_listens_hears_what_is_published_and_that_the_bus_was_cut() {
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
