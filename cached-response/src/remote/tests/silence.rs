//! What is trusted while the bus is heard, and while it is not.

use crate::{
    invalidation::generation::{Bump, Validity},
    remote::{
        bus::message::{Message, Payload, Targets},
        tests::node::{Node, SECOND, eventually, shop},
    },
    store::{Store, error::StoreErrorKind},
    testing::{in_process_store::InProcessStore, manual_clock::ManualClock},
    time::moment::Timestamp,
};
use actix_web::web::Bytes;

async fn publish(store: &InProcessStore, message: Bytes) {
    let bus = store.bus().unwrap();
    bus.publish(&shop().bus(), message).await.unwrap();
}

fn beat(sender: u64, number: u64, sent: Timestamp) -> Bytes {
    let word = Payload::Beat(sent);
    let message = Message {
        sender,
        number,
        word,
    };
    message.to_bytes()
}

/// Turns the clock second by second, and waits for a beat in each.
async fn live(node: &Node, clock: &ManualClock, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(SECOND);
        eventually(|| node.hears_itself()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_beats_come_back_nothing_grows_too_old() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 20).await;
    assert!(node.trusts(start));
}

#[tokio::test(start_paused = true)]
async fn in_silence_what_was_checked_long_ago_is_not_trusted() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 3).await;
    store.silence_bus();
    clock.advance(SECOND * 5);
    assert!(node.trusts(start));
    clock.advance(SECOND);
    assert!(!node.trusts(start));
    assert!(node.trusts(node.now().before(SECOND * 5)));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_was_cut_is_listened_to_again_and_what_was_before_is_not_trusted() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 2).await;
    store.fail_only("subscribe", StoreErrorKind::Unreachable);
    store.cut_bus();
    eventually(|| store.calls()["subscribe"] >= 4).await;
    assert!(!node.trusts(start));
    let meanwhile = node.now();
    clock.advance(SECOND);
    store.heal();
    eventually(|| !node.trusts(meanwhile)).await;
    let since = node.now();
    live(&node, &clock, 9).await;
    assert!(node.trusts(since));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_hear_its_own_beats_listens_anew() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    store.silence_bus();
    assert_eq!(store.calls()["subscribe"], 1);
    for _ in 0..5 {
        assert_eq!(store.calls()["subscribe"], 1);
        let before = store.calls()["publish"];
        clock.advance(SECOND);
        eventually(|| store.calls()["publish"] > before).await;
    }
    eventually(|| store.calls()["subscribe"] == 2).await;
    store.heal();
    live(&node, &clock, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_may_have_said_anything() {
    for message in [&b"hello"[..], &[2; 40], &[]] {
        let (store, clock) = (InProcessStore::new(), ManualClock::new());
        let node = Node::listening(&store, &clock).await;
        let start = node.now();
        live(&node, &clock, 1).await;
        assert!(node.trusts(start));
        publish(&store, Bytes::from_static(message)).await;
        eventually(|| !node.trusts(start)).await;
        assert!(node.trusts(node.now()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_has_left_out_may_have_been_anything() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 1).await;
    for number in [5, 6, 7] {
        publish(&store, beat(1, number, start)).await;
    }
    live(&node, &clock, 1).await;
    assert!(node.trusts(start));
    publish(&store, beat(1, 9, start)).await;
    eventually(|| !node.trusts(start)).await;
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_seemed_lost_and_was_heard_does_not_hide_what_is_lost_after_it() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let bus = store.bus().unwrap();
    let mut heard = bus.subscribe(&shop().bus()).await.unwrap();
    let node = Node::listening(&store, &clock).await;
    let first = Message::parse(&heard.next().await.unwrap()).unwrap();
    store.fail_only("publish", StoreErrorKind::Timeout);
    let before = store.calls()["publish"];
    clock.advance(SECOND);
    eventually(|| store.calls()["publish"] > before).await;
    store.heal();
    live(&node, &clock, 1).await;
    let next = Message::parse(&heard.next().await.unwrap()).unwrap();
    assert_eq!(next.number, first.number + 2);
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_was_not_sent_yet_proves_nothing_of_the_time_until_then() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let bus = store.bus().unwrap();
    let mut heard = bus.subscribe(&shop().bus()).await.unwrap();
    let node = Node::listening(&store, &clock).await;
    let start = node.now();
    let own = Message::parse(&heard.next().await.unwrap()).unwrap();
    assert_eq!((own.number, own.word), (1, Payload::Beat(start)));

    publish(&store, beat(own.sender, 2, start.after(SECOND * 60))).await;
    // Heard in order, so that the one before it was heard as well.
    publish(
        &store,
        Message {
            sender: 3,
            number: 1,
            word: Payload::Raise(Bump::Invalidate, Targets::All),
        }
        .to_bytes(),
    )
    .await;
    let there = node.tagged("a");
    eventually(|| there() != Validity::Current).await;
    store.silence_bus();
    clock.advance(SECOND * 6);
    assert!(!node.trusts(start));
}
