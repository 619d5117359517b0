//! Generations: counts that an invalidation raises, and what a run saw of them before it started.
//!
//! A run takes its [`Snapshot`] **before** the handler starts, what is stored carries it, and
//! **every read compares**. Whatever is simpler lets an old response through in some order of the
//! steps (Bar row 44).

use super::sync::{
    Arc, AtomicU64,
    Ordering::{Acquire, Release},
    Weak,
};

/// How often something was invalidated. A clone is a handle on the same count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generation(Arc<AtomicU64>);

impl Generation {
    /// From now on no snapshot that was taken before is current.
    pub(crate) fn raise(&self) {
        self.0.fetch_add(1, Release);
    }

    fn count(&self) -> u64 {
        self.0.load(Acquire)
    }

    /// A handle that does not keep it.
    pub(crate) fn loosely(&self) -> Loosely {
        Loosely(Arc::downgrade(&self.0))
    }
}

/// A generation, for as long as somebody else holds it.
#[derive(Debug)]
pub(crate) struct Loosely(Weak<AtomicU64>);

impl Loosely {
    pub(crate) fn held(&self) -> Option<Generation> {
        self.0.upgrade().map(Generation)
    }

    /// Whether nobody holds it; nobody will again.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// Some generations, as they were at one moment. A clone is a handle on the same snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot(Arc<[Seen]>);

#[derive(Debug)]
struct Seen {
    generation: Generation,
    count: u64,
}

impl Snapshot {
    /// Takes a snapshot now.
    pub(crate) fn of(generations: impl IntoIterator<Item = Generation>) -> Self {
        let seen = |generation: Generation| Seen {
            count: generation.count(),
            generation,
        };
        Self(generations.into_iter().map(seen).collect())
    }

    /// Whether nothing of it was invalidated since.
    pub(crate) fn is_current(&self) -> bool {
        self.0
            .iter()
            .all(|seen| seen.generation.count() == seen.count)
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
    use super::{Generation, Snapshot};

    #[test]
    fn a_snapshot_is_outdated_by_any_of_its_generations() {
        explore(|| {
            let generations = [(); 3].map(|()| Generation::default());
            for raised in &generations {
                let snapshot = Snapshot::of(generations.clone());
                assert!(snapshot.is_current());
                raised.raise();
                assert!(!snapshot.is_current());
            }
        });
    }

    #[test]
    fn a_snapshot_taken_afterwards_is_current() {
        explore(|| {
            let generation = Generation::default();
            generation.raise();
            assert!(Snapshot::of([generation]).is_current());
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
