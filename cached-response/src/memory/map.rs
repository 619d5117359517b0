//! A map with a bound in bytes.
//!
//! Keys are compared in full, and their hash has a random seed. The map knows no lifetimes: an expired
//! value remains until it is replaced, removed or evicted.

use foldhash::fast::RandomState;
use moka::{Equivalent, ops::compute::Op, sync::Cache};
use std::{fmt, hash::Hash};

/// Bytes of a stored response beside its own: the map's bookkeeping and the allocations of its parts,
/// measured as resident memory.
pub(crate) const OVERHEAD: usize = 800;

/// The size of a key or a value, for the bound of the map.
pub(crate) trait Weigh {
    /// Returns the size in bytes.
    fn weight(&self) -> usize;
}

/// A concurrent map bounded by the bytes of its keys and values; evicts by frequency and recency.
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

    /// Replaces a value under the lock of its key: `change` receives the current value and returns the new
    /// one, or `None` to keep it.
    pub(crate) fn update(&self, key: K, change: impl FnOnce(Option<&V>) -> Option<V>) {
        self.map.entry(key).and_compute_with(|found| {
            match change(found.as_ref().map(moka::Entry::value)) {
                Some(value) => Op::Put(value),
                None => Op::Nop,
            }
        });
    }

    /// Removes a value under the lock of its key, where `matches` returns true.
    pub(crate) fn remove_if(&self, key: K, matches: impl FnOnce(&V) -> bool) {
        self.map.entry(key).and_compute_with(|found| match found {
            Some(found) if matches(found.value()) => Op::Remove,
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

    /// Calls `with` for each entry, in no order, and without a lock while it does. It takes about as
    /// long as a look-up of each.
    #[cfg(any(test, feature = "admin"))]
    pub(crate) fn for_each(&self, mut with: impl FnMut(&K, &V)) {
        for (key, value) in &self.map {
            with(&key, &value);
        }
    }

    /// Returns the number of entries and their bytes, after pending evictions.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.map.run_pending_tasks();
        (self.map.entry_count(), self.map.weighted_size())
    }
}

impl<K, V> fmt::Debug for BoundedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedMap").finish_non_exhaustive()
    }
}
