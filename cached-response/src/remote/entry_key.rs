//! Names in the remote store that belong to one key, of the entry and of its variants, and two caches: of
//! the names that a worker has made, and of the decoded head of the entry that was last read under a key.

use crate::{
    entry::{
        StoredResponse,
        codec::{self, Decoded, NameList, head::KnownHead},
    },
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
        nonce::Nonce,
    },
    key::vary::{self, Selector, Variant},
    remote::names::{FullDigest, Namespace},
    route::Route,
    store::{Store, StoreError},
    util::{
        WorkerCache, has_weak_hashes,
        sync::{Mutex, lock},
        weak_hash,
    },
};
use actix_web::{HttpRequest, web::Bytes};
use foldhash::fast::RandomState;
use std::{
    cell::RefCell,
    hash::BuildHasher,
    sync::{Arc, LazyLock},
    time::Duration,
};

/// Names of an entry and of its companions: the nonces that it depends on, and the lease on its run.
#[derive(Debug)]
pub(crate) struct RemoteKey {
    /// Compared with the key of the entry on every read.
    pub(crate) full_key: Vec<u8>,
    pub(crate) name: String,
    path: String,
    /// Names of the nonces, then that of the lease.
    companions: Vec<String>,
    /// Maximum number of bytes that are read of the entry.
    pub(crate) max_bytes: usize,
    /// Latest snapshot of the generations of this process for this key.
    snapshot: Mutex<Option<Snapshot>>,
    head: HeadCache,
}

/// Bound on the head of an entry that is read.
const MAX_HEAD_BYTES: usize = 64 << 10;

impl RemoteKey {
    /// Creates the names for the key of a request or a value; `None` if its tags are invalid, so that
    /// nothing is stored for it.
    pub(crate) fn of(
        namespace: &Namespace,
        route: &Route,
        key: &[u8],
        target: Target<'_>,
        max_body_bytes: usize,
    ) -> Option<Self> {
        let tags = target.tags().ok()?;
        let route_tags = target.route_tags();
        let tags = route_tags.iter().chain(tags.iter());
        let tags = tags.map(|tag| namespace.tag(tag));
        let full_key = namespace.full_key(route.identity(), key);
        let digest = FullDigest::of(&full_key);
        let (path, mut companions) = match target {
            Target::Response { query, request, .. } => (
                request.uri().path(),
                namespace.of_target(query, request.uri()),
            ),
            Target::Value(_) => ("value", vec![namespace.all()]),
        };
        companions.extend(tags);
        companions.push(namespace.lease(&digest));
        Some(Self {
            name: namespace.response(path, &digest),
            path: path.to_owned(),
            max_bytes: max_body_bytes.saturating_add(MAX_HEAD_BYTES + 2 * full_key.len()),
            snapshot: Mutex::default(),
            head: HeadCache::default(),
            full_key,
            companions,
        })
    }

    /// Returns the names that are read together with the entry: the nonces, then the lease.
    pub(crate) fn companions(&self) -> &[String] {
        &self.companions
    }

    /// Returns the names of the nonces that are known from the request: all, path, URL, prefixes, the
    /// route, and its tags.
    pub(crate) fn nonce_names(&self) -> &[String] {
        let (_, nonces) = self.companions.split_last().unwrap_or((&self.name, &[]));
        nonces
    }

    pub(crate) fn lease_name(&self) -> &str {
        self.companions.last().unwrap_or(&self.name)
    }

    /// Returns a snapshot of the generations of this process for the target.
    pub(crate) fn snapshot(&self, generations: &Generations, target: Target<'_>) -> Snapshot {
        let mut latest = lock(&self.snapshot);
        match &mut *latest {
            Some(latest) => {
                if latest.validity() != Validity::Current {
                    *latest = latest.again();
                }
                latest.clone()
            }
            none => none.insert(generations.snapshot(target)).clone(),
        }
    }

    /// Decodes a frame that was read under this key.
    pub(crate) fn decode(&self, frame: &Bytes) -> Option<Decoded> {
        self.head.decode(&self.full_key, frame)
    }

    /// Returns whether a response with this head may be stored. `judge` runs unless its verdict on the
    /// same head is known; it must depend on the head alone.
    pub(crate) fn permits(&self, stored: &StoredResponse, judge: impl FnOnce() -> bool) -> bool {
        self.head.permits(stored, judge)
    }

    /// Creates the key of one variant under the list of names that is stored under this key.
    pub(crate) fn variant(&self, namespace: &Namespace, list: &Nonce, variant: &Variant) -> Self {
        let mut full_key = self.full_key.clone();
        for part in [list.as_bytes(), &variant.values] {
            full_key.extend((part.len() as u64).to_be_bytes());
            full_key.extend(part);
        }
        let digest = FullDigest::of(&full_key);
        let mut companions = self.nonce_names().to_vec();
        companions.push(namespace.lease(&digest));
        Self {
            name: namespace.response(&self.path, &digest),
            path: self.path.clone(),
            max_bytes: self.max_bytes,
            snapshot: Mutex::default(),
            head: HeadCache::default(),
            full_key,
            companions,
        }
    }
}

/// Head of the last frame and the response that was decoded from it: most entries that are read again
/// have not changed. The bytes of every frame are compared.
#[derive(Debug, Default)]
struct HeadCache(Mutex<CachedHead>);

#[derive(Debug, Default)]
enum CachedHead {
    #[default]
    Empty,
    /// One frame was read. Its head is not kept before a second one is read.
    ReadOnce,
    /// Head, and the verdict on it where it was judged.
    Known(Box<KnownHead>, Option<bool>),
}

impl HeadCache {
    /// Decodes a frame.
    fn decode(&self, full_key: &[u8], frame: &Bytes) -> Option<Decoded> {
        let mut state = lock(&self.0);
        if let CachedHead::Known(head, _) = &*state
            && let Some(decoded) = head.read(frame)
        {
            return Some(decoded);
        }
        let decoded = codec::read(full_key, frame)?;
        *state = match (&*state, &decoded) {
            (CachedHead::Empty, _) | (_, Decoded::Names(_)) => CachedHead::ReadOnce,
            _ => KnownHead::of(full_key, frame).map_or(CachedHead::ReadOnce, |head| {
                CachedHead::Known(Box::new(head), None)
            }),
        };
        Some(decoded)
    }

    /// Returns the verdict of `judge` on a response, from memory if it was given on the same head.
    fn permits(&self, stored: &StoredResponse, judge: impl FnOnce() -> bool) -> bool {
        let mut state = lock(&self.0);
        match &mut *state {
            CachedHead::Known(head, verdict) if head.is_of(stored) => {
                *verdict.get_or_insert_with(judge)
            }
            _ => {
                drop(state);
                judge()
            }
        }
    }
}

/// Maximum number of names by which a variant is selected.
const MAX_NAMES: usize = 32;

/// List and variant under which a response is written.
pub(crate) struct VaryTarget {
    /// List that was stored before the run.
    before_run: Option<NameList>,
    list: NameList,
    pub(crate) variant: Variant,
}

impl VaryTarget {
    /// Selects the variant of a response with these names: by the list that is known, extended by the
    /// names that it lacks.
    pub(crate) fn new(known: Option<&NameList>, names: &[Selector], request: &HttpRequest) -> Self {
        let mut list = NameList {
            id: Nonce::random(),
            names: Vec::new(),
        };
        if let Some(known) = known {
            let added = names.iter().filter(|name| !known.names.contains(name));
            if known.names.len() + added.count() <= MAX_NAMES {
                list = known.clone();
            }
        }
        for name in names {
            if !list.names.contains(name) {
                list.names.push(name.clone());
            }
        }
        let variant = Variant {
            values: vary::values(&list.names, request),
            names: list.names.clone(),
        };
        Self {
            before_run: known.cloned(),
            list,
            variant,
        }
    }

    /// Returns the list to write under, given the one that is `stored` now; `None` if another process
    /// has meanwhile stored one by which the variant cannot be selected.
    pub(crate) fn agreed(&self, stored: Option<&NameList>) -> Option<NameList> {
        let names = self.list.names.clone();
        match (stored, &self.before_run) {
            // A new id: the variants of a list that was deleted must not reappear.
            (None, _) => Some(NameList {
                id: Nonce::random(),
                names,
            }),
            (Some(stored), Some(before)) if stored == before => Some(self.list.clone()),
            (Some(stored), _) if names.starts_with(&stored.names) => Some(NameList {
                id: stored.id,
                names,
            }),
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(self.list.clone()),
        }
    }
}

/// Reads the list that is stored under a key, and its remaining lifetime.
pub(crate) async fn stored_list(
    store: &dyn Store,
    key: &RemoteKey,
) -> Result<Option<(NameList, Duration)>, StoreError> {
    let Some(value) = store.get(&key.name, key.max_bytes).await? else {
        return Ok(None);
    };
    Ok(match codec::read(&key.full_key, &value.bytes) {
        Some(Decoded::Names(list)) => Some((list, value.left)),
        _ => None,
    })
}

/// Sets of a worker's cache of keys. With one way, two popular pages of one set would evict each other
/// in turn.
const SETS: usize = 256;
const WAYS: usize = 4;
/// Bound on the keys and targets that are cached.
const MAX_CACHED_BYTES: usize = 512;

/// Cached key, and the inputs that it depends on.
struct CachedKey {
    tier: u64,
    route: u64,
    key: Box<[u8]>,
    target: Box<str>,
    /// Applications may route one target differently.
    pattern: Option<String>,
    remote_key: Arc<RemoteKey>,
}

thread_local! {
    /// Keys that are requested again and again: a key has many names and digests, which depend on the
    /// request's key, target and route alone.
    static CACHE: RefCell<WorkerCache<CachedKey, SETS, WAYS>> = RefCell::new(WorkerCache::new());
}

/// Inputs of a remote key: the tier, the route, the request's key and its target.
pub(crate) type KeyInputs<'a> = (u64, &'a Route, &'a [u8], Target<'a>);

/// Returns the cached key for these inputs, or the one that `make` creates; and whether it was created.
pub(crate) fn cached(
    inputs: KeyInputs<'_>,
    make: impl FnOnce() -> Option<RemoteKey>,
) -> Option<(Arc<RemoteKey>, bool)> {
    let (tier, route, key, target) = inputs;
    let Some((request, target)) = cacheable_target(target, key) else {
        return Some((Arc::new(make()?), true));
    };
    let pattern = request.match_pattern();
    let hash = hash(tier, route.id, key);
    let found = CACHE.try_with(|cache| {
        let cache = cache.try_borrow().ok()?;
        let cached = cache.find(hash, |cached| {
            cached.tier == tier
                && cached.route == route.id
                && *cached.key == *key
                && *cached.target == *target
                && cached.pattern == pattern
        })?;
        Some(Arc::clone(&cached.remote_key))
    });
    // The cache is gone while its thread ends.
    if let Ok(Some(remote_key)) = found {
        return Some((remote_key, false));
    }
    let remote_key = Arc::new(make()?);
    let _ = CACHE.try_with(|cache| {
        cache.try_borrow_mut().ok()?.admit(hash, || CachedKey {
            tier,
            route: route.id,
            key: key.into(),
            target: target.into(),
            pattern,
            remote_key: Arc::clone(&remote_key),
        });
        Some(())
    });
    Some((remote_key, true))
}

/// Returns the request and its target if the remote key depends on that, the request's key and its route
/// alone: the tags of a route may depend on anything.
fn cacheable_target<'a>(target: Target<'a>, key: &[u8]) -> Option<(&'a HttpRequest, &'a str)> {
    let Target::Response { tags, request, .. } = target else {
        return None;
    };
    let target = request.uri().path_and_query()?.as_str();
    let is_short = key.len() <= MAX_CACHED_BYTES && target.len() <= MAX_CACHED_BYTES;
    (is_short && tags.is_empty()).then_some((request, target))
}

fn hash(tier: u64, route: u64, key: &[u8]) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if has_weak_hashes() {
        return weak_hash(key).into();
    }
    HASHER.hash_one((tier, route, key))
}

#[cfg(test)]
mod tests;
