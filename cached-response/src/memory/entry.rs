//! The value of a key in memory: a response, or the list of names that select a variant.

use crate::{
    entry::StoredResponse,
    key::{Field, Key, KeyRef, KeyWriter, vary::Selector},
    memory::map::Weigh,
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Variants of one key; a further one evicts the least recently used.
const MAX_VARIANTS: usize = 64;

/// Names in one list, over all runs.
const MAX_NAMES: usize = 32;

/// The value of a key.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Response(Arc<StoredResponse>),
    Varies(Arc<VaryList>),
}

impl Entry {
    /// The response, where there are no variants.
    pub(crate) fn response(&self) -> Option<&StoredResponse> {
        match self {
            Self::Response(stored) => Some(stored),
            Self::Varies(_) => None,
        }
    }

    /// Counts look-ups that found it.
    pub(crate) fn note_uses(&self, uses: u8) {
        if let Self::Response(stored) = self {
            stored.uses.fetch_add(uses.into(), Relaxed);
        }
    }

    /// Returns true for the same allocation; an equal value is not enough.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Response(one), Self::Response(other)) => Arc::ptr_eq(one, other),
            (Self::Varies(one), Self::Varies(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Weigh for Entry {
    fn weight(&self) -> usize {
        match self {
            Self::Response(stored) => stored.weight(),
            Self::Varies(list) => {
                size_of::<VaryList>()
                    + list.names.len() * size_of::<Selector>()
                    + MAX_VARIANTS * HeldVariant::WEIGHT
            }
        }
    }
}

impl Weigh for Key {
    fn weight(&self) -> usize {
        self.as_bytes().len()
    }
}

/// The names that select a variant of one key.
#[derive(Debug)]
pub(crate) struct VaryList {
    id: u64,
    /// Seed of the hash of the values in a variant's key, so that clients cannot choose collisions.
    seed: RandomState,
    pub(crate) names: Vec<Selector>,
    held: Arc<HeldVariants>,
}

/// The stored variants, for eviction.
#[derive(Debug, Default)]
struct HeldVariants {
    /// Number of variants stored so far: the clock of last uses. It is constant while nothing is stored,
    /// so that a hit need not write.
    now: AtomicU64,
    /// Oldest first.
    variants: Mutex<Vec<HeldVariant>>,
}

/// A stored variant, by the hash of its values.
#[derive(Debug)]
struct HeldVariant {
    hash: u64,
    used: LastUse,
}

impl HeldVariant {
    /// Bytes of a held variant, including the allocation of its last use.
    const WEIGHT: usize = size_of::<Self>() + 3 * size_of::<u64>();
}

/// The last use of a variant on the clock of its list; shared with the stored response.
pub(crate) type LastUse = Arc<AtomicU64>;

impl VaryList {
    pub(crate) fn new(names: Vec<Selector>) -> Self {
        let seed = RandomState::new();
        Self {
            id: seed.hash_one(()),
            seed,
            names,
            held: Arc::default(),
        }
    }

    /// Returns true where the list has room for these names, too. The limit bounds a handler that reads
    /// names which clients choose.
    pub(crate) fn has_room(&self, more: &[Selector]) -> bool {
        let added = more.iter().filter(|name| !self.names.contains(name));
        self.names.len() + added.count() <= MAX_NAMES
    }

    /// Returns the list with more names, or `None` where it has them all.
    pub(crate) fn with(&self, more: &[Selector]) -> Option<Self> {
        let added: Vec<_> = more
            .iter()
            .filter(|name| !self.names.contains(name))
            .cloned()
            .collect();
        (!added.is_empty()).then(|| Self {
            id: self.id,
            seed: self.seed.clone(),
            names: self.names.iter().cloned().chain(added).collect(),
            held: self.held.clone(),
        })
    }

    /// Hashes the values of a request for the key of their variant. The response has the values
    /// themselves, and they are compared there.
    pub(crate) fn hash(&self, values: &[u8]) -> u64 {
        self.seed.hash_one(values)
    }

    /// Completes a key with the id of the list and the hash of the values.
    pub(crate) fn select(&self, hash: u64, key: &mut KeyWriter) {
        key.field(Field::VariantList, &self.id.to_le_bytes());
        key.field(Field::Selector, &hash.to_le_bytes());
    }

    /// The key of one of the variants of `key`.
    pub(crate) fn variant(&self, key: &Key, hash: u64) -> Key {
        let mut writer = KeyWriter::resume(key.as_bytes());
        self.select(hash, &mut writer);
        KeyRef::new(key.handler(), writer.as_bytes()).to_key()
    }

    /// Records a use of a stored variant.
    pub(crate) fn note_use(&self, stored: &StoredResponse) {
        let now = self.held.now.load(Relaxed);
        if let Some(used) = &stored.last_used
            && used.load(Relaxed) != now
        {
            used.store(now, Relaxed);
        }
    }

    /// The last use of the variant with this hash, which may be about to be stored.
    pub(crate) fn last_use(&self, hash: u64) -> LastUse {
        let held = self.held.variants.lock();
        let held = held.unwrap_or_else(PoisonError::into_inner);
        let known = held.iter().find(|held| held.hash == hash);
        known.map_or_else(LastUse::default, |held| held.used.clone())
    }

    /// Registers a stored variant. Returns the hash of the variant to evict, the least recently used,
    /// where there are too many.
    pub(crate) fn hold(&self, hash: u64, used: LastUse) -> Option<u64> {
        let held = self.held.variants.lock();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        let now = self.held.now.fetch_add(1, Relaxed) + 1;
        used.store(now, Relaxed);
        if let Some(known) = held.iter_mut().find(|held| held.hash == hash) {
            known.used = used;
            return None;
        }
        held.push(HeldVariant { hash, used });
        if held.len() <= MAX_VARIANTS {
            return None;
        }
        let variants = held.iter().enumerate();
        let (least, _) = variants.min_by_key(|(_, held)| held.used.load(Relaxed))?;
        Some(held.remove(least).hash)
    }
}
