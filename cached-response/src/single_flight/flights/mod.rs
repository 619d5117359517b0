//! Collapses concurrent misses for one key into one run of the handler.
//!
//! Whoever misses [joins](Flights::join). The first is given a [`Permit`] and leads: it runs the
//! handler and [lands](Permit::land). Those who come meanwhile follow: they wait, are woken
//! directly, and are told how the run ended. (Elsewhere this is called request coalescing or
//! single flight.)
//!
//! What holds at every moment, and is checked under a model checker:
//!
//! 1. At most one flight runs for a key, among those that are younger than the age limit, not
//!    closed, and whose stamp is not outdated.
//! 2. A follower never gets a response that was not stored: [`Outcome`] has no room for one.
//! 3. Every follower returns. A permit that is dropped, by a panic too, lands as
//!    [`Failed`](Landing::Failed); its followers join again, and one of them leads.
//! 4. The map is empty when no permit lives.
//! 5. No lock is held while other people's code runs: wakers, `outdated`, the drop of a stamp or
//!    of what landed. (A key is plain data: it is hashed, compared and cloned under a shard's
//!    lock.)
//!
//! A follower that has waited long enough may be let in to run [beside](Flights::relieve) the leader.
//! Then the first of their runs that does not fail lands for all who follow, or else the last one.
//!
//! A flight that is too old or outdated is replaced in the map and not stopped, and one that is
//! [closed](Permit::close) is taken out of it: it lands for those who follow it, and leaves the
//! newer one alone.

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

/// How many may follow one run, and how long it may take before another is let in beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most followers of one flight.
    pub(crate) followers: usize,
    /// The age at which a flight is replaced and no longer joined.
    pub(crate) age: Duration,
}

/// What joining came to.
#[must_use = "a permit that is dropped lands as failed"]
pub(crate) enum Join<K: Eq + Hash, S, T, W> {
    /// Nobody runs: run, and land.
    Lead(Permit<K, S, T, W>),
    /// Somebody runs: wait.
    Follow(Waiter<S, T, W>),
    /// Somebody runs, and as many wait as may: run alone.
    Crowded,
}

/// The flights under way, by key. A clone is a handle on the same flights.
///
/// `S` is the stamp a run starts under, `T` what its followers share, `W` why nothing was stored.
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

    /// Leads a new flight, or follows the one under way.
    ///
    /// `now` is the time since some fixed start. `stamp` is what a run that starts now would run
    /// under; `outdated` says whether a stamp is no longer what a run should have started under. Take
    /// the stamp right before: a flight that starts with an outdated one is replaced by the next
    /// arrival.
    #[expect(
        clippy::too_many_arguments,
        reason = "what an arrival knows, each of its own type"
    )]
    pub(crate) fn join(
        &self,
        key: &K,
        now: Duration,
        limits: &Limits,
        stamp: S,
        outdated: impl Fn(&S) -> bool,
    ) -> Join<K, S, T, W>
    where
        K: Clone,
    {
        let own = Arc::new(Flight::new(now, stamp));
        let mut refused = None;
        // Goes round again only if somebody else has replaced or landed a flight meanwhile.
        while let Some(flight) = self.lead(key, &own, refused.as_ref()) {
            if flight.age(now) < limits.age && !outdated(flight.stamp()) {
                return Waiter::board(flight, limits.followers).map_or(Join::Crowded, Join::Follow);
            }
            refused = Some(flight);
        }
        Join::Lead(Permit {
            flights: self.clone(),
            key: key.clone(),
            flight: own,
            landing: Outcome::Failed,
        })
    }

    /// Follows the flight under way, if there is one that may be followed and has a place; never
    /// leads.
    pub(crate) fn follow(
        &self,
        key: &K,
        now: Duration,
        limits: &Limits,
        outdated: impl Fn(&S) -> bool,
    ) -> Option<Waiter<S, T, W>> {
        let flight = lock(self.shard(key)).get(key).cloned()?;
        if flight.age(now) >= limits.age || outdated(flight.stamp()) {
            return None;
        }
        Waiter::board(flight, limits.followers)
    }

    /// Lets a follower of the flight for `key` run beside its leader, unless a run was started less
    /// than `after` ago: then returns when one may be.
    pub(crate) fn relieve(
        &self,
        key: &K,
        follower: &Waiter<S, T, W>,
        now: Duration,
        after: Duration,
    ) -> Result<Permit<K, S, T, W>, Duration>
    where
        K: Clone,
    {
        let flight = follower.flight();
        flight.relieve(now, after)?;
        Ok(Permit {
            flights: self.clone(),
            key: key.clone(),
            flight: Arc::clone(flight),
            landing: Outcome::Failed,
        })
    }

    /// How many flights are under way; those that were replaced are not counted.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Puts `own` into the map where there is no flight, or only the `refused` one; returns any
    /// other flight for the caller to judge, without the lock.
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
        // The one it replaces lives on in `refused`, so nothing of it is dropped here.
        flights.insert(key.clone(), Arc::clone(own));
        None
    }

    /// Takes a flight out of the map, unless a newer one has replaced it there.
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

/// The right to run the handler, and the duty to land.
///
/// Dropping it tells the followers that the run [`Failed`](Landing::Failed), unless another goes on
/// for them, and one of them takes over.
#[must_use = "a permit that is dropped lands as failed"]
pub(crate) struct Permit<K: Eq + Hash, S, T, W> {
    flights: SingleFlight<K, S, T, W>,
    key: K,
    flight: Arc<Flight<S, T, W>>,
    landing: Outcome<T, W>,
}

impl<K: Eq + Hash, S, T, W> Permit<K, S, T, W> {
    /// Tells the followers how the run ended. What is stored was put where it can be found before.
    pub(crate) fn land(mut self, landing: Outcome<T, W>) {
        self.landing = landing;
    }

    /// Takes no more followers: whoever comes next leads a flight of its own.
    pub(crate) fn close(&self) {
        self.flights.retire(&self.key, &self.flight);
    }

    /// Tells the followers that the response has begun, and that its body is still to come.
    pub(crate) fn head_is_out(&self) {
        self.flight.head_is_out();
    }

    /// What the run started under; one that was let in beside the leader has started later.
    pub(crate) fn stamp(&self) -> &S {
        self.flight.stamp()
    }
}

impl<K: Eq + Hash, S, T, W> Drop for Permit<K, S, T, W> {
    fn drop(&mut self) {
        if matches!(self.landing, Outcome::Failed) && !self.flight.is_over() {
            return;
        }
        // Out of the map first: a follower that is told of a failure joins again at once, and must
        // not meet the flight that failed.
        self.flights.retire(&self.key, &self.flight);
        self.flight
            .land(mem::replace(&mut self.landing, Outcome::Failed));
    }
}
