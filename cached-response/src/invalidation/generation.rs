//! Generations: counts that an invalidation or an expiry raises, and what a run saw of them before it
//! started.
//!
//! A run takes its [`Snapshot`] **before** the handler starts, what is stored carries it, and
//! **every read compares**. Whatever is simpler lets an old response through in some order of the
//! steps.

use super::sync::{
    Arc, AtomicU64,
    Ordering::{Acquire, Release},
    Weak,
};

/// How often something was invalidated and how often it was expired, in one count. A clone is a
/// handle on the same count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generation(Arc<AtomicU64>);

/// What becomes of the responses whose runs began before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bump {
    /// They are stale.
    Expire,
    /// They are not reused in any way.
    Invalidate,
}

/// The low bits count expiries, and those above them invalidations. So many expiries of one name
/// that they overflow count as an invalidation, which is the safe side.
const EXPIRIES: u32 = 24;

impl Generation {
    /// From now on no snapshot that was taken before is current.
    pub(crate) fn raise(&self, raise: Bump) {
        let one = match raise {
            Bump::Expire => 1,
            Bump::Invalidate => 1 << EXPIRIES,
        };
        self.0.fetch_add(one, Release);
    }

    pub(crate) fn count(&self) -> Count {
        Count(self.0.load(Acquire))
    }

    /// What has become of those whose runs began when it counted so much.
    pub(crate) fn since(&self, count: Count) -> Validity {
        Validity::of(self.count().0 ^ count.0)
    }

    /// As it is now.
    pub(crate) fn seen(self) -> Seen {
        Seen {
            count: self.count(),
            generation: self,
        }
    }

    /// A handle that does not keep it.
    pub(crate) fn loosely(&self) -> WeakGeneration {
        WeakGeneration(Arc::downgrade(&self.0))
    }
}

/// A generation, for as long as somebody else holds it.
#[derive(Debug)]
pub(crate) struct WeakGeneration(Weak<AtomicU64>);

impl WeakGeneration {
    pub(crate) fn held(&self) -> Option<Generation> {
        self.0.upgrade().map(Generation)
    }

    /// Whether nobody holds it; nobody will again.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// What a generation had come to at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(u64);

/// What has become of something since its run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Current,
    Expired,
    Invalidated,
}

impl Validity {
    /// By the bits in which counts differ from what they were.
    fn of(changed: u64) -> Self {
        match changed {
            0 => Self::Current,
            expired if expired >> EXPIRIES == 0 => Self::Expired,
            _ => Self::Invalidated,
        }
    }
}

/// A generation as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    generation: Generation,
    count: Count,
}

impl Seen {
    /// The same, expired already. It would take millions of expiries of this one name to come to the
    /// count that it is given.
    pub(crate) fn expired(mut self) -> Self {
        self.count.0 ^= 1 << (EXPIRIES - 1);
        self
    }

    pub(crate) fn is_of(&self, generation: &Generation) -> bool {
        Arc::ptr_eq(&self.generation.0, &generation.0)
    }

    fn changed(&self) -> u64 {
        self.generation.count().0 ^ self.count.0
    }
}

/// Some generations, as they were at one moment. A clone is a handle on the same snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot(Arc<[Seen]>);

impl FromIterator<Seen> for Snapshot {
    fn from_iter<I: IntoIterator<Item = Seen>>(seen: I) -> Self {
        Self(seen.into_iter().collect())
    }
}

impl Snapshot {
    /// Takes a snapshot now.
    pub(crate) fn of(generations: impl IntoIterator<Item = Generation>) -> Self {
        generations.into_iter().map(Generation::seen).collect()
    }

    /// Takes another of the same generations now.
    pub(crate) fn again(&self) -> Self {
        Self::of(self.seen().map(|seen| seen.generation.clone()))
    }

    pub(crate) fn seen(&self) -> impl ExactSizeIterator<Item = &Seen> {
        self.0.iter()
    }

    /// What has become of it since.
    pub(crate) fn validity(&self) -> Validity {
        Validity::of(self.changed())
    }

    /// What has become of it and another since.
    pub(crate) fn validity_with(&self, other: &Self) -> Validity {
        Validity::of(self.changed() | other.changed())
    }

    fn changed(&self) -> u64 {
        self.0.iter().fold(0, |all, seen| all | seen.changed())
    }

    /// Whether nothing of it was invalidated since.
    pub(crate) fn is_current(&self) -> bool {
        self.validity() != Validity::Invalidated
    }

    /// What it holds, with the names that its generations are found by: measured as resident
    /// memory, and counted as though nobody shared them.
    pub(crate) fn weight(&self) -> usize {
        const GENERATION: usize = 80;
        self.0.len() * (size_of::<Seen>() + GENERATION)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::explore;
    use super::{Bump, EXPIRIES, Generation, Release, Snapshot, Validity};

    #[test]
    fn a_snapshot_is_outdated_by_any_of_its_generations() {
        for (raise, standing) in [
            (Bump::Expire, Validity::Expired),
            (Bump::Invalidate, Validity::Invalidated),
        ] {
            explore(move || {
                let generations = [(); 3].map(|()| Generation::default());
                for raised in &generations {
                    let snapshot = Snapshot::of(generations.clone());
                    assert_eq!(snapshot.validity(), Validity::Current);
                    raised.raise(raise);
                    assert_eq!(snapshot.validity(), standing);
                }
            });
        }
    }

    #[test]
    fn a_snapshot_taken_afterwards_is_current() {
        explore(|| {
            let generation = Generation::default();
            generation.raise(Bump::Invalidate);
            generation.raise(Bump::Expire);
            let snapshot = Snapshot::of([generation]);
            assert_eq!(snapshot.validity(), Validity::Current);
        });
    }

    #[test]
    fn what_was_invalidated_as_well_is_not_merely_expired() {
        explore(|| {
            let generations = [(); 2].map(|()| Generation::default());
            let snapshot = Snapshot::of(generations.clone());
            let [one, other] = &generations;
            one.raise(Bump::Expire);
            assert!(snapshot.is_current());
            other.raise(Bump::Invalidate);
            other.raise(Bump::Expire);
            assert_eq!(snapshot.validity(), Validity::Invalidated);
            assert!(!snapshot.is_current());
        });
    }

    #[test]
    fn expiries_that_overflow_invalidate() {
        explore(|| {
            let generation = Generation::default();
            generation.0.store((1 << EXPIRIES) - 1, Release);
            let snapshot = Snapshot::of([generation.clone()]);
            generation.raise(Bump::Expire);
            assert_eq!(snapshot.validity(), Validity::Invalidated);
        });
    }

    #[test]
    fn a_generation_goes_with_its_last_snapshot() {
        explore(|| {
            let generation = Generation::default();
            let loosely = generation.loosely();
            let snapshot = Snapshot::of([generation]);
            assert!(loosely.held().is_some() && !loosely.is_gone());
            drop(snapshot);
            assert!(loosely.held().is_none() && loosely.is_gone());
        });
    }
}
