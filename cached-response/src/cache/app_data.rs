//! The applications that one handler serves, told apart by the `Data<T>` values they give it.
//!
//! Two guarded scopes, or two apps, may give one handler `Data` of one type and different content.
//! A value is identified by the address of its `Arc`. Each thread that has seen an address holds a
//! weak reference to it, so that no other allocation can have it while it is known; a set of
//! addresses that no thread holds any more is forgotten, and its number is never given again.

use crate::{
    key::{Field, KeyWriter},
    route::{
        Route,
        seen_data::{FindData, Pin, SeenData},
    },
};
use actix_web::HttpRequest;
use foldhash::fast::RandomState;
use std::{
    any::TypeId,
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// The most sets of values that one handler is kept apart by; with more it is not looked up.
const MOST_SETS: usize = 64;

/// The set of `Data<T>` values that a request offers its handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataSet {
    /// In the key, unless it is the first set that this handler was given.
    id: Option<u64>,
    /// Another set is in use beside it. A remote store cannot tell the two apart.
    pub(crate) conflicts: bool,
}

impl DataSet {
    /// The number of bytes that it adds to a key.
    const FIELD: usize = 2 + size_of::<u64>();

    /// Whether a key says nothing of it.
    pub(crate) fn is_unwritten(self) -> bool {
        self.id.is_none()
    }

    /// Ends a key with it.
    pub(crate) fn write(self, key: &mut KeyWriter) {
        if let Some(id) = self.id {
            key.field(Field::Data, &id.to_le_bytes());
        }
    }

    /// The key without it: its number means nothing to another process.
    pub(crate) fn portable(self, key: &[u8]) -> &[u8] {
        let written = if self.id.is_some() { Self::FIELD } else { 0 };
        &key[..key.len() - written]
    }
}

/// The sets of values that the handlers of one cache were given.
pub(crate) struct DataSets {
    id: u64,
    /// There is a remote store.
    shares: bool,
    handlers: Mutex<HashMap<TypeId, Arc<OfHandler>>>,
}

/// Those of one handler.
#[derive(Debug)]
struct OfHandler {
    /// There is a remote store.
    shares: bool,
    conflict: AtomicBool,
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    next: u64,
    known: Vec<Known>,
}

/// A set of which each address is pinned.
#[derive(Debug)]
struct Known {
    addresses: Box<[usize]>,
    id: u64,
    /// The threads that pin it.
    holders: usize,
}

/// A set that this thread pins.
struct Holding {
    addresses: Box<[usize]>,
    id: u64,
    of: Arc<OfHandler>,
    pins: Vec<Box<dyn Pin>>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        // Before the pins are dropped, and the addresses may be used again.
        self.of.release(self.id);
    }
}

#[derive(Default)]
struct Held {
    by: HashMap<(u64, TypeId), Vec<Holding>, RandomState>,
    /// The room for the addresses of one request.
    seen: SeenData,
    /// The number of handlers at which all of them are swept again.
    sweep_at: usize,
}

thread_local! {
    static HELD: RefCell<Held> = RefCell::default();
}

impl DataSets {
    pub(crate) fn new(shares: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            shares,
            handlers: Mutex::default(),
        }
    }

    /// The set of values that `request` offers the handler. `None` where there are too many to be
    /// kept apart.
    #[inline]
    pub(crate) fn of(&self, site: &Route, request: &HttpRequest) -> Option<DataSet> {
        if site.config.data.is_empty() {
            return Some(DataSet::default());
        }
        let find = |held: &RefCell<Held>| {
            let held = &mut *held.try_borrow_mut().ok()?;
            held.seen.clear();
            see(&site.config.data, request, &mut held.seen);
            let by = (self.id, site.handler);
            let known = held.by.get(&by).into_iter().flatten();
            let mut known = known.filter(|known| *known.addresses == *held.seen.addresses());
            match known.next() {
                Some(known) => Some(known.set()),
                None => held.hold(self, site, request),
            }
        };
        // A thread that ends holds nothing any more.
        HELD.try_with(find).ok().flatten()
    }

    /// The set of values of a request that is not answered, found without taking note of it; the
    /// only one of its handler, where the request does not offer any that is known. `None` where it
    /// could be one of several.
    pub(crate) fn known(&self, site: &Route, request: &HttpRequest) -> Option<DataSet> {
        if site.config.data.is_empty() {
            return Some(DataSet::default());
        }
        let mut seen = SeenData::default();
        see(&site.config.data, request, &mut seen);
        let of = self.handler(site.handler);
        let sets = of.sets();
        let found = sets.known.iter();
        let found = found
            .into_iter()
            .find(|known| *known.addresses == *seen.addresses());
        let id = match (found, &*sets.known) {
            (Some(known), _) | (None, [known]) => known.id,
            (None, []) => sets.next,
            (None, _) => return None,
        };
        Some(of.set(id))
    }

    fn handler(&self, handler: TypeId) -> Arc<OfHandler> {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        let of = handlers.entry(handler).or_insert_with(|| {
            Arc::new(OfHandler {
                shares: self.shares,
                conflict: AtomicBool::new(false),
                sets: Mutex::default(),
            })
        });
        of.clone()
    }
}

fn see(arguments: &[FindData], request: &HttpRequest, seen: &mut SeenData) {
    for find in arguments {
        find(request, seen);
    }
}

impl Held {
    /// Pins a set that this thread has not seen before.
    #[inline(never)]
    fn hold(&mut self, sets: &DataSets, site: &Route, request: &HttpRequest) -> Option<DataSet> {
        let by = (sets.id, site.handler);
        self.sweep(by);
        self.seen.clear();
        self.seen.pin();
        see(&site.config.data, request, &mut self.seen);
        let pins = self.seen.take_pins();
        let of = sets.handler(site.handler);
        let addresses = self.seen.addresses();
        let (id, is_conflict) = of.join(addresses)?;
        if is_conflict {
            warn(site, sets.shares);
        }
        let holding = Holding {
            addresses: addresses.into(),
            id,
            of,
            pins,
        };
        let set = holding.set();
        self.by.entry(by).or_default().push(holding);
        Some(set)
    }

    /// Lets go of the sets of which a value is gone: of this handler, and, as their number grows, of
    /// all.
    fn sweep(&mut self, by: (u64, TypeId)) {
        if let Some(holdings) = self.by.get_mut(&by) {
            holdings.retain(Holding::is_alive);
        } else if self.by.len() >= self.sweep_at {
            self.by.retain(|_, holdings| {
                holdings.retain(Holding::is_alive);
                !holdings.is_empty()
            });
            self.sweep_at = 2 * self.by.len() + MOST_SETS;
        }
    }
}

impl Holding {
    fn is_alive(&self) -> bool {
        self.pins.iter().all(|pin| pin.is_alive())
    }

    fn set(&self) -> DataSet {
        self.of.set(self.id)
    }
}

impl OfHandler {
    fn sets(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first set is not in keys. With a remote store it is as soon as there is another: what was
    /// stored for it before may have come from a process that was given the other.
    fn set(&self, id: u64) -> DataSet {
        let conflicts = self.conflict.load(Acquire);
        DataSet {
            id: (id > 0 || (conflicts && self.shares)).then_some(id),
            conflicts,
        }
    }

    /// The number of a set, which the thread that calls pins, and whether it is the first that is in
    /// use beside another.
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
        if sets.known.len() >= MOST_SETS {
            return None;
        }
        let id = sets.next;
        sets.next += 1;
        sets.known.push(Known {
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

fn warn(site: &Route, shares: bool) {
    let memory = if shares {
        " From now on this handler's responses are kept in memory only: the remote store cannot tell \
         the values apart."
    } else {
        ""
    };
    tracing::warn!(
        handler = site.name,
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
