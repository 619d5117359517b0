//! The counters of each route of one cache.

use crate::{
    metrics::{
        counters::{CountersOf, RouteCounters, Totals},
        event::EventKind,
        stats::{RouteStats, Stats, ValueStats},
    },
    route::{Route, index::Routes},
    util::sync::{read, write},
};
use actix_web::HttpRequest;
use std::{
    any::TypeId,
    cell::RefCell,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// The counters of one cache.
#[derive(Debug)]
pub(crate) struct CacheCounters {
    cache: u64,
    /// In the order of their first requests; a route keeps its place.
    routes: RwLock<Vec<RouteEntry>>,
    values: Arc<RouteCounters>,
    /// Invalidations and expiries.
    invalidations: AtomicU64,
}

/// A handler with its counters.
#[derive(Debug)]
struct RouteEntry {
    name: &'static str,
    handler: TypeId,
    counters: Arc<RouteCounters>,
}

/// Routes of further caches of which a thread knows the counters.
const MAX_KNOWN: usize = 64;

thread_local! {
    /// Counters of the routes that several caches have. The oldest are at the front.
    static KNOWN: RefCell<Vec<CountersOf>> = const { RefCell::new(Vec::new()) };
}

impl CacheCounters {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            cache: NEXT.fetch_add(1, Relaxed),
            routes: RwLock::default(),
            values: Arc::new(RouteCounters::new()),
            invalidations: AtomicU64::new(0),
        }
    }

    /// Calls `count` with the counters of `route`: a route knows those of its first cache, and a thread
    /// those of others.
    #[inline]
    pub(crate) fn with(&self, route: &Route, count: impl Fn(&RouteCounters)) {
        match route.counters.get() {
            Some(known) if known.cache == self.cache => count(&known.counters),
            _ => self.with_slow(route, &count),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_slow(&self, route: &Route, count: &dyn Fn(&RouteCounters)) {
        if route.is_value() {
            return count(&self.values);
        }
        let first = route.counters.get_or_init(|| self.find(route));
        if first.cache == self.cache {
            return count(&first.counters);
        }
        let counters = KNOWN.try_with(|known| {
            let mut known = known.try_borrow_mut().ok()?;
            let is_known = |of: &&CountersOf| of.cache == self.cache && of.route == route.id;
            if let Some(of) = known.iter().find(is_known) {
                return Some(of.counters.clone());
            }
            if known.len() == MAX_KNOWN {
                known.remove(0);
            }
            let found = self.find(route);
            let counters = found.counters.clone();
            known.push(found);
            Some(counters)
        });
        // A thread that is being destroyed has no table.
        let counters = counters.ok().flatten();
        count(&counters.unwrap_or_else(|| self.find(route).counters));
    }

    /// Counts an event of a route.
    pub(crate) fn count(&self, route: &Route, event: EventKind) {
        self.with(route, |counters| counters.count(event));
    }

    /// Names a route by the pattern of its first request. All handlers behind a middleware have the name
    /// of that.
    pub(crate) fn name(&self, route: &Route, request: &HttpRequest) {
        let name = || {
            let is_middleware = route.config.allowlist.is_some();
            let pattern = request.match_pattern().filter(|_| !is_middleware);
            pattern.map_or_else(|| route.name.into(), String::into)
        };
        self.with(route, |counters| counters.name(name));
    }

    /// Returns the counts of one route, without its name and patterns.
    #[cfg(feature = "admin")]
    pub(crate) fn of(&self, route: &Route) -> RouteStats {
        let totals = RefCell::default();
        self.with(route, |counters| {
            totals.replace(counters.totals());
        });
        RouteStats::read(&totals.into_inner())
    }

    /// Returns the first unknown header or cookie of a route.
    pub(crate) fn unknown_input(&self, stats: &RouteStats) -> Option<String> {
        let routes = read(&self.routes);
        let mut of_name = routes.iter().filter(|entry| entry.name == stats.handler);
        let input = of_name.find_map(|entry| entry.counters.unknown_input.get());
        input.map(ToString::to_string)
    }

    /// Counts an invalidation or expiry.
    pub(crate) fn count_invalidation(&self) {
        self.invalidations.fetch_add(1, Relaxed);
    }

    /// The counters of a route, added at its first request. Two routes of one handler share them: a
    /// handler that is cached by `cached(..)` has a route for each worker.
    fn find(&self, route: &Route) -> CountersOf {
        let of = |entry: &RouteEntry| CountersOf {
            cache: self.cache,
            route: route.id,
            counters: entry.counters.clone(),
        };
        let is_of = |entry: &&RouteEntry| route.is_of(entry.handler, entry.name);
        let routes = read(&self.routes);
        if let Some(entry) = routes.iter().find(is_of) {
            return of(entry);
        }
        drop(routes);
        let mut routes = write(&self.routes);
        if let Some(entry) = routes.iter().find(is_of) {
            return of(entry);
        }
        let entry = RouteEntry {
            name: route.name,
            handler: route.handler,
            counters: Arc::new(RouteCounters::new()),
        };
        let found = of(&entry);
        routes.push(entry);
        found
    }

    /// Reads all counts. Those of responses are the sums over the routes.
    pub(crate) fn read(&self, patterns: &Routes) -> Stats {
        let routes = read(&self.routes);
        let mut all = Totals::default();
        let routes = routes.iter().map(|entry| {
            let totals = entry.counters.totals();
            all += &totals;
            RouteStats {
                handler: entry.name,
                route: entry.counters.label().unwrap_or(entry.name).to_owned(),
                patterns: patterns.of_handler(entry.handler, entry.name),
                ..RouteStats::read(&totals)
            }
        });
        let routes = routes.collect();
        Stats {
            routes,
            values: ValueStats::read(&self.values.totals()),
            invalidations: self.invalidations.load(Relaxed),
            ..Stats::read(&all)
        }
    }
}
