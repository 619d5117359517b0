//! What lies under a key: a response, or the names that select one of several.

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

/// The most variants that one key may have; more are evicted among themselves.
const MOST_VARIANTS: usize = 64;

/// The most names that select a variant, over all runs.
const LONGEST_LIST: usize = 32;

/// What lies under a key.
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

    /// Whether it is the very same, and not only equal.
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
                    + MOST_VARIANTS * HeldVariant::WEIGHT
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
    /// Of the values in a variant's key: nobody can choose some that meet.
    seed: RandomState,
    pub(crate) names: Vec<Selector>,
    held: Arc<HeldVariants>,
}

/// The variants that were stored.
#[derive(Debug, Default)]
struct HeldVariants {
    /// The number of variants stored so far: the time by which uses are compared. It stands still
    /// while nothing is stored, so that a hit has nothing to write.
    now: AtomicU64,
    /// Oldest first.
    variants: Mutex<Vec<HeldVariant>>,
}

/// One variant, by the hash of its values.
#[derive(Debug)]
struct HeldVariant {
    hash: u64,
    used: LastUse,
}

impl HeldVariant {
    /// With the allocation of its last use.
    const WEIGHT: usize = size_of::<Self>() + 3 * size_of::<u64>();
}

/// When a variant was used last, in variants stored since; shared with its stored response.
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

    /// Whether it may hold these, too: a handler that reads names which clients choose would let it
    /// grow without end.
    pub(crate) fn has_room(&self, more: &[Selector]) -> bool {
        let added = more.iter().filter(|name| !self.names.contains(name));
        self.names.len() + added.count() <= LONGEST_LIST
    }

    /// This list with more names, or `None` where it has them all.
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

    /// What stands for a request's values in the key of their variant. The values themselves are
    /// with the response, and compared there: however long, they are held once.
    pub(crate) fn hash(&self, values: &[u8]) -> u64 {
        self.seed.hash_one(values)
    }

    /// Completes a key with this list's id and what stands for the values.
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

    /// Notes that a stored variant is used now.
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

    /// Takes a place for a variant, and returns the one that must make room for it: the least
    /// recently used.
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
        if held.len() <= MOST_VARIANTS {
            return None;
        }
        let variants = held.iter().enumerate();
        let (least, _) = variants.min_by_key(|(_, held)| held.used.load(Relaxed))?;
        Some(held.remove(least).hash)
    }
}
