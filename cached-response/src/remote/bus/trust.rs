//! State that says for how long memory and store may be trusted: the liveness of the bus, and the
//! invalidations that the store has not confirmed.
//!
//! **Liveness.** Every process publishes its invalidations and its heartbeats on one channel, and receives
//! its own heartbeats. The channel keeps the order, so that a heartbeat which comes back proves that no
//! message was missed up to the time when it was *sent*. Without a recent heartbeat, a response in memory is
//! trusted for `max_unverified` after it was last verified against the store.
//!
//! **Pending.** Until the store has confirmed an invalidation, its values under the names of it may be
//! outdated. An invalidation is noted here **first**, then bumps the generations of this process, and only
//! then is sent to the store. A read takes a snapshot of the generations first, then looks here, and only
//! then reads: so either its snapshot is outdated, or the invalidation is pending, or the store has done it.

use std::{collections::HashMap, time::Duration};

use super::{
    moment::Timestamp,
    scope::{Bump, Scope},
    sync::{
        AtomicU64, Mutex,
        Ordering::{AcqRel, Acquire, Release},
        RandomState, lock,
    },
};

/// State of the bus as seen by this process.
#[derive(Debug)]
pub(crate) struct BusLiveness {
    /// Time up to which messages may have been missed.
    last_gap: AtomicU64,
    /// Time of sending of the last own heartbeat that was received.
    pub(crate) last_heartbeat: AtomicU64,
    max_unverified: u64,
}

impl BusLiveness {
    /// Creates the state before the first heartbeat, which stays if the store has no bus.
    pub(crate) fn silent(max_unverified: Duration) -> Self {
        let max_unverified = Timestamp::default().after(max_unverified);
        Self {
            last_gap: AtomicU64::new(0),
            last_heartbeat: AtomicU64::new(0),
            max_unverified: max_unverified.to_nanos(),
        }
    }

    /// Returns whether a response that was verified at `verified_at`, or whose run started then, may be
    /// reused at `now` without verifying it again.
    ///
    /// To be called **before** the generations are compared: messages that were received by then have
    /// bumped them. In the other order, a message between the two is missed and the heartbeat after it
    /// counts.
    pub(crate) fn trusts(&self, verified_at: Timestamp, now: Timestamp) -> bool {
        let (verified_at, now) = (verified_at.to_nanos(), now.to_nanos());
        let last_heartbeat = self.last_heartbeat.load(Acquire);
        // After the heartbeat: a gap before it was recorded before it.
        let last_gap = self.last_gap.load(Acquire);
        if now.saturating_sub(last_heartbeat) <= self.max_unverified {
            return verified_at >= last_gap;
        }
        now.saturating_sub(verified_at) <= self.max_unverified
    }

    /// Records an own heartbeat that came back, after all messages before it were applied.
    pub(crate) fn record_heartbeat(&self, sent_at: Timestamp) {
        self.last_heartbeat.fetch_max(sent_at.to_nanos(), AcqRel);
    }

    /// Records that messages up to now may have been missed.
    pub(crate) fn record_gap(&self, now: Timestamp) {
        self.last_gap.fetch_max(now.to_nanos(), AcqRel);
    }
}

/// Unconfirmed invalidations of one cache.
#[derive(Debug)]
pub(crate) struct Pending {
    count: AtomicU64,
    state: Mutex<State>,
    /// Names whose deletion invalidates everything.
    all: Vec<String>,
}

/// Invalidation that the store and the other processes have not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    pub(crate) scope: Scope,
    pub(crate) bump: Bump,
    /// Names that are deleted from the store, in this order.
    pub(crate) names: Vec<String>,
    number: u64,
}

impl Unconfirmed {
    /// Returns the bytes that it takes here and in the publisher's queue.
    pub(crate) fn weight(&self) -> usize {
        let names = self
            .names
            .iter()
            .map(|name| name.len() + size_of::<String>());
        2 * (size_of::<Self>() + self.scope.text().len() + names.sum::<usize>())
    }
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    scopes: HashMap<Scope, Unconfirmed, RandomState>,
    /// Number of invalidations for each name.
    names: HashMap<String, usize, RandomState>,
    bytes: usize,
}

/// Maximum number of invalidations; more are replaced by one of everything.
pub(crate) const MAX_SCOPES: usize = 4096;

/// Maximum size of them, as clients choose the length of paths.
pub(crate) const MAX_BYTES: usize = 8 << 20;

impl Pending {
    /// Creates an empty set. Deleting the names `all` invalidates everything.
    pub(crate) fn new(all: Vec<String>) -> Self {
        Self {
            count: AtomicU64::new(0),
            state: Mutex::default(),
            all,
        }
    }

    /// Notes an invalidation that deletes `names`, in place of an older one of the same scope. It is
    /// pending until the returned value is confirmed.
    pub(crate) fn note(&self, scope: Scope, bump: Bump, names: Vec<String>) -> Unconfirmed {
        let mut state = lock(&self.state);
        let unconfirmed = state.insert(scope, bump, names);
        if state.scopes.len() > MAX_SCOPES || state.bytes > MAX_BYTES {
            state.replace_by_all(&self.all);
        }
        self.count.store(state.len(), Release);
        unconfirmed
    }

    /// Removes invalidations that the store has done. One that was noted again meanwhile stays.
    pub(crate) fn confirm(&self, done: &[Unconfirmed]) {
        let mut state = lock(&self.state);
        for unconfirmed in done {
            state.confirm(unconfirmed);
        }
        self.count.store(state.len(), Release);
    }

    /// Returns whether the value of any of these names may be outdated.
    pub(crate) fn is_pending(&self, names: &[String]) -> bool {
        if self.is_empty() {
            return false;
        }
        let state = lock(&self.state);
        state.scopes.contains_key(&Scope::All)
            || names.iter().any(|name| state.names.contains_key(name))
    }

    /// Returns whether all are confirmed.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Acquire) == 0
    }

    /// Returns all that are not confirmed, the oldest first.
    pub(crate) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let state = lock(&self.state);
        let mut all: Vec<_> = state.scopes.values().cloned().collect();
        drop(state);
        all.sort_unstable_by_key(|unconfirmed| unconfirmed.number);
        all
    }
}

impl State {
    fn insert(&mut self, scope: Scope, bump: Bump, names: Vec<String>) -> Unconfirmed {
        self.last += 1;
        let mut unconfirmed = Unconfirmed {
            scope: scope.clone(),
            bump,
            names,
            number: self.last,
        };
        if let Some(older) = self.remove(&scope) {
            // The older one may have been lost.
            unconfirmed.bump = older.bump.or(bump);
        }
        for name in &unconfirmed.names {
            *self.names.entry(name.clone()).or_default() += 1;
        }
        self.bytes += unconfirmed.weight();
        self.scopes.insert(scope, unconfirmed.clone());
        unconfirmed
    }

    fn confirm(&mut self, done: &Unconfirmed) {
        let newest = self.scopes.get(&done.scope);
        if newest.is_some_and(|newest| newest.number == done.number) {
            self.remove(&done.scope);
        }
    }

    fn remove(&mut self, scope: &Scope) -> Option<Unconfirmed> {
        let removed = self.scopes.remove(scope)?;
        self.bytes -= removed.weight();
        for name in &removed.names {
            if let Some(count) = self.names.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(name);
                }
            }
        }
        Some(removed)
    }

    fn replace_by_all(&mut self, names: &[String]) {
        let bumps = self.scopes.values().map(|unconfirmed| unconfirmed.bump);
        let bump = bumps.fold(Bump::Expire, Bump::or);
        self.scopes = HashMap::default();
        self.names = HashMap::default();
        self.bytes = 0;
        self.insert(Scope::All, bump, names.to_vec());
    }

    fn len(&self) -> u64 {
        self.scopes.len() as u64
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{super::sync::explore, *};
    use Bump::{Expire, Invalidate};

    pub(crate) fn names(names: &[&str]) -> Vec<String> {
        names.iter().copied().map(str::to_owned).collect()
    }

    pub(crate) fn none() -> Pending {
        Pending::new(names(&["all"]))
    }

    pub(crate) fn tag(tag: &str) -> Scope {
        Scope::Tag(tag.to_owned())
    }

    #[test]
    fn an_invalidation_is_pending_under_each_of_its_names_until_it_is_confirmed() {
        explore(|| {
            let pending = none();
            assert!(pending.is_empty() && !pending.is_pending(&names(&["a"])));
            let noted = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
            for name in ["stripe", "a"] {
                assert!(pending.is_pending(&names(&["other", name])));
            }
            assert!(!pending.is_pending(&names(&["other"])));
            pending.confirm(&[noted]);
            assert!(pending.is_empty() && !pending.is_pending(&names(&["stripe", "a"])));
        });
    }

    #[test]
    fn a_shared_name_is_pending_until_both_invalidations_are_confirmed() {
        explore(|| {
            let pending = none();
            let one = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
            let other = pending.note(tag("b"), Invalidate, names(&["stripe", "b"]));
            pending.confirm(&[one]);
            assert!(pending.is_pending(&names(&["stripe"])));
            assert!(!pending.is_pending(&names(&["a"])));
            pending.confirm(&[other]);
            assert!(!pending.is_pending(&names(&["stripe"])));
        });
    }

    #[test]
    fn only_the_newest_of_a_scope_can_be_confirmed() {
        explore(|| {
            let pending = none();
            let older = pending.note(tag("a"), Invalidate, names(&["a"]));
            let newer = pending.note(tag("a"), Invalidate, names(&["a"]));
            assert_eq!(pending.unconfirmed(), std::slice::from_ref(&newer));
            pending.confirm(&[older]);
            assert!(pending.is_pending(&names(&["a"])));
            pending.confirm(&[newer]);
            assert!(pending.is_empty());
        });
    }

    #[test]
    fn an_expiry_does_not_weaken_an_unconfirmed_invalidation() {
        explore(|| {
            let pending = none();
            pending.note(tag("a"), Invalidate, names(&["a"]));
            assert_eq!(
                pending.note(tag("a"), Expire, names(&["a"])).bump,
                Invalidate
            );
            pending.note(tag("b"), Expire, names(&["b"]));
            assert_eq!(pending.note(tag("b"), Expire, names(&["b"])).bump, Expire);
        });
    }

    #[test]
    fn unconfirmed_invalidations_are_returned_oldest_first() {
        explore(|| {
            let pending = none();
            for name in ["c", "a", "b", "c"] {
                pending.note(tag(name), Invalidate, names(&[name]));
            }
            let scopes = pending.unconfirmed().into_iter().map(|noted| noted.scope);
            assert_eq!(scopes.collect::<Vec<_>>(), ["a", "b", "c"].map(tag));
        });
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().after(Duration::from_secs(seconds))
    }

    fn silent() -> BusLiveness {
        BusLiveness::silent(Duration::from_secs(5))
    }

    #[test]
    fn without_a_bus_a_recent_verification_is_trusted() {
        explore(|| {
            let liveness = silent();
            for (verified_at, now, trusted) in [
                (0, 0, true),
                (0, 5, true),
                (0, 6, false),
                (95, 100, true),
                (94, 100, false),
                (101, 100, true),
            ] {
                assert_eq!(
                    liveness.trusts(at(verified_at), at(now)),
                    trusted,
                    "{verified_at}"
                );
            }
        });
    }

    #[test]
    fn with_heartbeats_every_verification_since_the_last_gap_is_trusted() {
        explore(|| {
            let liveness = silent();
            liveness.record_gap(at(50));
            liveness.record_heartbeat(at(99));
            for (verified_at, now, trusted) in [
                (50, 100, true),
                (49, 100, false),
                (50, 104, true),
                // The last heartbeat is too old.
                (50, 105, false),
                (100, 105, true),
                // The clock was read before the heartbeat was sent.
                (50, 98, true),
            ] {
                assert_eq!(
                    liveness.trusts(at(verified_at), at(now)),
                    trusted,
                    "{verified_at}"
                );
            }
        });
    }

    #[test]
    fn gap_and_heartbeat_do_not_decrease() {
        explore(|| {
            let liveness = silent();
            liveness.record_gap(at(50));
            liveness.record_heartbeat(at(99));
            liveness.record_gap(at(10));
            liveness.record_heartbeat(at(10));
            assert!(liveness.trusts(at(50), at(104)));
            assert!(!liveness.trusts(at(49), at(104)));
        });
    }
}
