//! Generations: counters that an invalidation or an expiry bumps, and snapshots of them.
//!
//! A run takes its [`Snapshot`] **before** the handler starts, the stored response carries it, and
//! **every read compares**, or sees that no generation of the cache was bumped since its last comparison.
//! With anything simpler an old response is reused in some order of the steps.

use super::scope::Bump;
use super::sync::{
    Arc, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    Weak,
};
use std::sync::OnceLock;

/// Number of invalidations and of expiries of one name, in one counter. A clone is a handle on the
/// same counter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generation(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    count: AtomicU64,
    /// The tag, for the generation of one.
    tag: OnceLock<Box<str>>,
}

/// Number of low bits that count expiries; those above count invalidations. An overflow of expiries
/// counts as an invalidation, which is safe.
const EXPIRY_BITS: u32 = 24;

impl Generation {
    /// Creates the generation of a tag.
    pub(crate) fn of_tag(tag: &str) -> Self {
        let generation = Self::default();
        generation.0.tag.get_or_init(|| tag.into());
        generation
    }

    /// Outdates all snapshots that were taken before.
    pub(crate) fn bump(&self, bump: Bump) {
        let one = match bump {
            Bump::Expire => 1,
            Bump::Invalidate => 1 << EXPIRY_BITS,
        };
        self.0.count.fetch_add(one, Release);
    }

    pub(crate) fn count(&self) -> Count {
        Count(self.0.count.load(Acquire))
    }

    /// Validity of a response whose run started at this count.
    pub(crate) fn since(&self, count: Count) -> Validity {
        Validity::of(self.count().0 ^ count.0)
    }

    /// Captures the current count.
    pub(crate) fn seen(self) -> Seen {
        Seen {
            count: self.count(),
            generation: self,
        }
    }

    /// Returns a weak handle.
    pub(crate) fn downgrade(&self) -> WeakGeneration {
        WeakGeneration(Arc::downgrade(&self.0))
    }
}

/// Weak handle on a generation.
#[derive(Debug)]
pub(crate) struct WeakGeneration(Weak<Counter>);

impl WeakGeneration {
    pub(crate) fn upgrade(&self) -> Option<Generation> {
        self.0.upgrade().map(Generation)
    }

    /// Returns true where all handles were dropped, which is final.
    pub(crate) fn is_dropped(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// Value of a generation at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(u64);

/// Effect of invalidations and expiries since a run started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Current,
    Expired,
    Invalidated,
}

impl Validity {
    /// Decodes the bits in which two counts differ.
    fn of(changed: u64) -> Self {
        match changed {
            0 => Self::Current,
            expired if expired >> EXPIRY_BITS == 0 => Self::Expired,
            _ => Self::Invalidated,
        }
    }
}

/// A generation with its value at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    generation: Generation,
    count: Count,
}

impl Seen {
    /// Marks it as expired already, by a count that only millions of expiries of this name reach.
    pub(crate) fn expired(mut self) -> Self {
        self.count.0 ^= 1 << (EXPIRY_BITS - 1);
        self
    }

    pub(crate) fn is_of(&self, generation: &Generation) -> bool {
        Arc::ptr_eq(&self.generation.0, &generation.0)
    }

    fn changed(&self) -> u64 {
        self.generation.count().0 ^ self.count.0
    }
}

/// Several generations with their values at one moment. Clones share the data.
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

    /// Takes another snapshot of the same generations now.
    pub(crate) fn again(&self) -> Self {
        Self::of(self.seen().map(|seen| seen.generation.clone()))
    }

    pub(crate) fn seen(&self) -> impl ExactSizeIterator<Item = &Seen> {
        self.0.iter()
    }

    /// Returns the tags among its names.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.seen().map(|seen| seen.generation.0.tag.get());
        tags.flatten().map(|tag| &**tag)
    }

    /// Validity since the snapshot.
    pub(crate) fn validity(&self) -> Validity {
        Validity::of(self.changed())
    }

    /// Validity of two snapshots together.
    pub(crate) fn validity_with(&self, other: &Self) -> Validity {
        Validity::of(self.changed() | other.changed())
    }

    fn changed(&self) -> u64 {
        self.0.iter().fold(0, |all, seen| all | seen.changed())
    }

    /// Returns true unless one of them was invalidated since.
    pub(crate) fn is_current(&self) -> bool {
        self.validity() != Validity::Invalidated
    }

    /// Size in bytes with the registry entries and tags of its generations: measured as resident memory, and
    /// counted as if unshared.
    pub(crate) fn weight(&self) -> usize {
        const GENERATION: usize = 80;
        let tags: usize = self.tags().map(str::len).sum();
        self.0.len() * (size_of::<Seen>() + GENERATION) + tags
    }
}

/// Number of bumps of one cache.
#[derive(Debug)]
pub(crate) struct BumpCount(AtomicU64);

impl Default for BumpCount {
    fn default() -> Self {
        // Zero is the mark of a response that was never compared.
        Self(AtomicU64::new(1))
    }
}

impl BumpCount {
    /// Bumps generations, and counts that **afterwards**: a thread that sees the count sees them bumped.
    pub(crate) fn count(&self, bump: impl FnOnce()) {
        bump();
        self.0.fetch_add(1, Release);
    }
}

/// The bump count at which the generations of a response were current: they need not be compared again
/// before there is another bump.
#[derive(Debug, Default)]
pub(crate) struct CurrentAt(AtomicU64);

impl CurrentAt {
    /// Returns true where the generations are current; `compare` compares them.
    #[inline]
    pub(crate) fn is_current(&self, bumps: &BumpCount, compare: impl FnOnce() -> bool) -> bool {
        // Read first: a bump during the comparison is not in this count.
        let count = bumps.0.load(Acquire);
        if self.0.load(Relaxed) == count {
            return true;
        }
        let is_current = compare();
        if is_current {
            self.0.store(count, Relaxed);
        }
        is_current
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::explore;
    use super::{Bump, BumpCount, CurrentAt, EXPIRY_BITS, Generation, Release, Snapshot, Validity};

    #[test]
    fn a_snapshot_is_outdated_by_any_of_its_generations() {
        for (bump, validity) in [
            (Bump::Expire, Validity::Expired),
            (Bump::Invalidate, Validity::Invalidated),
        ] {
            explore(move || {
                let generations = [(); 3].map(|()| Generation::default());
                for bumped in &generations {
                    let snapshot = Snapshot::of(generations.clone());
                    assert_eq!(snapshot.validity(), Validity::Current);
                    bumped.bump(bump);
                    assert_eq!(snapshot.validity(), validity);
                }
            });
        }
    }

    #[test]
    fn a_later_snapshot_is_current() {
        explore(|| {
            let generation = Generation::default();
            generation.bump(Bump::Invalidate);
            generation.bump(Bump::Expire);
            let snapshot = Snapshot::of([generation]);
            assert_eq!(snapshot.validity(), Validity::Current);
        });
    }

    #[test]
    fn an_invalidation_outweighs_an_expiry() {
        explore(|| {
            let generations = [(); 2].map(|()| Generation::default());
            let snapshot = Snapshot::of(generations.clone());
            let [one, other] = &generations;
            one.bump(Bump::Expire);
            assert!(snapshot.is_current());
            other.bump(Bump::Invalidate);
            other.bump(Bump::Expire);
            assert_eq!(snapshot.validity(), Validity::Invalidated);
            assert!(!snapshot.is_current());
        });
    }

    #[test]
    fn expiries_that_overflow_invalidate() {
        explore(|| {
            let generation = Generation::default();
            generation.0.count.store((1 << EXPIRY_BITS) - 1, Release);
            let snapshot = Snapshot::of([generation.clone()]);
            generation.bump(Bump::Expire);
            assert_eq!(snapshot.validity(), Validity::Invalidated);
        });
    }

    #[test]
    fn a_snapshot_has_its_tags() {
        explore(|| {
            let unnamed = Generation::default();
            let snapshot =
                Snapshot::of([Generation::of_tag("a"), unnamed, Generation::of_tag("b")]);
            assert!(snapshot.tags().eq(["a", "b"]));
            assert!(snapshot.again().tags().eq(["a", "b"]));
        });
    }

    #[test]
    fn generations_are_compared_again_after_a_bump() {
        explore(|| {
            let (bumps, current_at) = (BumpCount::default(), CurrentAt::default());
            assert!(!current_at.is_current(&bumps, || false));
            assert!(current_at.is_current(&bumps, || true));
            assert!(current_at.is_current(&bumps, || unreachable!()));
            bumps.count(|| {});
            assert!(!current_at.is_current(&bumps, || false));
            assert!(current_at.is_current(&bumps, || true));
        });
    }

    #[test]
    fn a_generation_is_dropped_with_its_last_snapshot() {
        explore(|| {
            let generation = Generation::default();
            let weak = generation.downgrade();
            let snapshot = Snapshot::of([generation]);
            assert!(weak.upgrade().is_some() && !weak.is_dropped());
            drop(snapshot);
            assert!(weak.upgrade().is_none() && weak.is_dropped());
        });
    }
}
