//! What one node invalidates, in the store and in the others.

use crate::{
    InvalidationError, Subscription,
    invalidation::{
        generation::{
            Bump::{self, Expire, Invalidate},
            Validity,
        },
        scope::Scope,
        tag_stripes::stripe,
    },
    remote::{
        bus::{
            Sent,
            transport::{Answer, Transport},
        },
        tests::node::{Node, SECOND, StoreLine, eventually, shop},
    },
    store::Store,
    testing::{in_process_store::InProcessStore, manual_clock::ManualClock},
};
use actix_web::web::Bytes;
use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

fn tag(tag: &str) -> Scope {
    Scope::Tag(tag.to_owned())
}

pub(super) fn send(node: &Node, raise: Bump, scopes: &[Scope]) -> Sent {
    node.raising.send(node.raising.note(raise, scopes))
}

#[tokio::test(start_paused = true)]
async fn what_one_node_raises_is_raised_in_the_other() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let ours = Node::listening(&store, &clock).await;
    let other = Node::listening(&store, &clock).await;
    for (raise, standing) in [
        (Invalidate, Validity::Invalidated),
        (Expire, Validity::Expired),
    ] {
        for scopes in [vec![tag("a")], vec![tag("b"), tag("a")], vec![Scope::All]] {
            let (here, there, bystander) = (ours.tagged("a"), other.tagged("a"), other.tagged("c"));
            assert_eq!(send(&ours, raise, &scopes).outcome().await, Ok(()));
            eventually(|| there() == standing).await;
            assert_eq!(
                here(),
                Validity::Current,
                "this is not whose it is to raise it"
            );
            assert_eq!(bystander() == Validity::Current, scopes != [Scope::All]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_it_is_done_the_store_has_none_of_its_names() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::listening(&store, &clock).await;
    let stripe = shop().stripe(stripe("a"));
    for (scope, names) in [
        (Scope::All, vec![shop().all()]),
        (tag("a"), vec![shop().tag("a"), stripe]),
        (Scope::Path("/a".into()), shop().of_path("/a")),
        (Scope::Url("/a?b=1".into()), shop().of_url("/a?b=1")),
    ] {
        for raise in [Invalidate, Expire] {
            for name in &names {
                store
                    .set(name, Bytes::from_static(b"nonce"), SECOND)
                    .await
                    .unwrap();
            }
            store.set("other", Bytes::new(), SECOND).await.unwrap();
            let sent = send(&node, raise, std::slice::from_ref(&scope));
            assert!(node.raising.pending().is_pending(&names));
            assert_eq!(sent.outcome().await, Ok(()));
            assert!(node.raising.pending().is_empty());
            assert_eq!(store.names(), ["other"]);
        }
    }
}

/// Says what was removed.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<Vec<String>>>>);

impl Transport for Witness {
    fn delete(&self, names: Vec<String>) -> Answer<()> {
        self.0.lock().unwrap().push(names);
        Box::pin(async { Ok(()) })
    }

    fn has_bus(&self) -> bool {
        false
    }

    fn publish(&self, _: Bytes) -> Answer<()> {
        unreachable!("there is no bus")
    }

    fn subscribe(&self) -> Answer<Box<dyn Subscription>> {
        unreachable!("there is no bus")
    }
}

#[tokio::test(start_paused = true)]
async fn the_stripe_of_a_tag_goes_first_and_each_name_once() {
    let witness = Witness::default();
    let node = Node::by(witness.clone(), &ManualClock::new());
    let meets = |other: &String| stripe(other) == stripe("a");
    let other = (0..10_000).map(|n: u32| n.to_string()).find(meets).unwrap();
    let scopes = [tag("a"), tag(&other)];
    assert_eq!(send(&node, Invalidate, &scopes).outcome().await, Ok(()));
    let names = [
        shop().stripe(stripe("a")),
        shop().tag("a"),
        shop().tag(&other),
    ];
    assert_eq!(*witness.0.lock().unwrap(), [names.to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_another_is_under_way_is_told_together() {
    let witness = Witness::default();
    let node = Node::by(witness.clone(), &ManualClock::new());
    let all: Vec<_> = (0..600)
        .map(|n| send(&node, Invalidate, &[tag(&n.to_string())]))
        .collect();
    for sent in all {
        assert_eq!(sent.outcome().await, Ok(()));
    }
    let removed = witness.0.lock().unwrap();
    assert!(removed.len() <= 3, "{} calls", removed.len());
    let tags = (0..600).map(|n: u32| shop().tag(&n.to_string()));
    assert!(tags.into_iter().all(|tag| removed.concat().contains(&tag)));
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_the_store_is_told_and_nobody_else() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let mut line = StoreLine::new(&store);
    line.has_bus = false;
    let node = Node::by(line, &clock);
    assert_eq!(send(&node, Invalidate, &[tag("a")]).outcome().await, Ok(()));
    clock.advance(SECOND * 6);
    assert_eq!(send(&node, Invalidate, &[tag("a")]).outcome().await, Ok(()));
    let calls: Vec<_> = store.calls().into_iter().collect();
    assert_eq!(calls, [("delete_many", 2)]);
    assert!(node.trusts(node.now().before(SECOND * 5)));
    assert!(!node.trusts(node.now().before(SECOND * 6)));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_sent_before_the_work_ends_with_its_cache() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let other = Node::listening(&store, &clock).await;
    let node = Node::listening(&store, &clock).await;
    let there = other.tagged("a");
    drop(send(&node, Invalidate, &[tag("a")]));
    let Node { raising, work, .. } = node;
    drop(raising);
    work.await.unwrap();
    eventually(|| there() == Validity::Invalidated).await;
}

#[test]
fn whoever_waits_without_a_runtime_is_told_that_nobody_sends_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = runtime.block_on(Node::listening(&store, &clock));
    drop(runtime);
    let mut outcome = pin!(send(&node, Invalidate, &[tag("a")]).outcome());
    let outcome = outcome
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(outcome, Poll::Ready(Err(InvalidationError::Unreachable)));
    assert!(node.raising.pending().is_pending(&[shop().tag("a")]));
}
