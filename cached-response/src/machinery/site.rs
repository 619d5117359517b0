//! One cached handler: its terms, made once, and the cache that it uses.

use super::{cache::ResponseCache, counters::Event, defaults};
use crate::judgement::{
    facts::{Facts, Role},
    policy::Policy,
    terms::Terms,
};
use actix_web::HttpRequest;
use std::{
    any::TypeId,
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// What an attribute says of its handler; evaluated once for each handler.
#[derive(Debug)]
pub struct Route {
    policy: Policy,
    cache: Option<ResponseCache>,
    unit_test: bool,
    arguments: Vec<(Role, Facts)>,
}

impl Route {
    /// A route under `policy`. In a unit test the default cache is the thread's.
    pub fn new(policy: Policy, unit_test: bool) -> Self {
        Self {
            policy,
            cache: None,
            unit_test,
            arguments: Vec::new(),
        }
    }

    /// Uses another cache.
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Adds what is said of the next argument.
    #[must_use]
    pub fn argument(mut self, role: Role, facts: Facts) -> Self {
        self.arguments.push((role, facts));
        self
    }
}

/// A cached handler. Two instantiations of a generic one are two sites.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// Tells this handler from every other in the process.
    pub(crate) handler: TypeId,
    pub(crate) terms: Terms,
    cache: Option<ResponseCache>,
    unit_test: bool,
    /// One bit a reason that was logged.
    told: AtomicU64,
    /// Its arguments have added parts to a key.
    parts: AtomicBool,
}

impl Site {
    pub(crate) fn new(name: &'static str, handler: TypeId, route: Route) -> Self {
        Self {
            name,
            handler,
            terms: Terms::new(route.policy, &route.arguments),
            cache: route.cache,
            unit_test: route.unit_test,
            told: AtomicU64::new(0),
            parts: AtomicBool::new(false),
        }
    }

    pub(crate) fn use_cache(&mut self, cache: ResponseCache) {
        self.cache = Some(cache);
    }

    /// Calls `with` with the cache for this request: the route's, the application's or the default.
    pub(crate) fn with_cache<R>(
        &self,
        request: &HttpRequest,
        with: impl FnOnce(&ResponseCache) -> R,
    ) -> R {
        match &self.cache {
            Some(cache) => with(cache),
            None => defaults::with_default(request, self.unit_test, with),
        }
    }

    /// Notes that its arguments add parts to the key.
    pub(crate) fn note_parts(&self) {
        self.parts.store(true, Relaxed);
    }

    pub(crate) fn has_parts(&self) -> bool {
        self.parts.load(Relaxed)
    }

    /// Whether this reason is given for the first time.
    pub(crate) fn is_first(&self, event: Event) -> bool {
        let bit = 1 << (event.index() % 64);
        self.told.fetch_or(bit, Relaxed) & bit == 0
    }
}

/// A site that lives as long as the process, or as the application that made it.
#[derive(Clone, Debug)]
pub(crate) enum SiteRef {
    Static(&'static Site),
    Shared(Arc<Site>),
}

impl SiteRef {
    /// Whether both are for one handler on terms that were written in one place.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.handler == other.handler && self.name == other.name
    }
}

impl Deref for SiteRef {
    type Target = Site;

    fn deref(&self) -> &Site {
        match self {
            Self::Static(site) => site,
            Self::Shared(site) => site,
        }
    }
}

/// Where an attribute finds its handler's site.
///
/// A generic function has one such static for all its instantiations: the first to be called is
/// kept here, the others in a table.
#[derive(Debug)]
pub struct SiteCell {
    name: &'static str,
    first: OnceLock<&'static Site>,
}

static OTHERS: RwLock<Option<HashMap<TypeId, &'static Site>>> = RwLock::new(None);

impl SiteCell {
    /// The place of the handler `name`.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            first: OnceLock::new(),
        }
    }

    /// The site of the handler whose body has this type; made on its first call.
    pub(crate) fn find(&self, handler: TypeId, route: fn() -> Route) -> SiteRef {
        let first = self.first.get_or_init(|| self.make(handler, route));
        if first.handler == handler {
            return SiteRef::Static(first);
        }
        let others = OTHERS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = others.as_ref().and_then(|others| others.get(&handler)) {
            return SiteRef::Static(site);
        }
        drop(others);
        let made = self.make(handler, route);
        let mut others = OTHERS.write().unwrap_or_else(PoisonError::into_inner);
        SiteRef::Static(
            others
                .get_or_insert_default()
                .entry(handler)
                .or_insert(made),
        )
    }

    /// Lives on: there are as many as the program has cached handlers.
    fn make(&self, handler: TypeId, route: fn() -> Route) -> &'static Site {
        Box::leak(Box::new(Site::new(self.name, handler, route())))
    }
}
