//! Invalidations by one node, in the store and in the other nodes.

use crate::{
    InvalidationError, Subscription,
    invalidation::{
        generation::Validity,
        registry::stripe,
        scope::{
            Bump::{self, Expire, Invalidate},
            Scope,
        },
    },
    remote::{
        bus::{
            Sent,
            transport::{Transport, TransportFuture},
        },
        tests::node::{DirectTransport, Node, SECOND, eventually, shop},
    },
    store::Store,
    testing::{ManualClock, in_process_store::InProcessStore},
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

pub(super) fn send(node: &Node, bump: Bump, scopes: &[Scope]) -> Sent {
    node.bus.send(node.bus.note(bump, scopes))
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_reaches_the_other_node() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let ours = Node::subscribed(&store, &clock).await;
    let other = Node::subscribed(&store, &clock).await;
    for (bump, validity) in [
        (Invalidate, Validity::Invalidated),
        (Expire, Validity::Expired),
    ] {
        for scopes in [vec![tag("a")], vec![tag("b"), tag("a")], vec![Scope::All]] {
            let (here, there, bystander) = (ours.tagged("a"), other.tagged("a"), other.tagged("c"));
            assert_eq!(send(&ours, bump, &scopes).outcome().await, Ok(()));
            eventually(|| there() == validity).await;
            assert_eq!(
                here(),
                Validity::Current,
                "the caller bumps its own generations"
            );
            assert_eq!(bystander() == Validity::Current, scopes != [Scope::All]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_completed_invalidation_has_deleted_its_names() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = Node::subscribed(&store, &clock).await;
    let stripe = shop().stripe(stripe("a"));
    for (scope, names) in [
        (Scope::All, vec![shop().all()]),
        (tag("a"), vec![shop().tag("a"), stripe]),
        (Scope::Path("/a".into()), shop().of_path("/a")),
        (Scope::Url("/a?b=1".into()), shop().of_url("/a?b=1")),
        (Scope::Prefix("/a/b".into()), shop().of_prefix("/a/b")),
        (
            Scope::Route("/a".into()),
            [shop().of_path("/a"), vec![shop().tag("\0/a")]].concat(),
        ),
    ] {
        for bump in [Invalidate, Expire] {
            for name in &names {
                store
                    .set(name, Bytes::from_static(b"nonce"), SECOND)
                    .await
                    .unwrap();
            }
            store.set("other", Bytes::new(), SECOND).await.unwrap();
            let sent = send(&node, bump, std::slice::from_ref(&scope));
            assert!(node.bus.pending().is_pending(&names));
            assert_eq!(sent.outcome().await, Ok(()));
            assert!(node.bus.pending().is_empty());
            assert_eq!(store.names(), ["other"]);
        }
    }
}

/// Transport that records the names that are deleted.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Vec<String>>>>);

impl Transport for Recorder {
    fn delete(&self, names: Vec<String>) -> TransportFuture<()> {
        self.0.lock().unwrap().push(names);
        Box::pin(async { Ok(()) })
    }

    fn has_bus(&self) -> bool {
        false
    }

    fn publish(&self, _: Bytes) -> TransportFuture<()> {
        unreachable!("there is no bus")
    }

    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>> {
        unreachable!("there is no bus")
    }
}

#[tokio::test(start_paused = true)]
async fn the_stripe_of_a_tag_is_deleted_first_and_each_name_once() {
    let recorder = Recorder::default();
    let node = Node::with_transport(recorder.clone(), &ManualClock::new());
    let meets = |other: &String| stripe(other) == stripe("a");
    let other = (0..10_000).map(|n: u32| n.to_string()).find(meets).unwrap();
    let scopes = [tag("a"), tag(&other)];
    assert_eq!(send(&node, Invalidate, &scopes).outcome().await, Ok(()));
    let names = [
        shop().stripe(stripe("a")),
        shop().tag("a"),
        shop().tag(&other),
    ];
    assert_eq!(*recorder.0.lock().unwrap(), [names.to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn invalidations_that_arrive_during_another_are_sent_together() {
    let recorder = Recorder::default();
    let node = Node::with_transport(recorder.clone(), &ManualClock::new());
    let all: Vec<_> = (0..600)
        .map(|n| send(&node, Invalidate, &[tag(&n.to_string())]))
        .collect();
    for sent in all {
        assert_eq!(sent.outcome().await, Ok(()));
    }
    let removed = recorder.0.lock().unwrap();
    assert!(removed.len() <= 3, "{} calls", removed.len());
    let tags = (0..600).map(|n: u32| shop().tag(&n.to_string()));
    assert!(tags.into_iter().all(|tag| removed.concat().contains(&tag)));
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_only_the_store_is_called() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let mut transport = DirectTransport::new(&store);
    transport.has_bus = false;
    let node = Node::with_transport(transport, &clock);
    assert_eq!(send(&node, Invalidate, &[tag("a")]).outcome().await, Ok(()));
    clock.advance(SECOND * 6);
    assert_eq!(send(&node, Invalidate, &[tag("a")]).outcome().await, Ok(()));
    let calls: Vec<_> = store.calls().into_iter().collect();
    assert_eq!(calls, [("delete_many", 2)]);
    assert!(node.trusts(node.now().before(SECOND * 5)));
    assert!(!node.trusts(node.now().before(SECOND * 6)));
}

#[tokio::test(start_paused = true)]
async fn a_queued_invalidation_is_sent_before_the_tasks_end_with_their_cache() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let other = Node::subscribed(&store, &clock).await;
    let node = Node::subscribed(&store, &clock).await;
    let there = other.tagged("a");
    drop(send(&node, Invalidate, &[tag("a")]));
    let Node { bus, tasks, .. } = node;
    drop(bus);
    tasks.await.unwrap();
    eventually(|| there() == Validity::Invalidated).await;
}

#[test]
fn an_invalidation_without_a_publisher_ends_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let node = runtime.block_on(Node::subscribed(&store, &clock));
    drop(runtime);
    let mut outcome = pin!(send(&node, Invalidate, &[tag("a")]).outcome());
    let outcome = outcome
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(outcome, Poll::Ready(Err(InvalidationError::Unreachable)));
    assert!(node.bus.pending().is_pending(&[shop().tag("a")]));
}
