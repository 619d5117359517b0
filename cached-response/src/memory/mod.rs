//! The in-memory store: a bounded map, and in front of it a small table of each worker, so that the
//! hottest responses are found without contention between workers.
//!
//! A slot of the table is valid while the map has not changed. Each change of the map increments a
//! counter, which a reader loads before it reads the map: a slot never outlives the value that it was
//! copied from, so a replaced or removed value is not found again. An eviction by the map itself does
//! not count; it is seen when the slot is verified against the map, every few uses, which also tells
//! the map that the key is hot. Deadlines, generations and variants are compared on every read, from
//! either.

pub(crate) mod variants;

use crate::{
    entry::StoredResponse,
    key::{HashedKey, Key, KeyRef, hash},
    memory::variants::Entry,
};
use foldhash::fast::RandomState;
use moka::{Equivalent, notification::RemovalCause, ops::compute::Op, sync::Cache};
use std::{
    cell::RefCell,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// Slots of one worker's table.
const SLOTS: usize = 256;
/// Size in bytes of the largest response in a slot. Finding a larger one is a small part of sending it.
const MAX_SLOT_BYTES: usize = 16 << 10;
/// Fraction of the capacity, as a divisor, for the slots of all workers.
const SLOTS_SHARE: u64 = 16;
/// Uses of a slot before it is verified against the map.
const USES_BEFORE_VERIFY: u8 = 16;

/// The stored responses of one cache.
pub(crate) struct MemoryStore {
    /// Stores nothing: a look-up misses, and an update succeeds without effect.
    disabled: bool,
    map: BoundedMap<Key, Entry>,
    max_bytes: u64,
    id: u64,
    changes: AtomicU64,
    slot_budget: Arc<SlotBudget>,
}

/// The bytes that slots may take, and take.
struct SlotBudget {
    capacity: u64,
    used: AtomicU64,
}

/// A copy of one entry of a map.
struct Slot {
    store: u64,
    key: Key,
    entry: Entry,
    /// The counter of changes when the slot was verified last.
    changes: u64,
    /// Uses since then, which the entry does not count yet.
    uses: u8,
    weight: u64,
    budget: Arc<SlotBudget>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.entry.note_uses(self.uses);
        self.budget.used.fetch_sub(self.weight, Relaxed);
    }
}

/// A slot, and the hash of the last other key that was looked up there. A second look-up of that key,
/// without one of the slot's key in between, takes the slot.
#[derive(Default)]
struct WorkerEntry {
    slot: Option<Slot>,
    challenger: u64,
}

thread_local! {
    static TABLE: RefCell<Vec<WorkerEntry>> =
        RefCell::new((0..SLOTS).map(|_| WorkerEntry::default()).collect());
}

impl MemoryStore {
    pub(crate) fn new(capacity: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let slot_bytes = capacity / SLOTS_SHARE;
        Self {
            disabled: false,
            map: BoundedMap::new(capacity - slot_bytes),
            max_bytes: capacity,
            id: NEXT.fetch_add(1, Relaxed),
            changes: AtomicU64::new(0),
            slot_budget: Arc::new(SlotBudget {
                capacity: slot_bytes,
                used: AtomicU64::new(0),
            }),
        }
    }

    /// A store that stores nothing.
    pub(crate) fn disabled() -> Self {
        Self {
            disabled: true,
            ..Self::new(0)
        }
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled
    }

    pub(crate) fn get(&self, key: &KeyRef<'_>) -> Option<Entry> {
        if self.disabled {
            return None;
        }
        let hash = hash(key);
        TABLE
            .try_with(|table| {
                let mut table = table.try_borrow_mut().ok()?;
                Some(self.get_at(&mut table[slot_index(hash)], key, hash))
            })
            .ok()
            .flatten()
            // A thread that is being destroyed has no table.
            .unwrap_or_else(|| self.map.get(key))
    }

    /// Calls `with` with the response under `key`, if there is one.
    pub(crate) fn find(&self, key: &HashedKey, with: impl FnOnce(&StoredResponse)) {
        if self.disabled {
            return;
        }
        let find = |table: &RefCell<Vec<WorkerEntry>>| {
            let mut table = table.try_borrow_mut().ok()?;
            let entry = &mut table[slot_index(key.hash)];
            let (known, hash) = (key.key.borrowed(), key.hash);
            match self.get_from_slot(entry, &known) {
                Some(found) => with(found.response()?),
                None => with(self.get_from_map(entry, &known, hash)?.response()?),
            }
            Some(())
        };
        // A thread that is being destroyed has no table.
        let _ = TABLE.try_with(find);
    }

    fn get_at(&self, entry: &mut WorkerEntry, key: &KeyRef<'_>, hash: u64) -> Option<Entry> {
        match self.get_from_slot(entry, key) {
            Some(found) => Some(found.clone()),
            None => self.get_from_map(entry, key, hash),
        }
    }

    /// Returns the entry of the slot, where it is what the map has.
    fn get_from_slot<'e>(&self, entry: &'e mut WorkerEntry, key: &KeyRef<'_>) -> Option<&'e Entry> {
        // Before the map is read: a change in between then invalidates the slot.
        let changes = self.changes.load(Acquire);
        let slot = entry
            .slot
            .as_mut()
            .filter(|slot| slot.store == self.id && slot.key.borrowed() == *key)?;
        entry.challenger = 0;
        slot.uses += 1;
        if slot.changes != changes || slot.uses >= USES_BEFORE_VERIFY {
            if !self.map.get(key).is_some_and(|found| found.is(&slot.entry)) {
                entry.slot = None;
                return None;
            }
            slot.entry.note_uses(slot.uses);
            (slot.changes, slot.uses) = (changes, 0);
        }
        entry.slot.as_ref().map(|slot| &slot.entry)
    }

    /// Returns the entry of the map, and fills the slot at the second look-up.
    fn get_from_map(&self, entry: &mut WorkerEntry, key: &KeyRef<'_>, hash: u64) -> Option<Entry> {
        let changes = self.changes.load(Acquire);
        let found = self.map.get(key)?;
        found.note_uses(1);
        if entry.challenger != hash {
            entry.challenger = hash;
        } else if found.weight() < MAX_SLOT_BYTES {
            *entry = WorkerEntry::default();
            entry.slot = self.slot(key, &found, changes);
        }
        Some(found)
    }

    fn slot(&self, key: &KeyRef<'_>, entry: &Entry, changes: u64) -> Option<Slot> {
        let key = key.to_key();
        let weight = key.weight() + entry.weight();
        Some(Slot {
            store: self.id,
            key,
            entry: entry.clone(),
            changes,
            uses: 0,
            weight: self.slot_budget.take(weight as u64)?,
            budget: self.slot_budget.clone(),
        })
    }

    /// Replaces a value as [`BoundedMap::update`] does; no slot returns the old value afterwards.
    pub(crate) fn update(&self, key: Key, change: impl FnOnce(Option<&Entry>) -> Option<Entry>) {
        if self.disabled {
            change(None);
            return;
        }
        self.map.update(key, change);
        self.changed();
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.map.remove(key);
        self.changed();
    }

    /// Removes the entry of `key`, if it is the same allocation as `entry`.
    pub(crate) fn remove_same(&self, key: &Key, entry: &Entry) {
        self.map.remove_if(key.clone(), |found| found.is(entry));
        self.changed();
    }

    pub(crate) fn clear(&self) {
        self.map.clear();
        self.changed();
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Release);
    }

    /// Calls `with` for each entry of the map, in no order.
    #[cfg(any(test, feature = "admin"))]
    pub(crate) fn for_each(&self, with: impl FnMut(&Key, &Entry)) {
        self.map.for_each(with);
    }

    /// Returns the bytes that entries and slots may take.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.map.evictions()
    }

    /// Returns the number of entries and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.map.size()
    }
}

fn slot_index(hash: u64) -> usize {
    usize::try_from(hash % SLOTS as u64).unwrap_or_default()
}

impl SlotBudget {
    /// Takes `weight` bytes, or returns `None` where they exceed the budget.
    fn take(&self, weight: u64) -> Option<u64> {
        if self.used.fetch_add(weight, Relaxed) + weight > self.capacity {
            self.used.fetch_sub(weight, Relaxed);
            return None;
        }
        Some(weight)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

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
    evictions: Arc<AtomicU64>,
}

impl<K, V> BoundedMap<K, V>
where
    K: Hash + Eq + Clone + Weigh + Send + Sync + 'static,
    V: Clone + Weigh + Send + Sync + 'static,
{
    pub(crate) fn new(capacity: u64) -> Self {
        let evictions = Arc::<AtomicU64>::default();
        let evicted = evictions.clone();
        let map = Cache::builder()
            .max_capacity(capacity)
            .weigher(|key: &K, value: &V| {
                u32::try_from(key.weight() + value.weight() + OVERHEAD).unwrap_or(u32::MAX)
            })
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evicted.fetch_add(1, Relaxed);
                }
            })
            .build_with_hasher(RandomState::default());
        Self { map, evictions }
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

    /// Returns the number of values that were evicted, or not admitted, to make room.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
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

#[cfg(test)]
mod tests;
