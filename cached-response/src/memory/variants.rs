//! Variants (RFC 9111 §4.1): a response is stored under its key, or as a variant behind a list of
//! names.
//!
//! Names that only a run reveals (the response's `Vary`, the fields that the handler read through
//! `TrackedRequest`) make a list that is stored under the key; their values select the variant. The
//! random id of the list is part of the key of each variant, so removing the list removes all of them.
//! Names are only added.

use crate::{
    entry::StoredResponse,
    http::{content_coding, fields::lines},
    key::{
        Field, Key, KeyRef, KeyWriter,
        vary::{self, Selector, Variant},
    },
    memory::{MemoryStore, Weigh},
    util::sync::lock,
};
use actix_web::{HttpRequest, http::header};
use std::{
    any::TypeId,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Finds the response that `request` selects under the key in `key`; completes the key with the
/// variant's fields where there is a list.
pub(crate) fn find(
    memory: &MemoryStore,
    handler: TypeId,
    key: &mut KeyWriter,
    request: &HttpRequest,
) -> Found {
    match memory.get(&KeyRef::new(handler, key.as_bytes())) {
        Some(Entry::Response(stored)) if is_tried(&stored, request) => Found::Response(stored),
        Some(Entry::Response(_)) => Found::NoVariant,
        None => Found::Nothing,
        Some(Entry::Varies(list)) => {
            let values = vary::values(&list.names, request);
            list.select(list.hash(&values), key);
            match memory.get(&KeyRef::new(handler, key.as_bytes())) {
                Some(Entry::Response(stored))
                    if is_variant(&stored, &list.names, &values) && is_tried(&stored, request) =>
                {
                    list.note_use(&stored);
                    Found::Response(stored)
                }
                _ => Found::NoVariant,
            }
        }
    }
}

/// The result of a look-up.
#[derive(Debug)]
pub(crate) enum Found {
    Response(Arc<StoredResponse>),
    NoVariant,
    Nothing,
}

/// Returns true where the response was computed with these values.
fn is_variant(stored: &StoredResponse, names: &[Selector], values: &[u8]) -> bool {
    let variant = stored.variant.as_ref();
    variant.is_some_and(|variant| *variant.values == *values && variant.names == names)
}

/// Returns true where `request` has the values that the response was computed with, and accepts no coding
/// that was not tried.
pub(crate) fn is_selected(stored: &StoredResponse, request: &HttpRequest) -> bool {
    let variant = stored.variant.as_ref();
    variant.is_none_or(|variant| vary::values(&variant.names, request) == variant.values)
        && is_tried(stored, request)
}

/// Returns false where the client of `request` takes a coding that the response could have come in, and
/// has not, because the one it was made for does not take it.
#[inline]
pub(crate) fn is_tried(stored: &StoredResponse, request: &HttpRequest) -> bool {
    stored.codings.is_all()
        || stored.codings.covers(content_coding::accepted(lines(
            request.headers(),
            &header::ACCEPT_ENCODING,
        )))
}

/// Stores a response under `key`, behind a list where it or an earlier one depends on `names`.
/// Nothing is stored where a run that started later has stored a response already.
pub(crate) fn store(
    memory: &MemoryStore,
    key: &Key,
    request: &HttpRequest,
    names: &[Selector],
    mut response: StoredResponse,
) -> StoreOutcome {
    let list = match list(memory, key, names, &response) {
        Placement::Key => return put(memory, key.clone(), response),
        Placement::Superseded => {
            response.variant = Some(variant(names, request));
            return StoreOutcome::Superseded(Arc::new(response));
        }
        Placement::Behind(list) => list,
    };
    let variant = variant(&list.names, request);
    let hash = list.hash(&variant.values);
    let used = list.last_use(hash);
    response.variant = Some(variant);
    response.last_used = Some(used.clone());
    let put = put(memory, list.variant(key, hash), response);
    if let StoreOutcome::Stored(_) = put
        && let Some(least) = list.hold(hash, used)
    {
        memory.remove(&list.variant(key, least));
    }
    put
}

/// Returns true where `names` include every name that selects a variant of `key`. Another process may
/// know of fewer, and its response would be reused for all values.
pub(crate) fn names_suffice(memory: &MemoryStore, key: &Key, names: &[Selector]) -> bool {
    match memory.get(&key.borrowed()) {
        Some(Entry::Varies(list)) => list.names.iter().all(|name| names.contains(name)),
        Some(Entry::Response(_)) | None => true,
    }
}

/// Removes `stored` from under its complete `key`, unless it has been replaced.
pub(crate) fn remove(memory: &MemoryStore, key: &Key, stored: &Arc<StoredResponse>) {
    memory.remove_same(key, &Entry::Response(stored.clone()));
}

/// The result of storing a response.
pub(crate) enum StoreOutcome {
    Stored(Arc<StoredResponse>),
    /// A run that started later has stored its response; the waiters of this run may use this one.
    Superseded(Arc<StoredResponse>),
}

fn variant(names: &[Selector], request: &HttpRequest) -> Variant {
    Variant {
        values: vary::values(names, request),
        names: names.to_vec(),
    }
}

/// The placement of a response.
enum Placement {
    /// Directly under its key.
    Key,
    /// A variant behind this list.
    Behind(Arc<VaryList>),
    /// Nowhere: a run that started later has stored its response.
    Superseded,
}

fn list(
    memory: &MemoryStore,
    key: &Key,
    names: &[Selector],
    response: &StoredResponse,
) -> Placement {
    let mut placement = Placement::Key;
    memory.update(key.clone(), |found| {
        let (kept, change) = match found {
            Some(Entry::Varies(list)) if list.has_room(names) => {
                match list.with(names).map(Arc::new) {
                    Some(longer) => (
                        Placement::Behind(longer.clone()),
                        Some(Entry::Varies(longer)),
                    ),
                    None => (Placement::Behind(list.clone()), None),
                }
            }
            _ if names.is_empty() => (Placement::Key, None),
            Some(Entry::Response(later)) if later.outranks(response) => {
                (Placement::Superseded, None)
            }
            // Also where the list is full: its names may never occur again.
            _ => {
                let list = Arc::new(VaryList::new(names.to_vec()));
                (Placement::Behind(list.clone()), Some(Entry::Varies(list)))
            }
        };
        placement = kept;
        change
    });
    placement
}

/// Stores the response under `key`, unless a run that started later has done so.
pub(crate) fn put(memory: &MemoryStore, key: Key, response: StoredResponse) -> StoreOutcome {
    let response = Arc::new(response);
    let mut stored = false;
    memory.update(key, |found| match found {
        Some(Entry::Response(later)) if later.outranks(&response) => None,
        // Another run has added names meanwhile, which select a variant.
        Some(Entry::Varies(_)) => None,
        _ => {
            stored = true;
            Some(Entry::Response(response.clone()))
        }
    });
    if stored {
        StoreOutcome::Stored(response)
    } else {
        StoreOutcome::Superseded(response)
    }
}

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
        let held = lock(&self.held.variants);
        let known = held.iter().find(|held| held.hash == hash);
        known.map_or_else(LastUse::default, |held| held.used.clone())
    }

    /// Registers a stored variant. Returns the hash of the variant to evict, the least recently used,
    /// where there are too many.
    pub(crate) fn hold(&self, hash: u64, used: LastUse) -> Option<u64> {
        let mut held = lock(&self.held.variants);
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

#[cfg(test)]
mod tests;
