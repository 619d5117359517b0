//! Forced refreshes, bounded: one run in progress and one queued per key.
//!
//! A queued run takes waiters until it starts, and none afterwards: a later request asked for an answer
//! that is computed after it.

use crate::{
    key::Key,
    single_flight::responses::{Join, JoinContext, Permit, ResponseFlights, Waiter},
};

/// The queued and the running forced refreshes of a cache.
pub(crate) struct ForcedRuns {
    queued: ResponseFlights,
    running: ResponseFlights,
}

/// The part of a request that forces a refresh.
pub(crate) enum Queue {
    /// Run when the run in progress has finished, for the waiters until then.
    Run(Permit),
    /// Wait for the queued run.
    Wait(Waiter),
    /// The queued run has the maximum of waiters.
    Full,
}

/// The next step of the queued run.
pub(crate) enum Next {
    /// No run is in progress: start, and finish both permits.
    Start(Permit),
    Wait(Waiter),
    Full,
}

impl ForcedRuns {
    pub(crate) fn new() -> Self {
        Self {
            queued: ResponseFlights::new(),
            running: ResponseFlights::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.running.len()
    }

    pub(crate) fn join(&self, key: &Key, context: &JoinContext<'_>) -> Queue {
        match context.join(&self.queued, key) {
            Join::Lead(permit) => Queue::Run(permit),
            Join::Wait(waiter) => Queue::Wait(waiter),
            Join::Full => Queue::Full,
        }
    }

    /// Starts the run of `queued`, if none is in progress.
    pub(crate) fn next(&self, queued: &Permit, key: &Key, context: &JoinContext<'_>) -> Next {
        match context.join(&self.running, key) {
            Join::Lead(permit) => {
                queued.close();
                Next::Start(permit)
            }
            Join::Wait(waiter) => Next::Wait(waiter),
            Join::Full => Next::Full,
        }
    }
}
