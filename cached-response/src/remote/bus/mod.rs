//! Invalidation in the remote store and in other processes.
//!
//! An invalidation is [noted](InvalidationBus::note) as pending, bumps the generations of this process,
//! and is then [sent](InvalidationBus::send), in this order: see [`trust`].
//!
//! The [`publisher`] deletes nonces from the store and publishes messages to the other processes, and a
//! heartbeat each second. The [`subscriber`] applies the messages of others; their numbers show a gap, and
//! the own heartbeats that come back show that none was missed. Both call the store by the [`transport`].

use crate::{invalidation::scope, time::moment, util::sync};

pub(crate) mod publisher;
pub(crate) mod subscriber;
pub(crate) mod transport;
pub(crate) mod trust;

use crate::{
    invalidation::{
        InvalidationError,
        generations::Generations,
        registry::stripe,
        route_name,
        scope::{Bump, Scope},
    },
    remote::{
        bus::{
            publisher::{BatchWaiter, HeartbeatMonitor, Job, Outcome, Publisher},
            subscriber::Subscriber,
            transport::Transport,
            trust::{BusLiveness, MAX_BYTES, Pending, Unconfirmed},
        },
        executor::timeout,
        names::Namespace,
    },
    time::Clock,
};
use futures_util::future::{OptionFuture, select};
use std::{
    collections::hash_map::RandomState,
    future::{Future, pending},
    hash::BuildHasher,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, UnboundedSender},
    oneshot,
};

/// Invalidations of one cache on their way to the store and to other processes, and those that arrive.
#[derive(Debug)]
pub(crate) struct InvalidationBus {
    namespace: Namespace,
    pending: Arc<Pending>,
    liveness: Arc<BusLiveness>,
    jobs: UnboundedSender<Job>,
    /// Bytes that may still be queued for the publisher.
    capacity: Arc<Semaphore>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Time that an invalidation may take.
    pub(crate) invalidation_timeout: Duration,
    /// See [`BusLiveness`].
    pub(crate) max_unverified: Duration,
}

/// Upper bound on every timeout.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

impl InvalidationBus {
    /// Creates the bus of one cache, and the future of its tasks, which is to run on the thread that
    /// polls the store. The future is ready when the bus was dropped and all is sent.
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        namespace: Namespace,
        limits: Limits,
        clock: &Clock,
        generations: &Arc<Generations>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (jobs, queue) = mpsc::unbounded_channel();
        // The system seeds the hasher, so that no two processes have one id.
        let monitor = Arc::new(HeartbeatMonitor::new(RandomState::new().hash_one(())));
        let pending = Arc::new(Pending::new(vec![namespace.all()]));
        let liveness = Arc::new(BusLiveness::silent(limits.max_unverified));
        let subscriber = transport.has_bus().then(|| Subscriber {
            transport: Arc::clone(&transport),
            clock: clock.clone(),
            monitor: Arc::clone(&monitor),
            liveness: Arc::clone(&liveness),
            generations: Arc::clone(generations),
            jobs: jobs.downgrade(),
        });
        let publisher = Publisher {
            transport,
            pending: Arc::clone(&pending),
            clock: clock.clone(),
            monitor,
            last_number: 0,
        };
        let bus = Self {
            namespace,
            pending,
            liveness,
            jobs,
            capacity: Arc::new(Semaphore::new(MAX_BYTES)),
            limits,
        };
        (bus, run(publisher.run(queue), subscriber))
    }

    /// Returns the invalidations that forbid to read from the store.
    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// Returns the state that decides for how long memory is trusted without asking the store.
    pub(crate) fn liveness(&self) -> &Arc<BusLiveness> {
        &self.liveness
    }

    /// Notes the invalidation of these scopes before their generations are bumped in this process.
    #[must_use = "it is to be sent when the generations are bumped"]
    pub(crate) fn note(&self, bump: Bump, scopes: &[Scope]) -> Vec<Unconfirmed> {
        let note = |scope: &Scope| self.pending.note(scope.clone(), bump, self.names(scope));
        scopes.iter().map(note).collect()
    }

    /// Sends noted invalidations, whether or not the result is awaited. If too much is queued already,
    /// they are left to a later retry.
    pub(crate) fn send(&self, noted: Vec<Unconfirmed>) -> Sent {
        let (result, receiver) = oneshot::channel();
        match self.reserve(&noted) {
            Some(capacity) => {
                let waiter = BatchWaiter { result, capacity };
                // Without a publisher the dropped sender ends the wait.
                let _ = self.jobs.send(Job::Send(noted, waiter));
            }
            None => drop(result.send(Err(InvalidationError::Slow))),
        }
        Sent {
            result: receiver,
            end: Instant::now() + self.limits.invalidation_timeout.min(MAX_TIMEOUT),
        }
    }

    /// Sends all unconfirmed invalidations again; ready when that was tried.
    pub(crate) async fn retry(&self) {
        if self.pending.is_empty() {
            return;
        }
        let (tried, was_tried) = oneshot::channel();
        let _ = self.jobs.send(Job::Retry(tried));
        // Fails at once without a publisher.
        let _ = was_tried.await;
    }

    fn reserve(&self, noted: &[Unconfirmed]) -> Option<OwnedSemaphorePermit> {
        let bytes: usize = noted.iter().map(Unconfirmed::weight).sum();
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.capacity)
            .try_acquire_many_owned(bytes)
            .ok()
    }

    fn names(&self, scope: &Scope) -> Vec<String> {
        let namespace = &self.namespace;
        match scope {
            Scope::All => vec![namespace.all()],
            Scope::Path(path) => namespace.of_path(path),
            Scope::Url(url) => namespace.of_url(url),
            Scope::Tag(tag) => self.tag_names(tag),
            Scope::Prefix(prefix) => namespace.of_prefix(prefix),
            Scope::Route(name) => {
                let mut names = self.tag_names(&route_name::tag(name));
                let path = route_name::exact_path(name);
                names.extend(path.into_iter().flat_map(|path| namespace.of_path(path)));
                names
            }
        }
    }

    /// The stripe first: see the generations of tags.
    fn tag_names(&self, tag: &str) -> Vec<String> {
        let namespace = &self.namespace;
        vec![namespace.stripe(stripe(tag)), namespace.tag(tag)]
    }
}

/// Runs both tasks until the publisher ends.
async fn run(publisher: impl Future<Output = ()>, subscriber: Option<Subscriber>) {
    let subscriber = OptionFuture::from(subscriber.map(Subscriber::run));
    let subscriber = async {
        subscriber.await;
        pending::<()>().await;
    };
    select(pin!(publisher), pin!(subscriber)).await;
}

/// Invalidation that is being sent.
#[derive(Debug)]
pub(crate) struct Sent {
    result: oneshot::Receiver<Outcome>,
    end: Instant,
}

impl Sent {
    /// Returns the outcome, at its timeout at the latest.
    pub(crate) async fn outcome(self) -> Outcome {
        let left = self.end.saturating_duration_since(Instant::now());
        // The caller's runtime may have no timer.
        let result = timeout(left, self.result).await;
        let result = result.ok_or(InvalidationError::Slow)?;
        result.unwrap_or(Err(InvalidationError::Unreachable))
    }
}
