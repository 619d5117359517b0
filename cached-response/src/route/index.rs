//! The handlers that a cache serves, by route pattern: for `explain`, and for the warning about a cache
//! that is built in each worker.

use crate::{
    metrics::event::TARGET,
    route::{Route, RouteRef},
    util::sync::{lock, read, write},
};
use actix_web::{HttpRequest, rt::System};
#[cfg(feature = "admin")]
use std::collections::BTreeMap;
use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    panic::Location,
    sync::{Arc, Mutex, RwLock, Weak},
    thread::{self, ThreadId},
};

type Place = &'static Location<'static>;

/// The handlers of each route pattern, recorded at their first request that memory does not
/// answer.
#[derive(Debug)]
pub(crate) struct Routes {
    handlers: RwLock<HashMap<String, Vec<RouteRef>>>,
    built: BuildPlace,
}

impl Routes {
    /// The routes of a cache that was built at `place`.
    pub(crate) fn new(place: Option<Place>) -> Self {
        Self {
            handlers: RwLock::default(),
            built: BuildPlace::new(place),
        }
    }

    /// Records that `route` serves the pattern of `request`.
    pub(crate) fn note(&self, route: &RouteRef, request: &HttpRequest) {
        let pattern = request.match_pattern().unwrap_or_default();
        let known = read(&self.handlers);
        let is_known = |known: &RouteRef| known.is_of(route.handler, route.name);
        if known
            .get(&pattern)
            .is_some_and(|served| served.iter().any(is_known))
        {
            return;
        }
        drop(known);
        let mut routes = write(&self.handlers);
        let served = routes.entry(pattern).or_default();
        if !served.iter().any(is_known) {
            served.push(route.clone());
            drop(routes);
            self.built.serves(route);
        }
    }

    /// Returns true where each worker has built a cache of its own at the place of this one.
    pub(crate) fn is_per_worker(&self) -> bool {
        let serving = lock(&SERVING);
        let warned = serving.as_ref().map(|serving| &serving.warned);
        let place = self.built.place.as_ref();
        place
            .zip(warned)
            .is_some_and(|(place, warned)| warned.contains(place))
    }

    /// Returns the patterns of a handler, in order.
    pub(crate) fn of_handler(&self, handler: TypeId, name: &str) -> Vec<String> {
        let routes = read(&self.handlers);
        let is_of = |route: &RouteRef| route.is_of(handler, name);
        let patterns = routes
            .iter()
            .filter(|(pattern, served)| !pattern.is_empty() && served.iter().any(is_of));
        let mut patterns: Vec<_> = patterns.map(|(pattern, _)| pattern.clone()).collect();
        patterns.sort_unstable();
        patterns
    }

    /// Returns the handlers of all routes.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<RouteRef> {
        let routes = read(&self.handlers);
        routes.values().flatten().cloned().collect()
    }

    /// Returns the handlers of the route with this pattern.
    pub(crate) fn of(&self, pattern: &str) -> Vec<RouteRef> {
        let routes = read(&self.handlers);
        routes.get(pattern).cloned().unwrap_or_default()
    }

    /// Returns the handlers by pattern, in the order of the patterns.
    #[cfg(feature = "admin")]
    pub(crate) fn by_pattern(&self) -> BTreeMap<String, Vec<RouteRef>> {
        let routes = read(&self.handlers);
        let routes = routes.iter();
        routes
            .map(|(pattern, handlers)| (pattern.clone(), handlers.clone()))
            .collect()
    }
}

/// The place in the source where a cache was built.
///
/// A cache that is built in the closure of `HttpServer::new` exists once in each worker, and an
/// invalidation reaches one of them. The sign is one handler that several caches from one place serve,
/// in several threads of one server.
#[derive(Debug)]
struct BuildPlace {
    /// `None` for a default cache.
    place: Option<Place>,
    /// Lives as long as the cache.
    cache: Arc<()>,
}

/// A cache, and the first thread in which it has served a handler.
struct ServingCache {
    cache: Weak<()>,
    thread: ThreadId,
    server: Option<usize>,
}

#[derive(Default)]
struct ServingCaches {
    by_handler: HashMap<(Place, TypeId), Vec<ServingCache>>,
    warned: HashSet<Place>,
}

static SERVING: Mutex<Option<ServingCaches>> = Mutex::new(None);

impl BuildPlace {
    fn new(place: Option<Place>) -> Self {
        Self {
            place,
            cache: Arc::default(),
        }
    }

    /// Records a handler that is new to the cache. Warns, once for a place, where another worker serves
    /// the same handler with a cache of its own.
    fn serves(&self, route: &Route) {
        let Some(place) = self.place else {
            return;
        };
        let serving = ServingCache {
            cache: Arc::downgrade(&self.cache),
            thread: thread::current().id(),
            server: System::try_current().map(|system| system.id()),
        };
        let mut all = lock(&SERVING);
        let all = all.get_or_insert_default();
        let caches = all.by_handler.entry((place, route.handler)).or_default();
        caches.retain(|other| other.cache.strong_count() > 0);
        let is_per_worker = caches
            .iter()
            .any(|other| other.is_of_another_worker(&serving));
        if !caches
            .iter()
            .any(|other| other.cache.ptr_eq(&serving.cache))
        {
            caches.push(serving);
        }
        if is_per_worker && all.warned.insert(place) {
            warn(place, route);
        }
    }
}

impl ServingCache {
    fn is_of_another_worker(&self, other: &Self) -> bool {
        self.server == other.server
            && self.thread != other.thread
            && !self.cache.ptr_eq(&other.cache)
    }
}

fn warn(place: Place, route: &Route) {
    tracing::warn!(
        target: TARGET,
        handler = route.name,
        "each worker has built a `ResponseCache` of its own at {place}: an invalidation in one of them \
         does not reach the others. Build it once, outside the closure of `HttpServer::new`, and clone \
         it inside: `let cache = ResponseCache::builder().build(); HttpServer::new(move || \
         App::new().app_data(cache.clone()))`"
    );
}
