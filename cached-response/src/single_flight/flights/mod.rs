//! Single flight, or request coalescing: concurrent misses of one key share one run of the handler.
//!
//! A miss [joins](SingleFlight::join). The first is given a [`Permit`] and leads: it runs the handler
//! and [finishes](Permit::finish). Later ones wait: they are woken directly, with the outcome of the run.
//!
//! Invariants, checked under a model checker:
//!
//! 1. At most one flight runs for a key, among those that are younger than the age limit, not
//!    closed, and whose stamp is not outdated.
//! 2. A waiter never gets a response that was not stored: [`Outcome`] has no room for one.
//! 3. Every waiter returns. A permit that is dropped, by a panic too, finishes as
//!    [`Failed`](Outcome::Failed); its waiters join again, and one of them leads.
//! 4. The map is empty when no permit lives.
//! 5. No lock is held while foreign code runs: wakers, `outdated`, the drop of a stamp or of an outcome.
//!    (A key is plain data: it is hashed, compared and cloned under a shard's lock.)
//!
//! A waiter that has waited long enough may run [beside](SingleFlight::run_beside) the leader. The first
//! of their runs that does not fail counts for all waiters, or else the last one.
//!
//! A flight that is too old or outdated is replaced in the map and not stopped, and one that is
//! [closed](Permit::close) is removed from it: it finishes for its waiters, and leaves the newer one
//! alone.

pub(crate) mod flight;
#[cfg(test)]
mod tests;

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::mem;
use std::time::Duration;

use self::flight::Flight;
pub(crate) use self::flight::{Outcome, Waiter};
use super::sync::{self, Arc, Mutex, RandomState, lock};

/// The bounds of one flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlightLimits {
    /// The maximum of waiters.
    pub(crate) max_waiters: usize,
    /// The age from which a flight is replaced, and no longer joined.
    pub(crate) age: Duration,
}

/// The part of a request in a flight.
#[must_use = "a dropped permit finishes as failed"]
pub(crate) enum Join<K: Eq + Hash, S, T, W> {
    /// There is no run: run, and finish.
    Lead(Permit<K, S, T, W>),
    /// Another request runs: wait.
    Wait(Waiter<S, T, W>),
    /// Another request runs, and has the maximum of waiters: run alone.
    Full,
}

/// The flights in progress, by key. A clone is a handle on the same flights.
///
/// `S` is the stamp that a run starts under, `T` the response that its waiters share, `W` the reason why
/// none was stored.
pub(crate) struct SingleFlight<K, S, T, W> {
    shards: Arc<Shards<K, S, T, W>>,
    seed: RandomState,
}

type Shards<K, S, T, W> = [Shard<K, S, T, W>; SHARDS];
type Shard<K, S, T, W> = Mutex<HashMap<K, Arc<Flight<S, T, W>>, RandomState>>;

const SHARDS: usize = 32;

impl<K: Eq + Hash, S, T, W> SingleFlight<K, S, T, W> {
    pub(crate) fn new() -> Self {
        Self {
            shards: Arc::new(array::from_fn(|_| Shard::default())),
            seed: RandomState::default(),
        }
    }

    /// Leads a new flight, or waits for the one in progress.
    ///
    /// `now` is the time since a fixed start. A run that starts now starts under `stamp`; `outdated`
    /// returns true for a stamp that a run should no longer have started under. Take the stamp right
    /// before: a flight that starts with an outdated one is replaced by the next request.
    #[expect(clippy::too_many_arguments, reason = "each is of its own type")]
    pub(crate) fn join(
        &self,
        key: &K,
        now: Duration,
        limits: &FlightLimits,
        stamp: S,
        outdated: impl Fn(&S) -> bool,
    ) -> Join<K, S, T, W>
    where
        K: Clone,
    {
        let own = Arc::new(Flight::new(now, stamp));
        let mut refused = None;
        // Another round only if another thread has replaced or finished a flight in between.
        while let Some(flight) = self.lead(key, &own, refused.as_ref()) {
            if flight.age(now) < limits.age && !outdated(flight.stamp()) {
                return Waiter::join(flight, limits.max_waiters).map_or(Join::Full, Join::Wait);
            }
            refused = Some(flight);
        }
        Join::Lead(Permit {
            flights: self.clone(),
            key: key.clone(),
            flight: own,
            outcome: Outcome::Failed,
        })
    }

    /// Waits for the flight in progress, if there is a current one with a place; never leads.
    pub(crate) fn wait(
        &self,
        key: &K,
        now: Duration,
        limits: &FlightLimits,
        outdated: impl Fn(&S) -> bool,
    ) -> Option<Waiter<S, T, W>> {
        let flight = lock(self.shard(key)).get(key).cloned()?;
        if flight.age(now) >= limits.age || outdated(flight.stamp()) {
            return None;
        }
        Waiter::join(flight, limits.max_waiters)
    }

    /// Admits a run of a waiter beside the leader, unless a run was started less than `after` ago: then
    /// returns the time at which one may start.
    pub(crate) fn run_beside(
        &self,
        key: &K,
        waiter: &Waiter<S, T, W>,
        now: Duration,
        after: Duration,
    ) -> Result<Permit<K, S, T, W>, Duration>
    where
        K: Clone,
    {
        let flight = waiter.flight();
        flight.run_beside(now, after)?;
        Ok(Permit {
            flights: self.clone(),
            key: key.clone(),
            flight: Arc::clone(flight),
            outcome: Outcome::Failed,
        })
    }

    /// The number of flights in progress, without replaced ones.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Inserts `own` where there is no flight, or only the `refused` one; returns any other flight for the
    /// caller to judge without the lock.
    fn lead(
        &self,
        key: &K,
        own: &Arc<Flight<S, T, W>>,
        refused: Option<&Arc<Flight<S, T, W>>>,
    ) -> Option<Arc<Flight<S, T, W>>>
    where
        K: Clone,
    {
        let mut flights = lock(self.shard(key));
        let current = flights.get(key);
        if let Some(current) = current
            && !refused.is_some_and(|refused| Arc::ptr_eq(current, refused))
        {
            return Some(Arc::clone(current));
        }
        // The replaced one is held by `refused`, so nothing of it is dropped here.
        flights.insert(key.clone(), Arc::clone(own));
        None
    }

    /// Removes a flight from the map, unless a newer one has replaced it there.
    fn retire(&self, key: &K, flight: &Arc<Flight<S, T, W>>) {
        let mut flights = lock(self.shard(key));
        if flights
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            flights.remove(key);
        }
    }

    fn shard(&self, key: &K) -> &Shard<K, S, T, W> {
        // The map of a shard uses the highest and the lowest bits.
        let [.., byte, _, _, _] = self.seed.hash_one(key).to_be_bytes();
        &self.shards[usize::from(byte) % SHARDS]
    }
}

impl<K, S, T, W> Clone for SingleFlight<K, S, T, W> {
    fn clone(&self) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
            seed: self.seed.clone(),
        }
    }
}

/// The right to run the handler, and the duty to finish.
///
/// Dropping it finishes the run as [`Failed`](Outcome::Failed), unless another run of the flight goes on,
/// and one of the waiters takes over.
#[must_use = "a dropped permit finishes as failed"]
pub(crate) struct Permit<K: Eq + Hash, S, T, W> {
    flights: SingleFlight<K, S, T, W>,
    key: K,
    flight: Arc<Flight<S, T, W>>,
    outcome: Outcome<T, W>,
}

impl<K: Eq + Hash, S, T, W> Permit<K, S, T, W> {
    /// Gives the waiters the outcome. A stored response is in memory before.
    pub(crate) fn finish(mut self, outcome: Outcome<T, W>) {
        self.outcome = outcome;
    }

    /// Takes no more waiters: the next request leads a flight of its own.
    pub(crate) fn close(&self) {
        self.flights.retire(&self.key, &self.flight);
    }

    /// Notes that the head of the response was sent, and that its body is still to come.
    pub(crate) fn head_sent(&self) {
        self.flight.head_sent();
    }

    /// The stamp that the leader started under; a run beside it has started later.
    pub(crate) fn stamp(&self) -> &S {
        self.flight.stamp()
    }
}

impl<K: Eq + Hash, S, T, W> Drop for Permit<K, S, T, W> {
    fn drop(&mut self) {
        if matches!(self.outcome, Outcome::Failed) && !self.flight.is_last_failure() {
            return;
        }
        // Removed first: a waiter that is woken by a failure joins again at once, and must not find the
        // flight that failed.
        self.flights.retire(&self.key, &self.flight);
        self.flight
            .finish(mem::replace(&mut self.outcome, Outcome::Failed));
    }
}
