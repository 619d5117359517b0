//! The remote store of one cache, and all that goes between them.

use crate::{
    entry::StoredResponse,
    invalidation::generations::{Generations, Target},
    remote::{
        budget::Budget,
        bus::{InvalidationBus, Limits, store_transport::StoreTransport},
        client::Recovery,
        client::RemoteClient,
        config::Options,
        entry_key::RemoteKey,
        entry_key_cache, executor,
        names::Namespace,
        namespaces::{self, Held},
        write_queue::Queue,
    },
    route::Route,
    time::{Clock, moment::Timestamp},
    util::sync::STRIPES,
};
use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Nobody waits longer for a run of another process, which may have ended without a word, however
/// patient its followers are.
const LONGEST_LEASE: Duration = Duration::from_secs(30);

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// A remote store, as its cache uses it.
pub(crate) struct Remote {
    /// That of no other in this process.
    id: u64,
    pub(crate) namespace: Namespace,
    pub(crate) calls: RemoteClient,
    pub(crate) queue: Queue,
    pub(crate) raising: Arc<InvalidationBus>,
    /// How long others wait for a run of ours.
    pub(crate) lease_life: Duration,
    budget: Duration,
    _held: Held,
}

impl Remote {
    /// The remote store that was named, if any was.
    pub(crate) fn new(
        options: &Options,
        lease_life: Duration,
        clock: &Clock,
        generations: &Arc<Generations>,
    ) -> Option<Self> {
        let store = options.store.clone()?;
        let namespace = Namespace::new(&options.namespace, options.schema);
        let (held, others) = namespaces::take(&options.namespace);
        if others {
            tracing::warn!(
                namespace = &*options.namespace,
                "another cache of this process has a remote store under this namespace: in one store \
                 each answers with what the other has stored; if they are not meant to, give each a \
                 `namespace(..)` of its own, and if they are, clone one"
            );
        }
        let (told, recovery) = recovery();
        let calls = RemoteClient::new(store.clone(), namespace.probe(), vec![recovery]);
        let wire = StoreTransport::new(&store, &calls, &namespace.bus(), options.invalidation);
        let wire = Arc::new(wire);
        let limits = Limits {
            invalidation: options.invalidation,
            max_unverified: options.max_unverified,
        };
        let line = wire.clone();
        let (raising, work) =
            InvalidationBus::new(line, namespace.clone(), limits, clock, generations);
        let raising = Arc::new(raising);
        // It is new, and nobody else knows it.
        let _ = told.set((Arc::downgrade(&raising), Arc::downgrade(&wire)));
        // Where there is no thread for it nothing is heard: what memory holds is compared with the
        // store, which no call reaches either.
        if let Err(error) = executor::spawn_alone(work) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "there is no thread to hear of other processes by: let this one have another"
            );
        }
        Some(Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            queue: Queue::new(calls.clone()),
            calls,
            raising,
            namespace,
            lease_life: lease_life.min(LONGEST_LEASE),
            budget: options.budget,
            _held: held,
        })
    }

    /// The errand of a request or a value with this key; `None` where nothing is stored for it; and
    /// whether it had to be made, since it was not asked for lately.
    pub(crate) fn errand(
        &self,
        site: &Route,
        key: &[u8],
        target: Target<'_>,
        longest_body: usize,
    ) -> Option<(Arc<RemoteKey>, bool)> {
        let asked = (self.id, site, key, target);
        entry_key_cache::known(asked, || {
            RemoteKey::of(&self.namespace, site, key, target, longest_body)
        })
    }

    /// What one request may await of it.
    pub(crate) fn allowance(&self) -> Budget {
        Budget::new(self.budget)
    }

    /// Whether a response in memory may answer without a look at the store: whatever was invalidated
    /// elsewhere would have been heard of.
    pub(crate) fn trusts(&self, stored: &StoredResponse, now: Timestamp) -> bool {
        self.raising
            .hearing()
            .trusts(stored.verified_at.moment(), now)
    }

    /// Whether what lies under one of these names may be what was invalidated.
    pub(crate) fn is_pending(&self, names: &[String]) -> bool {
        self.raising.pending().is_pending(names)
    }

    /// The names of all stripes.
    pub(crate) fn stripes(&self) -> Vec<String> {
        (0..STRIPES)
            .map(|stripe| self.namespace.stripe(stripe))
            .collect()
    }
}

type Told = Arc<OnceLock<(Weak<InvalidationBus>, Weak<StoreTransport>)>>;

/// When the store answers again it is told first what was invalidated meanwhile: until then nobody
/// reads from it.
fn recovery() -> (Told, Recovery) {
    let told = Told::default();
    let known = told.clone();
    let recovery: Recovery = Box::new(move |_| {
        let known = known.clone();
        Box::pin(async move {
            let upgraded = known
                .get()
                .map(|(raising, wire)| (raising.upgrade(), wire.upgrade()));
            let Some((Some(raising), Some(wire))) = upgraded else {
                return Ok(());
            };
            // Also where this takes too long, and is dropped.
            let _recovering = wire.recover();
            raising.retry().await;
            Ok(())
        })
    });
    (told, recovery)
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
