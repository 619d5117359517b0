//! Finds the generation of a name, for as long as somebody holds it.
//!
//! A name that no flight and no stored response holds needs no generation: nothing was computed
//! under it that could be reused. What is gone is swept out as the registry grows, so it is never
//! much larger than what is held.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::generation::{Generation, Loosely};
use super::sync::{Mutex, RandomState, lock};

/// The generations of all names that are held.
///
/// Two names whose hashes meet share one, and are invalidated together: too much, never too little.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    seed: RandomState,
}

const SHARDS: usize = 32;

/// A shard is not swept before it has so many.
const FEWEST: usize = 32;

#[derive(Debug, Default)]
struct Shard {
    generations: HashMap<u64, Loosely, RandomState>,
    /// How many it may have before it is swept.
    most: usize,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            seed: RandomState::default(),
        }
    }

    /// The generation of a name, a new one where nobody holds it.
    pub(crate) fn hold(&self, name: &impl Hash) -> Generation {
        let hash = self.seed.hash_one(name);
        let mut shard = lock(self.shard(hash));
        if let Some(held) = shard.held(hash) {
            return held;
        }
        shard.make_room();
        let generation = Generation::default();
        shard.generations.insert(hash, generation.loosely());
        generation
    }

    /// Invalidates what is held under a name.
    pub(crate) fn raise(&self, name: &impl Hash) {
        let hash = self.seed.hash_one(name);
        // Whoever makes one after this look starts a run after it, too.
        let held = lock(self.shard(hash)).held(hash);
        if let Some(generation) = held {
            generation.raise();
        }
    }

    /// How many names there are, those included that nobody holds any more.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let lens = self
            .shards
            .iter()
            .map(|shard| lock(shard).generations.len());
        lens.sum()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The map of a shard hashes once more, so any bits will do.
        let [byte, ..] = hash.to_be_bytes();
        &self.shards[usize::from(byte) % SHARDS]
    }
}

impl Shard {
    fn held(&self, hash: u64) -> Option<Generation> {
        self.generations.get(&hash)?.held()
    }

    /// Sweeps when half as many more have come as were held the last time: each newcomer pays for
    /// a few looks.
    fn make_room(&mut self) {
        if self.generations.len() < self.most.max(FEWEST) {
            return;
        }
        self.generations
            .retain(|_, generation| !generation.is_gone());
        self.most = self.generations.len() + self.generations.len() / 2;
        self.generations.shrink_to(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::super::generation::Snapshot;
    use super::{FEWEST, Registry, SHARDS};

    #[test]
    fn those_who_hold_a_name_hold_one_generation() {
        let registry = Registry::new();
        let (one, other) = (registry.hold(&"a"), registry.hold(&"a"));
        let (first, second) = (Snapshot::of([one]), Snapshot::of([other]));
        registry.raise(&"a");
        assert!(!first.is_current() && !second.is_current());
    }

    #[test]
    fn names_do_not_invalidate_each_other() {
        let registry = Registry::new();
        let snapshot = Snapshot::of([registry.hold(&"a")]);
        registry.raise(&"b");
        assert!(snapshot.is_current());
    }

    #[test]
    fn a_name_that_nobody_holds_takes_no_room_when_it_is_invalidated() {
        let registry = Registry::new();
        registry.raise(&"a");
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_name_that_is_held_outlives_every_sweep() {
        let registry = Registry::new();
        let held: Vec<_> = (0..1000)
            .map(|name: u32| Snapshot::of([registry.hold(&name)]))
            .collect();
        for name in 1000..100_000_u32 {
            drop(registry.hold(&name));
        }
        for (name, snapshot) in (0_u32..).zip(&held) {
            assert!(snapshot.is_current());
            registry.raise(&name);
            assert!(!snapshot.is_current(), "{name} was swept out");
        }
    }

    #[test]
    fn a_million_names_that_come_and_go_leave_next_to_nothing() {
        let registry = Registry::new();
        for name in 0..1_000_000_u32 {
            drop(registry.hold(&name));
        }
        assert!(registry.len() <= SHARDS * FEWEST, "{}", registry.len());
    }

    #[test]
    fn what_many_held_at_once_is_swept_when_others_come() {
        let registry = Registry::new();
        let crowd: Vec<_> = (0..100_000_u32).map(|name| registry.hold(&name)).collect();
        drop(crowd);
        for name in 100_000..200_000_u32 {
            drop(registry.hold(&name));
        }
        assert!(registry.len() <= SHARDS * FEWEST, "{}", registry.len());
    }

    #[test]
    fn there_is_never_much_more_than_is_held() {
        let registry = Registry::new();
        let held: Vec<_> = (0..10_000_u32).map(|name| registry.hold(&name)).collect();
        for name in 10_000..1_000_000_u32 {
            drop(registry.hold(&name));
        }
        let most = held.len() * 8 / 5 + SHARDS * FEWEST;
        assert!(registry.len() <= most, "{}", registry.len());
    }
}
