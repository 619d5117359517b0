//! Weak registry of generations by name.
//!
//! A name that no flight and no stored response holds needs no generation: nothing was computed under
//! it that could be reused. Dropped generations are swept out as the registry grows, so that it is
//! never much larger than the number of held ones.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::generation::{Bump, Generation, WeakGeneration};
use super::sync::{Mutex, RandomState, lock};

/// Name of a generation.
#[derive(Debug, Hash)]
pub(crate) enum Name<'a> {
    Path(&'a [u8]),
    Url(&'a [u8], &'a str),
    Tag(&'a str),
    Prefix(&'a [u8]),
}

/// Start of the tags that the cache gives, and no application.
pub(crate) const RESERVED: char = '\0';

/// The generations of all held names.
///
/// Two names with the same hash share one and are invalidated together: too much, never too little.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    seed: RandomState,
}

pub(crate) const SHARDS: usize = 32;

/// Fewest entries of a shard that is swept.
pub(crate) const MIN_SWEEP: usize = 32;

#[derive(Debug, Default)]
struct Shard {
    generations: HashMap<u64, WeakGeneration, RandomState>,
    /// Number of entries at which it is swept next.
    sweep_at: usize,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            seed: RandomState::default(),
        }
    }

    /// Returns the generation of a name, a new one unless it is held.
    pub(crate) fn hold(&self, name: &impl Hash) -> Generation {
        self.hold_or(name, Generation::default)
    }

    /// Returns the generation of a tag, which knows the tag, unless it is reserved.
    pub(crate) fn hold_tag(&self, tag: &str) -> Generation {
        if tag.starts_with(RESERVED) {
            return self.hold(&Name::Tag(tag));
        }
        self.hold_or(&Name::Tag(tag), || Generation::of_tag(tag))
    }

    fn hold_or(&self, name: &impl Hash, make: impl FnOnce() -> Generation) -> Generation {
        let hash = self.seed.hash_one(name);
        let mut shard = lock(self.shard(hash));
        if let Some(held) = shard.held(hash) {
            return held;
        }
        shard.sweep_if_full();
        let generation = make();
        shard.generations.insert(hash, generation.downgrade());
        generation
    }

    /// Expires or invalidates what is held under a name.
    pub(crate) fn raise(&self, name: &impl Hash, raise: Bump) {
        let hash = self.seed.hash_one(name);
        // A generation that is created after this lookup belongs to a run that starts after it.
        let held = lock(self.shard(hash)).held(hash);
        if let Some(generation) = held {
            generation.raise(raise);
        }
    }

    /// Number of names, including dropped ones.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let lens = self
            .shards
            .iter()
            .map(|shard| lock(shard).generations.len());
        lens.sum()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The map of a shard hashes once more, so any bits are suitable.
        let [byte, ..] = hash.to_be_bytes();
        &self.shards[usize::from(byte) % SHARDS]
    }
}

impl Shard {
    fn held(&self, hash: u64) -> Option<Generation> {
        self.generations.get(&hash)?.upgrade()
    }

    /// Sweeps when half as many names were added as were held after the last sweep, so that the cost
    /// of an insertion is constant.
    fn sweep_if_full(&mut self) {
        if self.generations.len() < self.sweep_at.max(MIN_SWEEP) {
            return;
        }
        self.generations
            .retain(|_, generation| !generation.is_dropped());
        self.sweep_at = self.generations.len() + self.generations.len() / 2;
        self.generations.shrink_to(self.sweep_at);
    }
}
