//! The flights of one cache: what is stamped, shared and told in them.

use super::collapse::{self, Flights, Limits};
use crate::{
    ground::stored::StoredResponse,
    judgement::{key::Key, reason::Skip},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Acquire},
    },
    time::Duration,
};

/// Stamped with the generation they started under.
pub(crate) type ResponseFlights = Flights<Key, u64, Arc<StoredResponse>, Skip>;
pub(crate) type Turn = collapse::Turn<Key, u64, Arc<StoredResponse>, Skip>;
pub(crate) type Permit = collapse::Permit<Key, u64, Arc<StoredResponse>, Skip>;
pub(crate) type Follower = collapse::Follower<u64, Arc<StoredResponse>, Skip>;
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

    /// The generation that the run starts under.
    pub(crate) fn stamp(&self) -> Option<u64> {
        // The last was given when the run could start.
        self.0
            .iter()
            .flatten()
            .next_back()
            .map(|permit| *permit.stamp())
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
    pub(crate) generation: &'a AtomicU64,
}

impl Boarding<'_> {
    /// Leads a new flight, or follows the one under way.
    pub(crate) fn join(&self, flights: &ResponseFlights, key: &Key) -> Turn {
        let stamp = self.generation.load(Acquire);
        flights.join(key, self.now, &self.limits, stamp, |stamp| {
            self.is_outdated(*stamp)
        })
    }

    /// Follows the flight under way, and never leads.
    pub(crate) fn follow(&self, flights: &ResponseFlights, key: &Key) -> Option<Follower> {
        flights.follow(key, self.now, &self.limits, |stamp| {
            self.is_outdated(*stamp)
        })
    }

    fn is_outdated(&self, stamp: u64) -> bool {
        stamp != self.generation.load(Acquire)
    }
}
