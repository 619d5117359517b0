//! Nodes on one store, in virtual time: whoever waits for the network waits no longer than the test.

use crate::{
    invalidation::{
        generation::Validity,
        generations::{Generations, Target},
    },
    remote::{
        bus::{
            InvalidationBus, Limits,
            transport::{Answer, Transport},
        },
        names::Namespace,
    },
    store::{
        Store,
        bus::Subscription,
        error::{StoreError, StoreErrorKind},
    },
    testing::{in_process_store::InProcessStore, manual_clock::ManualClock},
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
    invalidation: Duration::from_millis(250),
    max_unverified: Duration::from_secs(5),
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A cache, as far as others know of it.
pub(crate) struct Node {
    pub(crate) raising: InvalidationBus,
    pub(crate) generations: Arc<Generations>,
    pub(crate) work: JoinHandle<()>,
    clock: Clock,
}

impl Node {
    pub(crate) fn new(store: &InProcessStore, clock: &ManualClock) -> Self {
        Self::by(StoreLine::new(store), clock)
    }

    pub(crate) fn by(line: impl Transport, clock: &ManualClock) -> Self {
        Self::within(LIMITS, line, clock)
    }

    pub(crate) fn within(limits: Limits, line: impl Transport, clock: &ManualClock) -> Self {
        let generations = Arc::new(Generations::new());
        let clock = Clock::from(clock);
        let line: Arc<dyn Transport> = Arc::new(line);
        let (raising, work) = InvalidationBus::new(line, shop(), limits, &clock, &generations);
        Self {
            raising,
            generations,
            work: tokio::spawn(work),
            clock,
        }
    }

    /// One that hears itself.
    pub(crate) async fn listening(store: &InProcessStore, clock: &ManualClock) -> Self {
        let node = Self::new(store, clock);
        eventually(|| node.hears_itself()).await;
        node
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether a beat has come back that was sent in this moment.
    pub(crate) fn hears_itself(&self) -> bool {
        self.raising.hearing().heard.load(Acquire) == self.now().to_nanos()
    }

    pub(crate) fn trusts(&self, checked: Timestamp) -> bool {
        self.raising.hearing().trusts(checked, self.now())
    }

    /// What becomes of a value with this tag that is made now.
    pub(crate) fn tagged(&self, tag: &str) -> impl Fn() -> Validity + use<> {
        let snapshot = self.generations.snapshot(Target::Value(&[tag.to_owned()]));
        move || snapshot.validity()
    }
}

pub(crate) fn shop() -> Namespace {
    Namespace::new("shop", 1)
}

/// Waits for it, in virtual time.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not come to that");
}

/// Calls a store as it is, with a time limit each.
#[derive(Clone)]
pub(crate) struct StoreLine {
    store: InProcessStore,
    pub(crate) has_bus: bool,
}

impl StoreLine {
    pub(crate) fn new(store: &InProcessStore) -> Self {
        Self {
            store: store.clone(),
            has_bus: true,
        }
    }
}

impl Transport for StoreLine {
    fn delete(&self, names: Vec<String>) -> Answer<()> {
        let store = self.store.clone();
        Box::pin(in_time(async move { store.delete_many(&names).await }))
    }

    fn has_bus(&self) -> bool {
        self.has_bus
    }

    fn publish(&self, message: Bytes) -> Answer<()> {
        let store = self.store.clone();
        Box::pin(in_time(async move {
            let bus = store.bus().unwrap();
            bus.publish(&shop().bus(), message).await
        }))
    }

    fn subscribe(&self) -> Answer<Box<dyn Subscription>> {
        let store = self.store.clone();
        Box::pin(in_time(async move {
            let bus = store.bus().unwrap();
            bus.subscribe(&shop().bus()).await
        }))
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(LIMITS.invalidation, call).await;
    answered.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Timeout, "no answer")))
}
