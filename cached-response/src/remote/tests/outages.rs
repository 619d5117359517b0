//! Invalidations while the store is unavailable.

use crate::{
    InvalidationError,
    invalidation::{
        generation::Validity,
        scope::{Bump::Invalidate, Scope},
    },
    remote::{
        bus::{
            Limits,
            transport::{Transport, TransportFuture},
        },
        tests::{
            invalidations::send,
            node::{DirectTransport, LIMITS, Node, SECOND, eventually, shop},
        },
    },
    store::{Store, StoreErrorKind, Subscription},
    testing::{ManualClock, in_process_store::InProcessStore},
};
use actix_web::web::Bytes;
use std::{collections::HashSet, panic::resume_unwind, sync::Mutex, time::Duration};
use tokio::time::Instant;

fn tag() -> [Scope; 1] {
    [Scope::Tag("a".to_owned())]
}

fn names() -> [String; 1] {
    [shop().tag("a")]
}

#[tokio::test(start_paused = true)]
async fn a_refused_invalidation_is_reported_and_retried_until_it_succeeds() {
    for call in ["delete_many", "publish"] {
        let (store, clock) = (InProcessStore::new(), ManualClock::new());
        let ours = Node::subscribed(&store, &clock).await;
        let other = Node::subscribed(&store, &clock).await;
        store
            .set(&names()[0], Bytes::new(), SECOND * 60)
            .await
            .unwrap();
        store.fail_only(call, StoreErrorKind::Refused);
        let there = other.tagged("a");

        let outcome = send(&ours, Invalidate, &tag()).outcome().await;
        assert!(
            matches!(outcome, Err(InvalidationError::Refused(_))),
            "{call}: {outcome:?}"
        );
        assert_eq!(store.names().is_empty(), call == "publish");
        let before = store.calls()[call];
        clock.advance(SECOND);
        eventually(|| store.calls()[call] > before).await;
        assert!(ours.bus.pending().is_pending(&names()), "{call}");
        assert_eq!(there(), Validity::Current);

        store.heal();
        clock.advance(SECOND);
        eventually(|| ours.bus.pending().is_empty()).await;
        eventually(|| there() == Validity::Invalidated).await;
        assert!(store.names().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_ends_at_its_timeout() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    store.hold_only("delete_many");
    let start = Instant::now();
    let all: Vec<_> = (0..3).map(|_| send(&node, Invalidate, &tag())).collect();
    for sent in all {
        assert_eq!(sent.outcome().await, Err(InvalidationError::Slow));
    }
    assert!(start.elapsed() <= LIMITS.invalidation_timeout + SECOND / 100);
    assert!(node.bus.pending().is_pending(&names()));
    store.release();
    clock.advance(SECOND);
    eventually(|| node.bus.pending().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn invalidations_beyond_the_queue_are_left_to_a_retry() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    store.hold_only("delete_many");
    let path = |n: u32| [Scope::Path(format!("/{n}/{}", "x".repeat(1 << 20)))];
    let start = Instant::now();
    let queued: Vec<_> = (0..9).map(|n| send(&node, Invalidate, &path(n))).collect();
    let outcome = send(&node, Invalidate, &path(9)).outcome().await;
    assert_eq!(outcome, Err(InvalidationError::Slow));
    assert_eq!(start.elapsed(), Duration::ZERO, "it is refused at once");
    assert!(!node.bus.pending().is_empty());
    store.release();
    for sent in queued.into_iter().take(3) {
        assert_eq!(sent.outcome().await, Ok(()));
    }
    node.bus.retry().await;
    eventually(|| node.bus.pending().is_empty()).await;
    assert_eq!(send(&node, Invalidate, &path(0)).outcome().await, Ok(()));
}

/// Transport that panics at the first call of each kind.
struct Panicking {
    store: DirectTransport,
    panicked: Mutex<HashSet<&'static str>>,
}

impl Panicking {
    fn at_first(&self, call: &'static str) {
        if self.panicked.lock().unwrap().insert(call) {
            resume_unwind(Box::new("a store's panic"));
        }
    }
}

impl Transport for Panicking {
    fn delete(&self, names: Vec<String>) -> TransportFuture<()> {
        self.at_first("delete");
        self.store.delete(names)
    }

    fn has_bus(&self) -> bool {
        true
    }

    fn publish(&self, message: Bytes) -> TransportFuture<()> {
        self.at_first("publish");
        self.store.publish(message)
    }

    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>> {
        self.at_first("subscribe");
        self.store.subscribe()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_has_failed_and_is_retried() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let transport = Panicking {
        store: DirectTransport::new(&store),
        panicked: Mutex::default(),
    };
    let node = Node::with_transport(transport, &clock);
    for done in [false, false, true] {
        let outcome = send(&node, Invalidate, &tag()).outcome().await;
        assert_eq!(outcome.is_ok(), done, "{outcome:?}");
    }
    clock.advance(SECOND);
    eventually(|| node.is_live()).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_limits_do_not_overflow() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let limits = Limits {
        invalidation_timeout: Duration::MAX,
        max_unverified: Duration::MAX,
    };
    let node = Node::with_limits(limits, DirectTransport::new(&store), &clock);
    assert_eq!(send(&node, Invalidate, &tag()).outcome().await, Ok(()));
    assert!(node.trusts(node.now()));
}

#[tokio::test(start_paused = true)]
async fn unconfirmed_invalidations_are_sent_when_the_store_is_back() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    store.fail_with(StoreErrorKind::Unreachable);
    let outcome = send(&node, Invalidate, &tag()).outcome().await;
    assert_eq!(outcome, Err(InvalidationError::Unreachable));
    node.bus.retry().await;
    assert!(node.bus.pending().is_pending(&names()));
    store.heal();
    node.bus.retry().await;
    assert!(node.bus.pending().is_empty());
    let calls = store.calls();
    node.bus.retry().await;
    assert_eq!(store.calls(), calls, "nothing was pending");
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_invalidation_of_a_name_is_retried() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    store.fail_only("delete_many", StoreErrorKind::Unreachable);
    for _ in 0..9 {
        assert!(send(&node, Invalidate, &tag()).outcome().await.is_err());
    }
    assert_eq!(node.bus.pending().unconfirmed().len(), 1);
    store.heal();
    let before = store.calls()["delete_many"];
    node.bus.retry().await;
    assert_eq!(store.calls()["delete_many"], before + 1);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_may_be_lost_is_a_gap_for_the_others() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let ours = Node::subscribed(&store, &clock).await;
    let other = Node::subscribed(&store, &clock).await;
    let start = other.now();
    clock.advance(SECOND);
    eventually(|| other.is_live() && ours.is_live()).await;
    assert!(other.trusts(start));

    store.fail_only("publish", StoreErrorKind::Timeout);
    assert!(send(&ours, Invalidate, &tag()).outcome().await.is_err());
    store.heal();
    assert!(other.trusts(start));
    clock.advance(SECOND);
    eventually(|| !other.trusts(start)).await;
    assert!(other.trusts(other.now()));
}
