//! Finds the generation of a name, for as long as somebody holds it.
//!
//! A name that no flight and no stored response holds needs no generation: nothing was computed
//! under it that could be reused. What is gone is swept out as the registry grows, so it is never
//! much larger than what is held.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::generation::{Bump, Generation, WeakGeneration};
use super::sync::{Mutex, RandomState, lock};

/// The generations of all names that are held.
///
/// Two names whose hashes meet share one, and are invalidated together: too much, never too little.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    seed: RandomState,
}

pub(crate) const SHARDS: usize = 32;

/// A shard is not swept before it has so many.
pub(crate) const FEWEST: usize = 32;

#[derive(Debug, Default)]
struct Shard {
    generations: HashMap<u64, WeakGeneration, RandomState>,
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

    /// Expires or invalidates what is held under a name.
    pub(crate) fn raise(&self, name: &impl Hash, raise: Bump) {
        let hash = self.seed.hash_one(name);
        // Whoever makes one after this look starts a run after it, too.
        let held = lock(self.shard(hash)).held(hash);
        if let Some(generation) = held {
            generation.raise(raise);
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
