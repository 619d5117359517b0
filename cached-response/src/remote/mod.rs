//! The remote tier: a store that several processes share, behind the memory of each.
//!
//! **Reading.** On a miss in memory, [`read`] looks up the entry under its [`entry_key`] together with
//! its companions: one nonce for each thing whose invalidation affects it (everything, its path, its URL,
//! its tags), and the lease on the run. An entry is valid if it was written under the nonces that are
//! stored now. Invalidation deletes a nonce, and a deleted nonce never reappears.
//!
//! **Running.** Before the handler runs, [`write`] reads (or creates) the nonces and takes the
//! [`lease`], so that other nodes wait for this run. After the response was sent, the entry goes through
//! the [`write_queue`] to the store, with the nonces from before the run.
//!
//! **Calls.** Every call goes through the [`client`]: within the [budget](client::Budget) of its
//! request, guarded by the circuit [`breaker`], on the I/O thread of the [`executor`], whose timer thread
//! ends it. The [`health`] counts and logs failures and probes a store that is unwell. A failure is a miss,
//! never an error of a request.
//!
//! **Invalidating.** The [`bus`] sends invalidations to the store and to the other processes, and knows
//! for how long the memory of this process may be trusted without asking the store.

pub(crate) mod breaker;
pub(crate) mod bus;
pub(crate) mod client;
pub(crate) mod entry_key;
pub(crate) mod executor;
pub(crate) mod health;
pub(crate) mod lease;
pub(crate) mod names;
pub(crate) mod read;
pub(crate) mod write;
pub(crate) mod write_queue;

use crate::{
    entry::StoredResponse,
    invalidation::{
        generations::{Generations, Target},
        nonce::Nonce,
    },
    metrics::{event::TARGET, stats::RemoteStats},
    remote::{
        bus::{InvalidationBus, Limits, transport::StoreTransport},
        client::{Budget, RemoteClient},
        entry_key::RemoteKey,
        health::Recovery,
        names::Namespace,
        read::Fetched,
        write::PreparedWrite,
        write_queue::WriteQueue,
    },
    route::Route,
    store::{Store, StoreError, StoreErrorKind},
    time::{Clock, moment::Timestamp},
    util::sync::{Mutex, STRIPES, lock},
};
use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Settings of the builder for the remote tier.
#[derive(Clone)]
pub(crate) struct RemoteConfig {
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) namespace: String,
    pub(crate) schema_version: u32,
    /// Time that all calls of one request may take together.
    pub(crate) remote_timeout: Duration,
    /// Time that an invalidation may take.
    pub(crate) invalidation_timeout: Duration,
    /// Time for which memory may be trusted without a sign of life from the bus.
    pub(crate) max_unverified: Duration,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            store: None,
            namespace: "cached-response".into(),
            schema_version: 1,
            remote_timeout: Duration::from_millis(50),
            invalidation_timeout: Duration::from_millis(250),
            max_unverified: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConfig")
            .field("has_store", &self.store.is_some())
            .field("namespace", &self.namespace)
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

/// Use of a namespace by one cache, until it is dropped.
#[derive(Debug)]
pub(crate) struct NamespaceLock(
    #[expect(dead_code, reason = "its reference count shows that it is in use")] Arc<str>,
);

impl NamespaceLock {
    /// Registers a use of the namespace and returns whether another cache of this process uses it.
    pub(crate) fn acquire(namespace: &str) -> (Self, bool) {
        static ALL: Mutex<Vec<Weak<str>>> = Mutex::new(Vec::new());
        let own: Arc<str> = namespace.into();
        let mut all = lock(&ALL);
        let mut is_shared = false;
        all.retain(|used| {
            let used = used.upgrade();
            is_shared |= used.as_deref() == Some(namespace);
            used.is_some()
        });
        all.push(Arc::downgrade(&own));
        (Self(own), is_shared)
    }
}

/// Bound on the time that nodes wait for the run of another one, which may have died.
const MAX_LEASE_TTL: Duration = Duration::from_secs(30);

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// State of the remote look-up of one request.
#[derive(Debug, Default)]
pub(crate) struct RemoteState {
    /// Time that all remote calls of the request may take together, from the first of them on.
    pub(crate) budget: Option<Arc<Budget>>,
    /// Read that had no response to reuse.
    pub(crate) fetched: Option<Fetched>,
    /// Nonces of the response in memory that are older than the arguments of this request.
    pub(crate) known_nonces: Option<Arc<[Nonce]>>,
    /// Write of the run's response, prepared before the run starts.
    pub(crate) write: Option<Box<PreparedWrite>>,
}

/// Remote tier of one cache.
pub(crate) struct RemoteTier {
    /// Unique in this process.
    id: u64,
    namespace: Namespace,
    client: RemoteClient,
    pub(crate) write_queue: WriteQueue,
    bus: Arc<InvalidationBus>,
    lease_ttl: Duration,
    generations: Arc<Generations>,
    clock: Clock,
    timeout: Duration,
    _namespace_lock: NamespaceLock,
}

impl RemoteTier {
    /// Creates the tier if the configuration names a store.
    pub(crate) fn new(
        config: RemoteConfig,
        lease_ttl: Duration,
        clock: &Clock,
        generations: &Arc<Generations>,
    ) -> Option<Self> {
        let store = config.store?;
        let namespace = Namespace::new(&config.namespace, config.schema_version);
        let (namespace_lock, is_shared) = NamespaceLock::acquire(&config.namespace);
        if is_shared {
            tracing::warn!(
                target: TARGET,
                namespace = &*config.namespace,
                "another cache of this process has a remote store under this namespace: if both use one \
                 store, each returns responses that the other has stored; give each a `namespace(..)` of \
                 its own, or clone one cache if they are meant to be one"
            );
        }
        let (recovering, recovery) = resend_on_recovery();
        let client = RemoteClient::new(store.clone(), namespace.probe(), vec![recovery]);
        let limits = Limits {
            invalidation_timeout: config.invalidation_timeout,
            max_unverified: config.max_unverified,
        };
        let channel = namespace.bus();
        let transport = StoreTransport::new(&store, &client, &channel, limits.invalidation_timeout);
        let transport = Arc::new(transport);
        let bus = start_bus(&transport, &namespace, limits, clock, generations);
        // Set once: the cell is new.
        let _ = recovering.set((Arc::downgrade(&bus), Arc::downgrade(&transport)));
        Some(Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            write_queue: WriteQueue::new(client.clone()),
            client,
            bus,
            namespace,
            lease_ttl: lease_ttl.min(MAX_LEASE_TTL),
            generations: Arc::clone(generations),
            clock: clock.clone(),
            timeout: config.remote_timeout,
            _namespace_lock: namespace_lock,
        })
    }

    /// Returns the remote key of a request or a value, and whether it was not in the worker's cache;
    /// `None` if nothing is stored for it.
    pub(crate) fn key(
        &self,
        route: &Route,
        key: &[u8],
        target: Target<'_>,
        max_body_bytes: usize,
    ) -> Option<(Arc<RemoteKey>, bool)> {
        entry_key::cached((self.id, route, key, target), || {
            RemoteKey::of(&self.namespace, route, key, target, max_body_bytes)
        })
    }

    /// Returns the name of an entry in the store.
    pub(crate) fn name(&self, route: &Route, key: &[u8], target: Target<'_>) -> Option<String> {
        let key = RemoteKey::of(&self.namespace, route, key, target, 0)?;
        Some(key.name)
    }

    /// Returns the time that other nodes wait for a run of this one.
    pub(crate) fn lease_ttl(&self) -> Duration {
        self.lease_ttl
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.client.stats()
    }

    pub(crate) fn bus(&self) -> &InvalidationBus {
        &self.bus
    }

    /// Returns the budget of a new request.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.timeout)
    }

    /// Returns whether a response in memory may be reused without asking the store: an invalidation by
    /// another process would have been received.
    pub(crate) fn trusts(&self, stored: &StoredResponse, now: Timestamp) -> bool {
        self.bus.liveness().trusts(stored.verified_at.moment(), now)
    }

    /// Returns whether an invalidation that affects one of these names is not confirmed by the store.
    pub(crate) fn is_pending(&self, names: &[String]) -> bool {
        self.bus.pending().is_pending(names)
    }

    /// Returns the names of all tag stripes.
    pub(crate) fn stripe_names(&self) -> Vec<String> {
        (0..STRIPES)
            .map(|stripe| self.namespace.stripe(stripe))
            .collect()
    }
}

/// Reason why a call to the remote store has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Not started: the circuit breaker is open.
    BreakerOpen,
    /// Not started: the maximum number of concurrent calls is reached.
    TooManyCalls,
    Timeout,
    Failed(StoreError),
}

impl CallError {
    pub(crate) fn failed(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::Failed(StoreError::new(kind, message))
    }
}

/// Creates the bus and runs its tasks on the I/O thread.
fn start_bus(
    transport: &Arc<StoreTransport>,
    namespace: &Namespace,
    limits: Limits,
    clock: &Clock,
    generations: &Arc<Generations>,
) -> Arc<InvalidationBus> {
    let transport = Arc::clone(transport);
    let (bus, tasks) =
        InvalidationBus::new(transport, namespace.clone(), limits, clock, generations);
    // Without a thread the bus stays silent: memory is verified against the store, which no call reaches
    // either.
    if let Err(error) = executor::spawn_detached(tasks) {
        tracing::error!(
            target: TARGET,
            error = &error as &dyn std::error::Error,
            "the I/O thread for the remote store cannot be started: raise the limit on threads of this \
             process"
        );
    }
    Arc::new(bus)
}

type Recovering = Arc<OnceLock<(Weak<InvalidationBus>, Weak<StoreTransport>)>>;

/// Returns the recovery that sends pending invalidations to a store that answers again, before anything
/// is read from it; and the cell for the bus that it uses.
fn resend_on_recovery() -> (Recovering, Recovery) {
    let cell = Recovering::default();
    let recovering = cell.clone();
    let recovery: Recovery = Box::new(move |_| {
        let recovering = recovering.clone();
        Box::pin(async move {
            let upgraded = recovering
                .get()
                .map(|(bus, transport)| (bus.upgrade(), transport.upgrade()));
            let Some((Some(bus), Some(transport))) = upgraded else {
                return Ok(());
            };
            // Ends with this future, which is dropped at its timeout.
            let _recovering = transport.recover();
            bus.retry().await;
            Ok(())
        })
    });
    (cell, recovery)
}

impl fmt::Debug for RemoteTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTier")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
