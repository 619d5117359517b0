//! Distributed leases: nodes that miss at the same time run the handler once.
//!
//! The node that holds the lease runs; the others poll it. A lease expires by itself, so that a node
//! which dies with one costs an additional run and no more.

use crate::{
    invalidation::nonce::Nonce,
    remote::write_queue::WriteQueue,
    store::{Store, StoreError, warn_of_foreign_value},
};
use actix_web::web::Bytes;
use sha1::{Digest, Sha1};
use std::time::Duration;

/// State of a run, as stored under the name of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseState {
    Running,
    /// The last response could not be stored: nodes do not wait for the next one.
    Uncacheable,
}

const RUNNING: u8 = b'r';
const UNCACHEABLE: u8 = b'p';

/// Time for which nodes do not wait for runs after one whose response could not be stored.
const UNCACHEABLE_FOR: Duration = Duration::from_secs(5);

impl LeaseState {
    /// Parses the value of a lease for a reader that has seen these nonces; `None` also for a run that
    /// started under other nonces, since its response is of no use to the reader.
    pub(crate) fn of<'n>(
        value: &[u8],
        nonces: impl Iterator<Item = Option<&'n [u8]>>,
    ) -> Option<Self> {
        match value.split_first()? {
            (&UNCACHEABLE, []) => Some(Self::Uncacheable),
            (&RUNNING, rest) => {
                let seen = nonces.map(Option::unwrap_or_default);
                rest.ends_with(&digest(seen)).then_some(Self::Running)
            }
            _ => None,
        }
    }
}

/// Returns whether `value` is that of a lease, of any run.
fn is_lease(value: &[u8]) -> bool {
    match value.split_first() {
        Some((&UNCACHEABLE, rest)) => rest.is_empty(),
        Some((&RUNNING, rest)) => rest.len() == CLAIM_BYTES,
        _ => false,
    }
}

/// Length of a nonce and of a digest.
const CLAIM_BYTES: usize = 16 + 20;

/// Returns a unique value for the lease on a run under these nonces.
pub(crate) fn claim(nonces: &[Nonce]) -> Bytes {
    let mut value = vec![RUNNING];
    value.extend(Nonce::random().as_bytes());
    value.extend(digest(nonces.iter().map(Nonce::as_bytes)));
    value.into()
}

fn digest<'a>(nonces: impl Iterator<Item = &'a [u8]>) -> [u8; 20] {
    let mut sha = Sha1::new();
    for nonce in nonces {
        sha.update([u8::from(nonce.is_empty())]);
        sha.update(nonce);
    }
    sha.finalize().into()
}

/// Lease that this node holds or has requested. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct Lease {
    name: String,
    queue: WriteQueue,
    on_drop: OnDrop,
}

#[derive(Debug)]
enum OnDrop {
    Release,
    MarkUncacheable,
    /// Another node holds it.
    Leave,
}

impl Lease {
    /// Creates the guard of a lease that is about to be requested: a caller that leaves during the
    /// request may hold it.
    pub(crate) fn new(name: String, queue: &WriteQueue) -> Self {
        Self {
            name,
            queue: queue.clone(),
            on_drop: OnDrop::Release,
        }
    }

    /// Releases the lease after a run whose response may not be stored, and neither may the next one.
    pub(crate) fn mark_uncacheable(mut self) {
        self.on_drop = OnDrop::MarkUncacheable;
    }

    /// Drops the guard of a lease that another node holds.
    fn leave(mut self) {
        self.on_drop = OnDrop::Leave;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let is_uncacheable = match self.on_drop {
            OnDrop::Release => false,
            OnDrop::MarkUncacheable => true,
            OnDrop::Leave => return,
        };
        // If the queue is full, the lease expires by itself.
        self.queue.push(name.len(), move |store| {
            Box::pin(async move {
                if is_uncacheable {
                    let value = Bytes::from_static(&[UNCACHEABLE]);
                    store.set(&name, value, UNCACHEABLE_FOR).await
                } else {
                    store.delete(&name).await
                }
            })
        });
    }
}

/// Outcome of a request for a lease.
pub(crate) enum LeaseOutcome {
    Held(Lease),
    /// Another node holds it.
    Taken,
    /// None was requested, or the store has failed: the handler runs all the same.
    None,
}

/// Requests a lease with its claim.
pub(crate) async fn take_lease(
    store: &dyn Store,
    requested: Option<(Lease, Bytes)>,
    ttl: Duration,
) -> LeaseOutcome {
    let Some((lease, claim)) = requested else {
        return LeaseOutcome::None;
    };
    match add_lease(store, &lease.name, &claim, ttl).await {
        Ok(stored) if stored == claim => LeaseOutcome::Held(lease),
        Ok(_) => {
            lease.leave();
            LeaseOutcome::Taken
        }
        Err(_) => LeaseOutcome::None,
    }
}

/// Adds `claim` unless a lease is stored, in place of a foreign value; returns the value that is stored.
async fn add_lease(
    store: &dyn Store,
    name: &str,
    claim: &Bytes,
    ttl: Duration,
) -> Result<Bytes, StoreError> {
    let stored = store.add(name, claim.clone(), ttl).await?;
    if is_lease(&stored) {
        return Ok(stored);
    }
    warn_of_foreign_value();
    store.delete(name).await?;
    store.add(name, claim.clone(), ttl).await
}
