//! Coalescing of look-ups for one key that a worker starts together.
//!
//! A worker that wakes up often finds many requests for one popular page. A request that arrives before
//! the look-up of another was sent shares its result, which is read after both arrived.

use crate::{
    remote::entry_key::RemoteKey,
    store::{
        Store,
        error::{Found, LookedUp, Prompt, Question, StoreError},
    },
    util::{batch::BatchStart, shared_oneshot::Place},
};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

/// Look-up that this thread has started, for as long as a request waits for it.
struct InFlightRead {
    key: Arc<RemoteKey>,
    limit: usize,
    batch: BatchStart,
    found: Weak<dyn Found>,
}

thread_local! {
    /// Look-ups of the current batch, and of the last one.
    static IN_FLIGHT: RefCell<Vec<InFlightRead>> = const { RefCell::new(Vec::new()) };
}

/// Joins a look-up of this key that was not sent yet, or starts one if the store can on this thread.
pub(crate) fn look_up(
    store: &dyn Store,
    key: &Arc<RemoteKey>,
    limit: usize,
    is_transient: bool,
) -> Option<Prompt> {
    if let Some(joined) = join(key, limit) {
        return Some(joined);
    }
    let prompt = store.look_up_promptly(Question {
        name: &key.name,
        limit,
        with: key.companions(),
        on_a_worker: key.is_of_a_request,
        in_passing: is_transient,
        memo: key.memo(limit),
    })?;
    record(InFlightRead {
        key: Arc::clone(key),
        limit,
        batch: prompt.begun.clone(),
        found: Arc::downgrade(&prompt.found),
    });
    Some(prompt)
}

fn join(key: &Arc<RemoteKey>, limit: usize) -> Option<Prompt> {
    let joined = IN_FLIGHT.try_with(|in_flight| {
        let in_flight = in_flight.borrow();
        // By address: keys of two stores may have the same names.
        let mut same = in_flight
            .iter()
            .filter(|read| Arc::ptr_eq(&read.key, key) && read.limit == limit);
        same.find_map(|read| {
            let found = read.found.upgrade()?;
            // Compared last: a batch that starts from now on is read from now on.
            read.batch.when().is_none().then(|| Prompt {
                begun: read.batch.clone(),
                found,
            })
        })
    });
    // The table is gone while its thread ends.
    joined.ok().flatten()
}

fn record(new: InFlightRead) {
    let _ = IN_FLIGHT.try_with(|in_flight| {
        let mut in_flight = in_flight.borrow_mut();
        in_flight.retain(|read| read.batch.when().is_none());
        in_flight.push(new);
    });
}

/// Future of one of the waiters for a look-up.
pub(crate) struct PolledLookup {
    found: Arc<dyn Found>,
    place: Place,
}

impl PolledLookup {
    pub(crate) fn new(found: Arc<dyn Found>) -> Self {
        Self {
            found,
            place: Place::default(),
        }
    }
}

impl Future for PolledLookup {
    type Output = Result<LookedUp, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.found.poll(&mut this.place, cx)
    }
}

#[cfg(test)]
mod tests;
