//! Routes: cached handlers with their configuration.

pub(crate) mod admission;
pub(crate) mod config;
pub(crate) mod counted_routes;
pub(crate) mod header_allowlist;
pub(crate) mod index;
pub(crate) mod inputs;
pub(crate) mod request_key;
pub(crate) mod run_times;

use crate::{
    key::handler_id::{HandlerType, SourceLocation, identity},
    metrics::{counters::CountersOf, event::EventKind},
    route::config::RouteConfig,
};
use actix_web::web::Data;
use std::{
    any::TypeId,
    fmt,
    ops::Deref,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// A cached handler. Two instantiations of a generic one are two routes.
#[derive(Debug)]
pub(crate) struct Route {
    /// Unique within the process, also for a handler that is cached twice with different policies.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    /// Identity of the handler within the process.
    pub(crate) handler: TypeId,
    pub(crate) config: RouteConfig,
    source: SourceLocation,
    kind: HandlerType,
    identity: OnceLock<Box<[u8]>>,
    /// Its counters in the first cache that has counted something of it.
    counters: OnceLock<CountersOf>,
    /// One bit for each reason that was logged.
    logged: [AtomicU64; 2],
    /// Its arguments add parts to the key.
    parts: AtomicBool,
    /// Its runs name tags.
    tags: AtomicBool,
    /// A run returned 304 to a request without a condition.
    unconditional_304: AtomicBool,
}

impl Route {
    pub(crate) fn new(
        name: &'static str,
        handler: HandlerType,
        source: SourceLocation,
        mut config: RouteConfig,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // The type of a middleware names no handler.
        if config.allowlist.is_none() {
            config.tags.set_handler(handler.name());
        }
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            name,
            handler: handler.id,
            config,
            source,
            kind: handler,
            identity: OnceLock::new(),
            counters: OnceLock::new(),
            logged: [const { AtomicU64::new(0) }; 2],
            parts: AtomicBool::new(false),
            tags: AtomicBool::new(false),
            unconditional_304: AtomicBool::new(false),
        }
    }

    /// A route for values of a type, created for each call, that logs nothing.
    pub(crate) fn unlogged(name: &'static str, handler: HandlerType, config: RouteConfig) -> Self {
        Self {
            logged: [const { AtomicU64::new(u64::MAX) }; 2],
            ..Self::new(name, handler, SourceLocation::VALUE, config)
        }
    }

    /// Returns true for a route of this handler.
    pub(crate) fn is_of(&self, handler: TypeId, name: &str) -> bool {
        self.handler == handler && self.name == name
    }

    /// Returns true for a route for values.
    pub(crate) fn is_value(&self) -> bool {
        self.source.is_value()
    }

    /// Identity of the handler across processes and deploys. Computed once, on demand.
    pub(crate) fn identity(&self) -> &[u8] {
        let make = || {
            identity(
                self.kind,
                self.source,
                self.config.policy.version.as_deref(),
            )
        };
        self.identity.get_or_init(make)
    }

    /// Notes that its arguments add parts to the key.
    pub(crate) fn note_parts(&self) {
        self.parts.store(true, Relaxed);
    }

    /// Notes that its runs name tags.
    pub(crate) fn note_tags(&self) {
        self.tags.store(true, Relaxed);
    }

    pub(crate) fn names_tags(&self) -> bool {
        self.tags.load(Relaxed)
    }

    /// Returns true for the first 304 to a request without a condition.
    pub(crate) fn is_first_unconditional_304(&self) -> bool {
        !self.unconditional_304.swap(true, Relaxed)
    }

    pub(crate) fn has_parts(&self) -> bool {
        self.parts.load(Relaxed)
    }

    /// Returns true the first time that this reason occurs.
    pub(crate) fn is_first(&self, event: EventKind) -> bool {
        let (word, bit) = (event.index() / 64, 1 << (event.index() % 64));
        self.logged[word].fetch_or(bit, Relaxed) & bit == 0
    }
}

/// A reference to a route that lives as long as the process, or as its application.
#[derive(Clone, Debug)]
pub(crate) enum RouteRef {
    Static(&'static Route),
    Shared(Arc<Route>),
}

impl Deref for RouteRef {
    type Target = Route;

    fn deref(&self) -> &Route {
        match self {
            Self::Static(route) => route,
            Self::Shared(route) => route,
        }
    }
}

/// Finds the `Data<T>` values of one argument in a request.
pub(crate) type FindData = fn(&actix_web::HttpRequest, &mut SeenData);

/// A weak reference that prevents the reuse of an allocation and its address.
pub(crate) trait PinnedData {
    /// Returns true while the value is alive.
    fn is_alive(&self) -> bool;
}

impl<T: ?Sized> PinnedData for Weak<T> {
    fn is_alive(&self) -> bool {
        self.strong_count() > 0
    }
}

/// Addresses of the `Data<T>` values of one request, in the order of the arguments; zero for an absent
/// one.
#[derive(Default)]
pub struct SeenData {
    addresses: Vec<usize>,
    /// Weak references, only on demand: an address suffices to compare.
    pins: Option<Vec<Box<dyn PinnedData>>>,
}

impl SeenData {
    /// Adds the next value.
    pub(crate) fn see<T: ?Sized + 'static>(&mut self, data: Option<&Data<T>>) {
        let address = data.map_or(0, |data| Arc::as_ptr(data).cast::<()>() as usize);
        self.addresses.push(address);
        if let (Some(pins), Some(data)) = (&mut self.pins, data) {
            pins.push(Box::new(Arc::downgrade(data)));
        }
    }

    /// Clears the addresses and keeps the allocation.
    pub(crate) fn clear(&mut self) {
        self.addresses.clear();
        self.pins = None;
    }

    /// Keeps a weak reference to each value that is added from now on.
    pub(crate) fn pin(&mut self) {
        self.pins = Some(Vec::new());
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses
    }

    pub(crate) fn take_pins(&mut self) -> Vec<Box<dyn PinnedData>> {
        self.pins.take().unwrap_or_default()
    }
}

impl fmt::Debug for SeenData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenData").finish_non_exhaustive()
    }
}
