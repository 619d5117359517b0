//! Single flight of one cache: flights of stored responses, stamped with a snapshot of the generations.

use crate::{
    entry::{StoredResponse, staleness::Staleness},
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
    },
    key::Key,
    metrics::reason::Skip,
    single_flight::flights::{self, FlightLimits, SingleFlight},
    time::moment::Timestamp,
    util::local_task::{self, DetachedPermit, Kind},
};
use std::{sync::Arc, time::Duration};

/// Flights that are stamped with a snapshot from before their run.
pub(crate) type ResponseFlights = SingleFlight<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Join = flights::Join<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Permit = flights::Permit<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Waiter = flights::Waiter<Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type FlightOutcome = flights::Outcome<Arc<StoredResponse>, Skip>;

/// The permits of one run: none, that of one flight, or those of two.
pub(crate) struct Permits {
    permits: [Option<Permit>; 2],
    /// The run starts later than the flight that it finishes.
    beside: bool,
}

impl Permits {
    fn of(permits: [Option<Permit>; 2]) -> Self {
        Self {
            permits,
            beside: false,
        }
    }

    pub(crate) fn none() -> Self {
        Self::of([None, None])
    }

    pub(crate) fn one(permit: Permit) -> Self {
        Self::of([Some(permit), None])
    }

    pub(crate) fn two(first: Permit, second: Permit) -> Self {
        Self::of([Some(first), Some(second)])
    }

    /// The permit of a run beside the leader.
    pub(crate) fn beside(permit: Permit) -> Self {
        Self {
            beside: true,
            ..Self::one(permit)
        }
    }

    /// Notes that the head of the response was sent, and that its body is still to come.
    pub(crate) fn head_sent(&self) {
        for permit in self.permits.iter().flatten() {
            permit.head_sent();
        }
    }

    /// The snapshot that the run starts under, if there is one already.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        if self.beside {
            return None;
        }
        // The last permit was given when the run could start.
        self.permits
            .iter()
            .flatten()
            .next_back()
            .map(|permit| permit.stamp().clone())
    }

    pub(crate) fn finish(self, outcome: &FlightOutcome) {
        for permit in self.permits.into_iter().flatten() {
            permit.finish(outcome.clone());
        }
    }
}

/// The part of a request in the refresh of its response.
pub(crate) enum RefreshLead {
    /// The response answers: another request refreshes it, or it is fresh and the next one tries again.
    None,
    /// The response answers, and the run goes on in the background.
    Background(Permit, DetachedPermit),
    /// The request waits for the run: this worker has no room for a background run.
    Foreground(Permit),
}

impl RefreshLead {
    /// The part of a request that has joined, by the stage of the response.
    pub(crate) fn of(join: Join, stage: Staleness) -> Self {
        let Join::Lead(permit) = join else {
            return Self::None;
        };
        let place = local_task::can_spawn().then(|| DetachedPermit::claim(Kind::Refresh));
        match place.flatten() {
            Some(place) => Self::Background(permit, place),
            None if stage.is_stale() => Self::Foreground(permit),
            None => Self::None,
        }
    }
}

/// The time, limits and target of a request that joins.
#[derive(Debug)]
pub(crate) struct JoinContext<'a> {
    /// The time since the start of the clock.
    pub(crate) now: Duration,
    pub(crate) limits: FlightLimits,
    pub(crate) generations: &'a Generations,
    pub(crate) target: Target<'a>,
}

impl JoinContext<'_> {
    /// Leads a new flight, or waits for the one in progress.
    pub(crate) fn join(&self, flights: &ResponseFlights, key: &Key) -> Join {
        // Most requests of a crowd wait, and need no snapshot of their own.
        if let Some(waiter) = self.wait(flights, key) {
            return Join::Wait(waiter);
        }
        let stamp = self.generations.snapshot(self.target);
        flights.join(key, self.now, &self.limits, stamp, is_outdated)
    }

    /// Waits for the flight in progress; never leads.
    pub(crate) fn wait(&self, flights: &ResponseFlights, key: &Key) -> Option<Waiter> {
        flights.wait(key, self.now, &self.limits, is_outdated)
    }

    /// Admits a run of a waiter beside the leader, unless a run was started less than `after` ago: then
    /// returns the time at which one may start.
    pub(crate) fn run_beside(
        &self,
        flights: &ResponseFlights,
        key: &Key,
        waiter: &Waiter,
        after: Duration,
    ) -> Result<Permit, Timestamp> {
        let permit = flights.run_beside(key, waiter, self.now, after);
        permit.map_err(|next| Timestamp::default().after(next))
    }
}

fn is_outdated(stamp: &Snapshot) -> bool {
    stamp.validity() != Validity::Current
}

/// The forced refreshes of a cache: one run in progress and one queued per key.
///
/// A queued run takes waiters until it starts, and none afterwards: a later request asked for an answer
/// that is computed after it.
pub(crate) struct ForcedRuns {
    queued: ResponseFlights,
    running: ResponseFlights,
}

/// The part of a request that forces a refresh.
pub(crate) enum ForcedJoin {
    /// Run when the run in progress has finished, for the waiters until then.
    Run(Permit),
    /// Wait for the queued run.
    Wait(Waiter),
    /// The queued run has the maximum of waiters.
    Full,
}

/// The next step of the queued run.
pub(crate) enum QueuedStep {
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

    pub(crate) fn join(&self, key: &Key, context: &JoinContext<'_>) -> ForcedJoin {
        match context.join(&self.queued, key) {
            Join::Lead(permit) => ForcedJoin::Run(permit),
            Join::Wait(waiter) => ForcedJoin::Wait(waiter),
            Join::Full => ForcedJoin::Full,
        }
    }

    /// Starts the run of `queued`, if none is in progress.
    pub(crate) fn next(&self, queued: &Permit, key: &Key, context: &JoinContext<'_>) -> QueuedStep {
        match context.join(&self.running, key) {
            Join::Lead(permit) => {
                queued.close();
                QueuedStep::Start(permit)
            }
            Join::Wait(waiter) => QueuedStep::Wait(waiter),
            Join::Full => QueuedStep::Full,
        }
    }
}
