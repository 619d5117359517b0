//! One cached handler: its terms, made once.

pub(crate) mod admission;
pub(crate) mod config;
pub(crate) mod header_allowlist;
pub(crate) mod index;
pub(crate) mod inputs;
pub(crate) mod key_memo;
pub(crate) mod request_key;
pub(crate) mod run_times;
pub(crate) mod seen_data;

use crate::{
    key::handler_id::{HandlerType, SourceLocation, identity},
    metrics::counters::Event,
    route::config::RouteConfig,
};
use std::{
    any::TypeId,
    ops::Deref,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// A cached handler. Two instantiations of a generic one are two sites.
#[derive(Debug)]
pub(crate) struct Route {
    /// Tells it from every other, also where one handler is cached twice on different terms.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    /// Tells this handler from every other in the process.
    pub(crate) handler: TypeId,
    pub(crate) config: RouteConfig,
    source: SourceLocation,
    kind: HandlerType,
    identity: OnceLock<Box<[u8]>>,
    /// One bit a reason that was logged.
    told: [AtomicU64; 2],
    /// Its arguments have added parts to a key.
    parts: AtomicBool,
    /// Its runs have named tags.
    tags: AtomicBool,
    /// One of its runs has made a 304 that nobody had asked for.
    unasked: AtomicBool,
}

impl Route {
    pub(crate) fn new(
        name: &'static str,
        handler: HandlerType,
        source: SourceLocation,
        config: RouteConfig,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            name,
            handler: handler.id,
            config,
            source,
            kind: handler,
            identity: OnceLock::new(),
            told: [const { AtomicU64::new(0) }; 2],
            parts: AtomicBool::new(false),
            tags: AtomicBool::new(false),
            unasked: AtomicBool::new(false),
        }
    }

    /// One for values of a type, that is made anew each time and says nothing to a developer.
    pub(crate) fn unlogged(name: &'static str, handler: HandlerType, config: RouteConfig) -> Self {
        Self {
            told: [const { AtomicU64::new(u64::MAX) }; 2],
            ..Self::new(name, handler, SourceLocation::VALUE, config)
        }
    }

    /// Tells it from every other in all processes, and from what it was before a deploy. Made where
    /// it is asked for, once.
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

    /// Whether a 304 that nobody had asked for is its first one.
    pub(crate) fn is_first_unasked(&self) -> bool {
        !self.unasked.swap(true, Relaxed)
    }

    pub(crate) fn has_parts(&self) -> bool {
        self.parts.load(Relaxed)
    }

    /// Whether this reason is given for the first time.
    pub(crate) fn is_first(&self, event: Event) -> bool {
        let (word, bit) = (event.index() / 64, 1 << (event.index() % 64));
        self.told[word].fetch_or(bit, Relaxed) & bit == 0
    }
}

/// A site that lives as long as the process, or as the application that made it.
#[derive(Clone, Debug)]
pub(crate) enum RouteRef {
    Static(&'static Route),
    Shared(Arc<Route>),
}

impl RouteRef {
    /// Whether both are for one handler on terms that were written in one place.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.handler == other.handler && self.name == other.name
    }
}

impl Deref for RouteRef {
    type Target = Route;

    fn deref(&self) -> &Route {
        match self {
            Self::Static(site) => site,
            Self::Shared(site) => site,
        }
    }
}
