//! The shelf that responses lie on: the map, and in front of it a small table of each worker's
//! own, so that the hottest responses are found without meeting other workers.
//!
//! A place in the table is good for as long as nothing has changed in the map. Whoever changes
//! the map counts up before it goes on, and the count is read before the map is: so no place
//! outlives what it was copied from, and what was replaced or removed is never found again. What
//! the map evicts by itself is noticed when the place asks the map again, as it does now and then,
//! also to let the map know what is hot. Deadlines, generations and variants are compared on every
//! read, wherever it was found.

pub(crate) mod entry;
pub(crate) mod map;
pub(crate) mod variants;

use crate::{
    entry::StoredResponse,
    key::{Key, KeyRef},
    memory::{
        entry::Entry,
        map::{BoundedMap, Weigh},
    },
};
use foldhash::fast::RandomState;
use std::{
    cell::RefCell,
    fmt,
    hash::BuildHasher,
    sync::{
        Arc, LazyLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// Places of one worker.
const PLACES: usize = 256;
/// What weighs more is left to the map: to find it is little of what it costs to send.
const HEAVIEST: usize = 16 << 10;
/// The places of all workers may hold one part in so many of the capacity.
const SHARE: u64 = 16;
/// The map is asked again after so many uses of a place.
const USES: u8 = 16;

/// The stored responses of one cache.
pub(crate) struct MemoryStore {
    /// Nothing lies on it: whoever looks finds nothing, and whoever stores is told that all is well.
    empty: bool,
    map: BoundedMap<Key, Entry>,
    id: u64,
    changes: AtomicU64,
    room: Arc<Room>,
}

/// The bytes that places may hold, and hold.
struct Room {
    capacity: u64,
    taken: AtomicU64,
}

/// One response at hand.
struct Place {
    shelf: u64,
    key: Key,
    slot: Entry,
    /// The count of changes when the map was asked last.
    changes: u64,
    uses: u8,
    weight: u64,
    room: Arc<Room>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.weight, Relaxed);
    }
}

/// A place, and the hash of who has asked for it once since its key was last asked for: who asks
/// twice gets it.
#[derive(Default)]
struct WorkerEntry {
    place: Option<Place>,
    challenger: u64,
}

thread_local! {
    static TABLE: RefCell<Vec<WorkerEntry>> =
        RefCell::new((0..PLACES).map(|_| WorkerEntry::default()).collect());
}

impl MemoryStore {
    pub(crate) fn new(capacity: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let room = capacity / SHARE;
        Self {
            empty: false,
            map: BoundedMap::new(capacity - room),
            id: NEXT.fetch_add(1, Relaxed),
            changes: AtomicU64::new(0),
            room: Arc::new(Room {
                capacity: room,
                taken: AtomicU64::new(0),
            }),
        }
    }

    /// One on which nothing is kept.
    pub(crate) fn nowhere() -> Self {
        Self {
            empty: true,
            ..Self::new(0)
        }
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        self.empty
    }

    pub(crate) fn get(&self, key: &KeyRef<'_>) -> Option<Entry> {
        if self.empty {
            return None;
        }
        let hash = hash(key);
        TABLE
            .try_with(|table| {
                let mut table = table.try_borrow_mut().ok()?;
                Some(self.get_at(&mut table[at(hash)], key, hash))
            })
            .ok()
            .flatten()
            // A thread that ends has no table any more.
            .unwrap_or_else(|| self.map.get(key))
    }

    /// Calls `with` with the response under `key`, if there is one.
    pub(crate) fn find(&self, key: &Hashed, with: impl FnOnce(&StoredResponse)) {
        if self.empty {
            return;
        }
        let find = |table: &RefCell<Vec<WorkerEntry>>| {
            let mut table = table.try_borrow_mut().ok()?;
            let entry = &mut table[at(key.hash)];
            let (known, hash) = (key.key.borrowed(), key.hash);
            match self.at_hand(entry, &known) {
                Some(slot) => with(slot.response()?),
                None => with(self.ask(entry, &known, hash)?.response()?),
            }
            Some(())
        };
        // A thread that ends has no table any more.
        let _ = TABLE.try_with(find);
    }

    fn get_at(&self, entry: &mut WorkerEntry, key: &KeyRef<'_>, hash: u64) -> Option<Entry> {
        match self.at_hand(entry, key) {
            Some(slot) => Some(slot.clone()),
            None => self.ask(entry, key, hash),
        }
    }

    /// What has a place, and is what the map has. It is asked where that is not known.
    fn at_hand<'e>(&self, entry: &'e mut WorkerEntry, key: &KeyRef<'_>) -> Option<&'e Entry> {
        // Before the map is asked: a change in between makes the place a bad one at once.
        let changes = self.changes.load(Acquire);
        let place = entry
            .place
            .as_mut()
            .filter(|place| place.shelf == self.id && place.key.borrowed() == *key)?;
        entry.challenger = 0;
        place.uses += 1;
        if place.changes != changes || place.uses >= USES {
            if !self.map.get(key).is_some_and(|slot| slot.is(&place.slot)) {
                entry.place = None;
                return None;
            }
            (place.changes, place.uses) = (changes, 0);
        }
        entry.place.as_ref().map(|place| &place.slot)
    }

    /// What the map has; it gets a place where it was asked for before.
    fn ask(&self, entry: &mut WorkerEntry, key: &KeyRef<'_>, hash: u64) -> Option<Entry> {
        let changes = self.changes.load(Acquire);
        let found = self.map.get(key)?;
        if entry.challenger != hash {
            entry.challenger = hash;
        } else if found.weight() < HEAVIEST {
            *entry = WorkerEntry::default();
            entry.place = self.place(key, &found, changes);
        }
        Some(found)
    }

    fn place(&self, key: &KeyRef<'_>, slot: &Entry, changes: u64) -> Option<Place> {
        let key = key.to_key();
        let weight = key.weight() + slot.weight();
        Some(Place {
            shelf: self.id,
            key,
            slot: slot.clone(),
            changes,
            uses: 0,
            weight: self.room.take(weight as u64)?,
            room: self.room.clone(),
        })
    }

    /// As [`BoundedMap::update`]; no place has the old value once this is over.
    pub(crate) fn update(&self, key: Key, change: impl FnOnce(Option<&Entry>) -> Option<Entry>) {
        if self.empty {
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

    /// Removes what lies under `key`, if it is the very same as `slot`.
    pub(crate) fn remove_same(&self, key: &Key, slot: &Entry) {
        self.map.remove_if(key.clone(), |found| found.is(slot));
        self.changed();
    }

    pub(crate) fn clear(&self) {
        self.map.clear();
        self.changed();
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Release);
    }

    /// Everything that the map has.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<(Key, Entry)> {
        self.map.all()
    }

    /// How many entries there are and what they weigh.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.map.size()
    }
}

/// A key, and what finds its place.
pub(crate) struct Hashed {
    key: Key,
    hash: u64,
}

impl Hashed {
    pub(crate) fn new(key: &KeyRef<'_>) -> Self {
        Self {
            key: key.to_key(),
            hash: hash(key),
        }
    }
}

fn hash(key: &KeyRef<'_>) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    HASHER.hash_one(key)
}

fn at(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

impl Room {
    fn take(&self, weight: u64) -> Option<u64> {
        if self.taken.fetch_add(weight, Relaxed) + weight > self.capacity {
            self.taken.fetch_sub(weight, Relaxed);
            return None;
        }
        Some(weight)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
