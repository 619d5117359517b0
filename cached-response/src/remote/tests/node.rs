//! Nodes that share a store, in virtual time.

use crate::{
    invalidation::{
        generation::Validity,
        generations::{Generations, Target},
    },
    remote::{
        bus::{
            InvalidationBus, Limits,
            transport::{Transport, TransportFuture},
        },
        names::Namespace,
    },
    store::{Store, StoreError, StoreErrorKind, Subscription},
    testing::{ManualClock, in_process_store::InProcessStore},
    time::{Clock, moment::Timestamp},
};
use actix_web::web::Bytes;
use std::{
    future::Future,
    sync::{Arc, atomic::Ordering::Acquire},
    time::Duration,
};
use tokio::task::JoinHandle;

pub(crate) const LIMITS: Limits = Limits {
    invalidation_timeout: Duration::from_millis(250),
    max_unverified: Duration::from_secs(5),
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Part of a cache that communicates with others.
pub(crate) struct Node {
    pub(crate) bus: InvalidationBus,
    pub(crate) generations: Arc<Generations>,
    pub(crate) tasks: JoinHandle<()>,
    clock: Clock,
}

impl Node {
    pub(crate) fn new(store: &InProcessStore, clock: &ManualClock) -> Self {
        Self::with_transport(DirectTransport::new(store), clock)
    }

    pub(crate) fn with_transport(transport: impl Transport, clock: &ManualClock) -> Self {
        Self::with_limits(LIMITS, transport, clock)
    }

    pub(crate) fn with_limits(
        limits: Limits,
        transport: impl Transport,
        clock: &ManualClock,
    ) -> Self {
        let generations = Arc::new(Generations::new());
        let clock = Clock::from(clock);
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let (bus, tasks) = InvalidationBus::new(transport, shop(), limits, &clock, &generations);
        Self {
            bus,
            generations,
            tasks: tokio::spawn(tasks),
            clock,
        }
    }

    /// Creates a node whose first heartbeat has come back.
    pub(crate) async fn subscribed(store: &InProcessStore, clock: &ManualClock) -> Self {
        let node = Self::new(store, clock);
        eventually(|| node.is_live()).await;
        node
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns whether a heartbeat has come back that was sent at this time.
    pub(crate) fn is_live(&self) -> bool {
        self.bus.liveness().last_heartbeat.load(Acquire) == self.now().to_nanos()
    }

    pub(crate) fn trusts(&self, verified_at: Timestamp) -> bool {
        self.bus.liveness().trusts(verified_at, self.now())
    }

    /// Returns the validity of a value with this tag that is made now.
    pub(crate) fn tagged(&self, tag: &str) -> impl Fn() -> Validity + use<> {
        let snapshot = self.generations.snapshot(Target::Value(&[tag.to_owned()]));
        move || snapshot.validity()
    }
}

pub(crate) fn shop() -> Namespace {
    Namespace::new("shop", 1)
}

/// Waits for the condition, in virtual time.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the condition does not become true");
}

/// Transport that calls a store directly, with a timeout for each call.
#[derive(Clone)]
pub(crate) struct DirectTransport {
    store: InProcessStore,
    pub(crate) has_bus: bool,
}

impl DirectTransport {
    pub(crate) fn new(store: &InProcessStore) -> Self {
        Self {
            store: store.clone(),
            has_bus: true,
        }
    }
}

impl Transport for DirectTransport {
    fn delete(&self, names: Vec<String>) -> TransportFuture<()> {
        let store = self.store.clone();
        Box::pin(in_time(async move { store.delete_many(&names).await }))
    }

    fn has_bus(&self) -> bool {
        self.has_bus
    }

    fn publish(&self, message: Bytes) -> TransportFuture<()> {
        let store = self.store.clone();
        Box::pin(in_time(async move {
            let bus = store.bus().unwrap();
            bus.publish(&shop().bus(), message).await
        }))
    }

    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>> {
        let store = self.store.clone();
        Box::pin(in_time(async move {
            let bus = store.bus().unwrap();
            bus.subscribe(&shop().bus()).await
        }))
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(LIMITS.invalidation_timeout, call).await;
    answered.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Timeout, "no answer")))
}
