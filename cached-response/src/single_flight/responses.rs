//! The flights of one cache: what is stamped, shared and told in them.

use crate::{
    entry::{StoredResponse, staleness::Staleness},
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
    },
    key::Key,
    metrics::reason::Skip,
    single_flight::flights::{self, Limits, SingleFlight},
    time::moment::Timestamp,
    util::local_task::{self, DetachedPermit, Kind},
};
use std::{sync::Arc, time::Duration};

/// Stamped with a snapshot from before they started.
pub(crate) type ResponseFlights = SingleFlight<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Turn = flights::Join<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Permit = flights::Permit<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Follower = flights::Waiter<Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Landing = flights::Outcome<Arc<StoredResponse>, Skip>;

/// Those who are told how a run ended: nobody, the followers of one flight, or of two.
pub(crate) struct Permits {
    permits: [Option<Permit>; 2],
    /// The run starts later than the flight that it lands for.
    late: bool,
}

impl Permits {
    fn of(permits: [Option<Permit>; 2]) -> Self {
        Self {
            permits,
            late: false,
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

    /// Of a run beside the one that is followed.
    pub(crate) fn late(permit: Permit) -> Self {
        Self {
            late: true,
            ..Self::one(permit)
        }
    }

    /// Tells those who wait that the response has begun, and that its body is still to come.
    pub(crate) fn head_is_out(&self) {
        for permit in self.permits.iter().flatten() {
            permit.head_is_out();
        }
    }

    /// The snapshot that the run starts under, if there is one already.
    pub(crate) fn stamp(&self) -> Option<Snapshot> {
        if self.late {
            return None;
        }
        // The last was given when the run could start.
        self.permits
            .iter()
            .flatten()
            .next_back()
            .map(|permit| permit.stamp().clone())
    }

    pub(crate) fn land(self, landing: &Landing) {
        for permit in self.permits.into_iter().flatten() {
            permit.land(landing.clone());
        }
    }
}

/// The way of a request whose response is to be refreshed.
pub(crate) enum Due {
    /// The response answers: somebody refreshes it, or it is fresh and the next request tries again.
    Answer,
    /// The response answers, and the run goes on behind that.
    Behind(Permit, DetachedPermit),
    /// The request waits for the run: this worker carries as many refreshes as it may, or cannot
    /// carry any.
    Wait(Permit),
}

impl Due {
    /// Decides it for a request that took this turn, by the stage of the response.
    pub(crate) fn of(turn: Turn, stage: Staleness) -> Self {
        let Turn::Lead(permit) = turn else {
            return Self::Answer;
        };
        let place = local_task::could_take_it().then(|| DetachedPermit::claim(Kind::Refresh));
        match place.flatten() {
            Some(place) => Self::Behind(permit, place),
            None if stage.is_stale() => Self::Wait(permit),
            None => Self::Answer,
        }
    }
}

/// What an arrival knows when it joins.
#[derive(Debug)]
pub(crate) struct JoinContext<'a> {
    /// Since the start of the clock.
    pub(crate) now: Duration,
    pub(crate) limits: Limits,
    pub(crate) generations: &'a Generations,
    pub(crate) target: Target<'a>,
}

impl JoinContext<'_> {
    /// Leads a new flight, or follows the one under way.
    pub(crate) fn join(&self, flights: &ResponseFlights, key: &Key) -> Turn {
        // Most of a crowd follows, and needs no snapshot of its own.
        if let Some(follower) = self.follow(flights, key) {
            return Turn::Follow(follower);
        }
        let stamp = self.generations.snapshot(self.target);
        flights.join(key, self.now, &self.limits, stamp, is_outdated)
    }

    /// Lets a follower run beside the leader, unless a run was started less than `after` ago: then
    /// returns when one may be.
    pub(crate) fn relieve(
        &self,
        flights: &ResponseFlights,
        key: &Key,
        follower: &Follower,
        after: Duration,
    ) -> Result<Permit, Timestamp> {
        let permit = flights.relieve(key, follower, self.now, after);
        permit.map_err(|next| Timestamp::default().after(next))
    }

    /// Follows the flight under way, and never leads.
    pub(crate) fn follow(&self, flights: &ResponseFlights, key: &Key) -> Option<Follower> {
        flights.follow(key, self.now, &self.limits, is_outdated)
    }
}

fn is_outdated(stamp: &Snapshot) -> bool {
    stamp.validity() != Validity::Current
}
