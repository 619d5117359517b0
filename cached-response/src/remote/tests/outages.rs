//! What becomes of an invalidation that the store does not take.

use crate::{
    InvalidationError,
    invalidation::{
        generation::{Bump::Invalidate, Validity},
        scope::Scope,
    },
    remote::{
        bus::{
            Limits,
            transport::{Answer, Transport},
        },
        tests::{
            node::{LIMITS, Node, SECOND, StoreLine, eventually, shop},
            raising::send,
        },
    },
    store::{Store, bus::Subscription, error::StoreErrorKind},
    testing::{in_process_store::InProcessStore, manual_clock::ManualClock},
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
async fn what_the_store_refuses_is_told_and_tried_again_until_it_is_done() {
    for call in ["delete_many", "publish"] {
        let (store, clock) = (InProcessStore::new(), ManualClock::new());
        let ours = Node::listening(&store, &clock).await;
        let other = Node::listening(&store, &clock).await;
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
        assert!(ours.raising.pending().is_pending(&names()), "{call}");
        assert_eq!(there(), Validity::Current);

        store.heal();
        clock.advance(SECOND);
        eventually(|| ours.raising.pending().is_empty()).await;
        eventually(|| there() == Validity::Invalidated).await;
        assert!(store.names().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    store.hold_only("delete_many");
    let start = Instant::now();
    let all: Vec<_> = (0..3).map(|_| send(&node, Invalidate, &tag())).collect();
    for sent in all {
        assert_eq!(sent.outcome().await, Err(InvalidationError::Slow));
    }
    assert!(start.elapsed() <= LIMITS.invalidation + SECOND / 100);
    assert!(node.raising.pending().is_pending(&names()));
    store.release();
    clock.advance(SECOND);
    eventually(|| node.raising.pending().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn what_piles_up_while_the_store_does_not_answer_is_left_to_a_later_try() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    store.hold_only("delete_many");
    let path = |n: u32| [Scope::Path(format!("/{n}/{}", "x".repeat(1 << 20)))];
    let start = Instant::now();
    let on_their_way: Vec<_> = (0..9).map(|n| send(&node, Invalidate, &path(n))).collect();
    let outcome = send(&node, Invalidate, &path(9)).outcome().await;
    assert_eq!(outcome, Err(InvalidationError::Slow));
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for it");
    assert!(!node.raising.pending().is_empty());
    store.release();
    for sent in on_their_way.into_iter().take(3) {
        assert_eq!(sent.outcome().await, Ok(()));
    }
    node.raising.retry().await;
    eventually(|| node.raising.pending().is_empty()).await;
    assert_eq!(send(&node, Invalidate, &path(0)).outcome().await, Ok(()));
}

/// Panics at the first call of each kind.
struct Panicking {
    store: StoreLine,
    told: Mutex<HashSet<&'static str>>,
}

impl Panicking {
    fn at_first(&self, call: &'static str) {
        if self.told.lock().unwrap().insert(call) {
            resume_unwind(Box::new("a store's panic"));
        }
    }
}

impl Transport for Panicking {
    fn delete(&self, names: Vec<String>) -> Answer<()> {
        self.at_first("delete");
        self.store.delete(names)
    }

    fn has_bus(&self) -> bool {
        true
    }

    fn publish(&self, message: Bytes) -> Answer<()> {
        self.at_first("publish");
        self.store.publish(message)
    }

    fn subscribe(&self) -> Answer<Box<dyn Subscription>> {
        self.at_first("subscribe");
        self.store.subscribe()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_has_failed_and_is_told_again() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let line = Panicking {
        store: StoreLine::new(&store),
        told: Mutex::default(),
    };
    let node = Node::by(line, &clock);
    for done in [false, false, true] {
        let outcome = send(&node, Invalidate, &tag()).outcome().await;
        assert_eq!(outcome.is_ok(), done, "{outcome:?}");
    }
    clock.advance(SECOND);
    eventually(|| node.hears_itself()).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_may_be_as_long_as_there_is_time() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let limits = Limits {
        invalidation: Duration::MAX,
        max_unverified: Duration::MAX,
    };
    let node = Node::within(limits, StoreLine::new(&store), &clock);
    assert_eq!(send(&node, Invalidate, &tag()).outcome().await, Ok(()));
    assert!(node.trusts(node.now()));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_confirmed_is_tried_at_once_when_the_store_is_back() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    store.fail_with(StoreErrorKind::Unreachable);
    let outcome = send(&node, Invalidate, &tag()).outcome().await;
    assert_eq!(outcome, Err(InvalidationError::Unreachable));
    node.raising.retry().await;
    assert!(node.raising.pending().is_pending(&names()));
    store.heal();
    node.raising.retry().await;
    assert!(node.raising.pending().is_empty());
    let calls = store.calls();
    node.raising.retry().await;
    assert_eq!(store.calls(), calls, "there was nothing to do");
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_a_name_is_tried_again_and_only_that() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    store.fail_only("delete_many", StoreErrorKind::Unreachable);
    for _ in 0..9 {
        assert!(send(&node, Invalidate, &tag()).outcome().await.is_err());
    }
    assert_eq!(node.raising.pending().unconfirmed().len(), 1);
    store.heal();
    let before = store.calls()["delete_many"];
    node.raising.retry().await;
    assert_eq!(store.calls()["delete_many"], before + 1);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_may_be_lost_leaves_a_gap_for_the_others_to_see() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let ours = Node::listening(&store, &clock).await;
    let other = Node::listening(&store, &clock).await;
    let start = other.now();
    clock.advance(SECOND);
    eventually(|| other.hears_itself() && ours.hears_itself()).await;
    assert!(other.trusts(start));

    store.fail_only("publish", StoreErrorKind::Timeout);
    assert!(send(&ours, Invalidate, &tag()).outcome().await.is_err());
    store.heal();
    assert!(other.trusts(start));
    clock.advance(SECOND);
    eventually(|| !other.trusts(start)).await;
    assert!(other.trusts(other.now()));
}
