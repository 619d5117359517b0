//! The sets of `Data<T>` values that one handler receives: part of the key where there are several.
//!
//! Two guarded scopes, or two apps, may give one handler `Data` of one type and different content.
//! A value is identified by the address of its `Arc`. Each thread that has seen an address holds a
//! weak reference to it, so that no other allocation can have it while it is known; a set of
//! addresses that no thread holds is removed, and its id is never reused.

use crate::{
    key::{Field, KeyWriter},
    metrics::event::TARGET,
    route::{FindData, PinnedData, Route, SeenData},
    util::sync::lock,
};
use actix_web::HttpRequest;
use foldhash::fast::RandomState;
use std::{
    any::TypeId,
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// Sets of one handler; requests with a further one bypass the cache.
const MAX_SETS: usize = 64;

/// The set of `Data<T>` values of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataSet {
    /// Part of the key, unless it is the first set of this handler.
    id: Option<u64>,
    /// Another set is in use, too. A remote store cannot distinguish the two.
    pub(crate) conflicts: bool,
}

impl DataSet {
    /// Bytes that the set adds to a key.
    const FIELD_BYTES: usize = 2 + size_of::<u64>();

    /// Returns true where the set is not part of the key.
    pub(crate) fn is_unwritten(self) -> bool {
        self.id.is_none()
    }

    /// Appends the set to a key.
    pub(crate) fn write(self, key: &mut KeyWriter) {
        if let Some(id) = self.id {
            key.field(Field::Data, &id.to_le_bytes());
        }
    }

    /// The key without the set, whose id is local to this process.
    pub(crate) fn portable(self, key: &[u8]) -> &[u8] {
        let written = if self.id.is_some() {
            Self::FIELD_BYTES
        } else {
            0
        };
        &key[..key.len() - written]
    }
}

/// The sets of all handlers of one cache.
pub(crate) struct DataSets {
    id: u64,
    has_remote_store: bool,
    handlers: Mutex<HashMap<TypeId, Arc<HandlerSets>>>,
}

/// The sets of one handler.
#[derive(Debug)]
struct HandlerSets {
    has_remote_store: bool,
    conflict: AtomicBool,
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    next: u64,
    known: Vec<KnownSet>,
}

/// A set whose addresses are pinned.
#[derive(Debug)]
struct KnownSet {
    addresses: Box<[usize]>,
    id: u64,
    /// Threads that pin it.
    holders: usize,
}

/// A set that this thread pins.
struct PinnedSet {
    addresses: Box<[usize]>,
    id: u64,
    handler: Arc<HandlerSets>,
    pins: Vec<Box<dyn PinnedData>>,
}

impl Drop for PinnedSet {
    fn drop(&mut self) {
        // Before the pins are dropped and the addresses may be reused.
        self.handler.release(self.id);
    }
}

/// The sets that this thread pins.
#[derive(Default)]
struct PinnedSets {
    by_handler: HashMap<(u64, TypeId), Vec<PinnedSet>, RandomState>,
    /// Buffer for the addresses of one request.
    seen: SeenData,
    /// Number of handlers at which all of them are swept.
    sweep_at: usize,
}

thread_local! {
    static PINNED: RefCell<PinnedSets> = RefCell::default();
}

impl DataSets {
    pub(crate) fn new(has_remote_store: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            has_remote_store,
            handlers: Mutex::default(),
        }
    }

    /// The set of values that `request` gives the handler. `None` where the handler has too many sets.
    #[inline]
    pub(crate) fn of(&self, route: &Route, request: &HttpRequest) -> Option<DataSet> {
        if route.config.data.is_empty() {
            return Some(DataSet::default());
        }
        let find = |pinned: &RefCell<PinnedSets>| {
            let pinned = &mut *pinned.try_borrow_mut().ok()?;
            pinned.seen.clear();
            find_data(&route.config.data, request, &mut pinned.seen);
            let by = (self.id, route.handler);
            let known = pinned.by_handler.get(&by).into_iter().flatten();
            let mut known = known.filter(|known| *known.addresses == *pinned.seen.addresses());
            match known.next() {
                Some(known) => Some(known.set()),
                None => pinned.pin(self, route, request),
            }
        };
        // A thread that is being destroyed has no table.
        PINNED.try_with(find).ok().flatten()
    }

    /// The set of values of a request that is only explained, without pinning it; the only set of the
    /// handler, where that of the request is unknown. `None` where it could be one of several.
    pub(crate) fn known(&self, route: &Route, request: &HttpRequest) -> Option<DataSet> {
        if route.config.data.is_empty() {
            return Some(DataSet::default());
        }
        let mut seen = SeenData::default();
        find_data(&route.config.data, request, &mut seen);
        let handler = self.handler(route.handler);
        let sets = handler.sets();
        let found = sets.known.iter();
        let found = found
            .into_iter()
            .find(|known| *known.addresses == *seen.addresses());
        let id = match (found, &*sets.known) {
            (Some(known), _) | (None, [known]) => known.id,
            (None, []) => sets.next,
            (None, _) => return None,
        };
        Some(handler.set(id))
    }

    fn handler(&self, handler: TypeId) -> Arc<HandlerSets> {
        let mut handlers = lock(&self.handlers);
        let sets = handlers.entry(handler).or_insert_with(|| {
            Arc::new(HandlerSets {
                has_remote_store: self.has_remote_store,
                conflict: AtomicBool::new(false),
                sets: Mutex::default(),
            })
        });
        sets.clone()
    }
}

fn find_data(arguments: &[FindData], request: &HttpRequest, seen: &mut SeenData) {
    for find in arguments {
        find(request, seen);
    }
}

impl PinnedSets {
    /// Pins a set that is new to this thread.
    #[inline(never)]
    fn pin(&mut self, sets: &DataSets, route: &Route, request: &HttpRequest) -> Option<DataSet> {
        let by = (sets.id, route.handler);
        self.sweep(by);
        self.seen.clear();
        self.seen.pin();
        find_data(&route.config.data, request, &mut self.seen);
        let pins = self.seen.take_pins();
        let handler = sets.handler(route.handler);
        let addresses = self.seen.addresses();
        let (id, is_conflict) = handler.join(addresses)?;
        if is_conflict {
            warn(route, sets.has_remote_store);
        }
        let pinned = PinnedSet {
            addresses: addresses.into(),
            id,
            handler,
            pins,
        };
        let set = pinned.set();
        self.by_handler.entry(by).or_default().push(pinned);
        Some(set)
    }

    /// Unpins the sets with a dropped value: of this handler, and of all as their number grows.
    fn sweep(&mut self, by: (u64, TypeId)) {
        if let Some(sets) = self.by_handler.get_mut(&by) {
            sets.retain(PinnedSet::is_alive);
        } else if self.by_handler.len() >= self.sweep_at {
            self.by_handler.retain(|_, sets| {
                sets.retain(PinnedSet::is_alive);
                !sets.is_empty()
            });
            self.sweep_at = 2 * self.by_handler.len() + MAX_SETS;
        }
    }
}

impl PinnedSet {
    fn is_alive(&self) -> bool {
        self.pins.iter().all(|pin| pin.is_alive())
    }

    fn set(&self) -> DataSet {
        self.handler.set(self.id)
    }
}

impl HandlerSets {
    fn sets(&self) -> MutexGuard<'_, Sets> {
        lock(&self.sets)
    }

    /// The first set is not part of keys. With a remote store it becomes so as soon as there is another:
    /// an earlier response may come from a process with the other set.
    fn set(&self, id: u64) -> DataSet {
        let conflicts = self.conflict.load(Acquire);
        DataSet {
            id: (id > 0 || (conflicts && self.has_remote_store)).then_some(id),
            conflicts,
        }
    }

    /// Registers a set that the calling thread pins. Returns its id, and true for the first conflict of
    /// the handler.
    fn join(&self, addresses: &[usize]) -> Option<(u64, bool)> {
        let mut sets = self.sets();
        let known = sets.known.iter_mut();
        if let Some(known) = known
            .into_iter()
            .find(|known| *known.addresses == *addresses)
        {
            known.holders += 1;
            return Some((known.id, false));
        }
        if sets.known.len() >= MAX_SETS {
            return None;
        }
        let id = sets.next;
        sets.next += 1;
        sets.known.push(KnownSet {
            addresses: addresses.into(),
            id,
            holders: 1,
        });
        let is_conflict = sets.known.len() > 1 && !self.conflict.swap(true, Release);
        Some((id, is_conflict))
    }

    fn release(&self, id: u64) {
        self.sets().known.retain_mut(|known| {
            known.holders -= usize::from(known.id == id);
            known.holders > 0
        });
    }
}

fn warn(route: &Route, has_remote_store: bool) {
    let memory = if has_remote_store {
        " From now on this handler's responses are kept in memory only: the remote store cannot tell \
         the values apart."
    } else {
        ""
    };
    tracing::warn!(
        target: TARGET,
        handler = route.name,
        "several `Data` values of one type reach this handler: its responses are stored for each of \
         them separately.{memory} If they are equal, build the value once, outside the closure of \
         `HttpServer::new`, and clone it inside: `let data = web::Data::new(..); \
         HttpServer::new(move || App::new().app_data(data.clone()))`. If they differ on purpose, give \
         each of the applications or scopes a cache of its own: `.app_data(cache.clone())`"
    );
}

impl fmt::Debug for DataSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSets").finish_non_exhaustive()
    }
}
