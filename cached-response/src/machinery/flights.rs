//! The flights of one cache: what is stamped, shared and told in them.

use super::{
    collapse::{self, Flights, Limits},
    generations::{Generations, Target},
};
use crate::{
    ground::{
        generation::{Snapshot, Standing},
        stored::StoredResponse,
    },
    judgement::{key::Key, reason::Skip},
};
use std::{sync::Arc, time::Duration};

/// Stamped with a snapshot from before they started.
pub(crate) type ResponseFlights = Flights<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Turn = collapse::Turn<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Permit = collapse::Permit<Key, Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Follower = collapse::Follower<Snapshot, Arc<StoredResponse>, Skip>;
pub(crate) type Landing = collapse::Landing<Arc<StoredResponse>, Skip>;

/// Those who are told how a run ended: nobody, the followers of one flight, or of two.
pub(crate) struct Permits([Option<Permit>; 2]);

impl Permits {
    pub(crate) fn none() -> Self {
        Self([None, None])
    }

    pub(crate) fn one(permit: Permit) -> Self {
        Self([Some(permit), None])
    }

    pub(crate) fn two(first: Permit, second: Permit) -> Self {
        Self([Some(first), Some(second)])
    }

    /// The snapshot that the run starts under.
    pub(crate) fn stamp(&self) -> Option<Snapshot> {
        // The last was given when the run could start.
        self.0
            .iter()
            .flatten()
            .next_back()
            .map(|permit| permit.stamp().clone())
    }

    pub(crate) fn land(self, landing: &Landing) {
        for permit in self.0.into_iter().flatten() {
            permit.land(landing.clone());
        }
    }
}

/// What an arrival knows when it joins.
#[derive(Debug)]
pub(crate) struct Boarding<'a> {
    /// Since the start of the clock.
    pub(crate) now: Duration,
    pub(crate) limits: Limits,
    pub(crate) generations: &'a Generations,
    pub(crate) target: Target<'a>,
}

impl Boarding<'_> {
    /// Leads a new flight, or follows the one under way.
    pub(crate) fn join(&self, flights: &ResponseFlights, key: &Key) -> Turn {
        // Most of a crowd follows, and needs no snapshot of its own.
        if let Some(follower) = self.follow(flights, key) {
            return Turn::Follow(follower);
        }
        let stamp = self.generations.snapshot(self.target);
        flights.join(key, self.now, &self.limits, stamp, is_outdated)
    }

    /// Follows the flight under way, and never leads.
    pub(crate) fn follow(&self, flights: &ResponseFlights, key: &Key) -> Option<Follower> {
        flights.follow(key, self.now, &self.limits, is_outdated)
    }
}

fn is_outdated(stamp: &Snapshot) -> bool {
    stamp.standing() != Standing::Current
}
