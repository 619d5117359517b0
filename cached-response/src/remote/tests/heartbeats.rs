//! Trust in memory with and without heartbeats.

use crate::{
    invalidation::{generation::Validity, scope::Bump},
    remote::{
        bus::transport::{Message, Payload, Targets},
        tests::node::{Node, SECOND, eventually, shop},
    },
    store::{Store, StoreErrorKind},
    testing::{ManualClock, in_process_store::InProcessStore},
    time::moment::Timestamp,
};
use actix_web::web::Bytes;

async fn publish(store: &InProcessStore, message: Bytes) {
    let bus = store.bus().unwrap();
    bus.publish(&shop().bus(), message).await.unwrap();
}

fn heartbeat(sender: u64, number: u64, sent_at: Timestamp) -> Bytes {
    let payload = Payload::Heartbeat(sent_at);
    let message = Message {
        sender,
        number,
        payload,
    };
    message.to_bytes()
}

/// Advances the clock second by second, and waits for a heartbeat in each.
async fn live(node: &Node, clock: &ManualClock, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(SECOND);
        eventually(|| node.is_live()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_heartbeats_memory_stays_trusted() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 20).await;
    assert!(node.trusts(start));
}

#[tokio::test(start_paused = true)]
async fn without_heartbeats_an_old_verification_is_not_trusted() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
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
async fn a_new_subscription_does_not_trust_verifications_from_before_it() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
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
async fn a_subscription_without_own_heartbeats_is_renewed() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
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
async fn an_unreadable_message_is_a_gap() {
    for message in [&b"hello"[..], &[2; 40], &[]] {
        let (store, clock) = (InProcessStore::new(), ManualClock::new());
        let node = Node::subscribed(&store, &clock).await;
        let start = node.now();
        live(&node, &clock, 1).await;
        assert!(node.trusts(start));
        publish(&store, Bytes::from_static(message)).await;
        eventually(|| !node.trusts(start)).await;
        assert!(node.trusts(node.now()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_number_is_a_gap() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    let start = node.now();
    live(&node, &clock, 1).await;
    for number in [5, 6, 7] {
        publish(&store, heartbeat(1, number, start)).await;
    }
    live(&node, &clock, 1).await;
    assert!(node.trusts(start));
    publish(&store, heartbeat(1, 9, start)).await;
    eventually(|| !node.trusts(start)).await;
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_seemed_lost_uses_up_its_number() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let bus = store.bus().unwrap();
    let mut messages = bus.subscribe(&shop().bus()).await.unwrap();
    let node = Node::subscribed(&store, &clock).await;
    let first = Message::parse(&messages.next().await.unwrap()).unwrap();
    store.fail_only("publish", StoreErrorKind::Timeout);
    let before = store.calls()["publish"];
    clock.advance(SECOND);
    eventually(|| store.calls()["publish"] > before).await;
    store.heal();
    live(&node, &clock, 1).await;
    let next = Message::parse(&messages.next().await.unwrap()).unwrap();
    assert_eq!(next.number, first.number + 2);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_from_the_future_proves_nothing() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let bus = store.bus().unwrap();
    let mut messages = bus.subscribe(&shop().bus()).await.unwrap();
    let node = Node::subscribed(&store, &clock).await;
    let start = node.now();
    let own = Message::parse(&messages.next().await.unwrap()).unwrap();
    assert_eq!((own.number, own.payload), (1, Payload::Heartbeat(start)));

    publish(&store, heartbeat(own.sender, 2, start.after(SECOND * 60))).await;
    // The channel keeps the order: when this one has arrived, so has the heartbeat.
    publish(
        &store,
        Message {
            sender: 3,
            number: 1,
            payload: Payload::Bump(Bump::Invalidate, Targets::All),
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
