//! Responses in this process: a bounded map that evicts by room.
//!
//! Looked up by the whole key under a randomly seeded hash. Lifetimes are not the map's
//! business: what has expired stays until it is replaced, removed or evicted.

use foldhash::fast::RandomState;
use moka::{Equivalent, ops::compute::Op, sync::Cache};
use std::{fmt, hash::Hash};

/// What one stored response costs beside its own bytes: the map's bookkeeping and the allocations of
/// its parts, measured as resident memory.
pub(crate) const OVERHEAD: usize = 800;

/// Tells the memory bound how many bytes it holds.
pub(crate) trait Weigh {
    fn weight(&self) -> usize;
}

/// A map bounded by the bytes it holds.
#[derive(Clone)]
pub(crate) struct BoundedMap<K, V> {
    map: Cache<K, V, RandomState>,
}

impl<K, V> BoundedMap<K, V>
where
    K: Hash + Eq + Clone + Weigh + Send + Sync + 'static,
    V: Clone + Weigh + Send + Sync + 'static,
{
    pub(crate) fn new(capacity: u64) -> Self {
        let map = Cache::builder()
            .max_capacity(capacity)
            .weigher(|key: &K, value: &V| {
                u32::try_from(key.weight() + value.weight() + OVERHEAD).unwrap_or(u32::MAX)
            })
            .build_with_hasher(RandomState::default());
        Self { map }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Equivalent<K> + Hash + ?Sized,
    {
        self.map.get(key)
    }

    /// Decides under the key's own lock what its value becomes: `change` sees what is there and
    /// returns what shall be there instead, or `None` to leave it.
    pub(crate) fn update(&self, key: K, change: impl FnOnce(Option<&V>) -> Option<V>) {
        self.map.entry(key).and_compute_with(|found| {
            match change(found.as_ref().map(moka::Entry::value)) {
                Some(value) => Op::Put(value),
                None => Op::Nop,
            }
        });
    }

    /// Removes a value under its key's own lock, if it is `the_one`.
    pub(crate) fn remove_if(&self, key: K, the_one: impl FnOnce(&V) -> bool) {
        self.map.entry(key).and_compute_with(|found| match found {
            Some(found) if the_one(found.value()) => Op::Remove,
            _ => Op::Nop,
        });
    }

    pub(crate) fn remove<Q>(&self, key: &Q)
    where
        Q: Equivalent<K> + Hash + ?Sized,
    {
        self.map.invalidate(key);
    }

    pub(crate) fn clear(&self) {
        self.map.invalidate_all();
    }

    /// Everything that is there.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<(K, V)> {
        let all = self.map.iter();
        all.map(|(key, value)| ((*key).clone(), value)).collect()
    }

    /// How many entries there are and what they weigh, with evictions that were due made first.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.map.run_pending_tasks();
        (self.map.entry_count(), self.map.weighted_size())
    }
}

impl<K, V> fmt::Debug for BoundedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
