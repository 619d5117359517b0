//! `ResponseCache`, and the state that all of its clones share.

pub(crate) mod advice;
pub(crate) mod app_data;
pub(crate) mod builder;
pub(crate) mod cached_route;
pub(crate) mod default;
pub(crate) mod invalidate;
#[cfg(feature = "metrics")]
pub(crate) mod publish;
pub(crate) mod report;

pub use builder::ResponseCacheBuilder;

use crate::{
    cache::{advice::Advisor, app_data::DataSets},
    entry::StoredResponse,
    invalidation::{
        cdn::{Notifier, SurrogateKeys},
        generations::{Generations, Target},
    },
    memory::MemoryStore,
    metrics::{event::Observers, stats::Stats},
    policy::stale::StaleRules,
    remote::RemoteTier,
    response::tee::CopyBudget,
    route::{RouteRef, counted_routes::CacheCounters, index::Routes, run_times::RunTimes},
    single_flight::{
        flights,
        hit_for_pass::HitForPass,
        responses::{ForcedRuns, JoinContext, ResponseFlights},
    },
    time::{Clock, moment::Timestamp},
};
use actix_web::HttpRequest;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// A cache of responses. Its clones share one state: a clone is another handle to the same cache.
///
/// A route uses the cache that its attribute's `cache` names, else the one in the application's
/// `app_data` (also within `web::Data`), else the default one of the process
/// ([`ResponseCache::global`]). Build a cache once and clone it: one that is built in the closure of
/// `HttpServer::new` is another cache in each worker.
///
/// ```
/// use actix_web::{App, web};
/// use cached_response::ResponseCache;
///
/// let cache = ResponseCache::builder().max_bytes(256 << 20).build();
/// let app = App::new().app_data(cache.clone());
/// assert_eq!(cache.stats().hits, 0);
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct ResponseCache(Arc<Inner>);

pub(crate) struct Inner {
    enabled: bool,
    pub(crate) memory: MemoryStore,
    pub(crate) flights: ResponseFlights,
    pub(crate) forced_runs: ForcedRuns,
    pub(crate) hit_for_pass: HitForPass,
    pub(crate) run_times: RunTimes,
    pub(crate) counters: CacheCounters,
    pub(crate) observers: Observers,
    pub(crate) advisor: Advisor,
    #[cfg(feature = "metrics")]
    published: publish::Published,
    pub(crate) clock: Clock,
    pub(crate) limits: CacheLimits,
    /// Rules of routes that set none.
    pub(crate) stale: StaleRules,
    /// Bytes that copies of streamed bodies may take.
    pub(crate) copy_budget: Arc<CopyBudget>,
    pub(crate) routes: Routes,
    pub(crate) data_sets: DataSets,
    pub(crate) generations: Arc<Generations>,
    pub(crate) remote: Option<Arc<RemoteTier>>,
    pub(crate) surrogate_keys: Option<SurrogateKeys>,
    pub(crate) notifier: Option<Notifier>,
    next_run: AtomicU64,
}

/// The bounds of one cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheLimits {
    pub(crate) max_body_bytes: usize,
    /// `None` unless set: requests wait for twice the usual time of the route's runs.
    pub(crate) wait_timeout: Option<Duration>,
    pub(crate) coalesce_for: Duration,
    pub(crate) max_waiters: usize,
    /// The lifetime of responses of routes that set none.
    pub(crate) timeout: Duration,
}

/// The wait for another request's run where the usual time of a run is unknown.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

impl CacheLimits {
    /// The longest wait for the run of another process.
    fn lease(&self) -> Duration {
        self.wait_timeout.unwrap_or(DEFAULT_WAIT)
    }

    /// The longest wait for another request's run.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.wait_timeout
            .unwrap_or_else(|| self.coalesce_for.max(DEFAULT_WAIT))
    }

    /// The wait for another request's run before one waiter runs beside it, where such runs usually
    /// take `usual`.
    pub(crate) fn wait_before_run(&self, usual: Option<Duration>) -> Duration {
        let usual = usual.map_or(DEFAULT_WAIT, |usual| {
            usual.saturating_mul(2).max(DEFAULT_WAIT)
        });
        self.wait_timeout.unwrap_or(usual).min(self.longest_wait())
    }
}

impl ResponseCache {
    /// Returns a builder with the default limits.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().max_bytes(1 << 20).build();
    /// assert_eq!(cache.stats().bytes, 0);
    /// ```
    pub fn builder() -> ResponseCacheBuilder {
        ResponseCacheBuilder::default()
    }

    /// A number that differs between the caches of the process.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns the default cache of the process, which holds up to 64 MiB.
    ///
    /// In a test that has an isolated cache ([`testing::isolated`]) it is that one, as for the routes.
    ///
    /// [`testing::isolated`]: crate::guide::testing_handlers
    ///
    /// ```
    /// use cached_response::ResponseCache;
    ///
    /// let cache = ResponseCache::global();
    /// assert_eq!(cache.stats().hits, 0);
    /// ```
    pub fn global() -> Self {
        default::of_this_thread()
    }

    /// Returns the counts since the cache was built, and its current size.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().build();
    /// let stats = cache.stats();
    /// assert_eq!((stats.hits, stats.misses, stats.entries), (0, 0, 0));
    /// ```
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.counters.read(&self.0.routes);
        (stats.entries, stats.bytes) = self.0.memory.size();
        (stats.max_bytes, stats.evictions) = (self.0.memory.max_bytes(), self.0.memory.evictions());
        (stats.hit_for_pass_keys, stats.hit_for_pass_bytes) = self.0.hit_for_pass.size();
        stats.remote = self.0.remote.as_ref().map(|remote| remote.stats());
        stats.running = self.0.flights.len() + self.0.forced_runs.len();
        stats
    }

    pub(crate) fn shared(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// Returns true where the cache is switched off, by the environment or by its builder.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        !self.enabled || default::is_switched_off()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns true where `stored` can be reused without asking the remote store: no invalidation of
    /// another process can have been missed since.
    pub(crate) fn trusts(&self, stored: &StoredResponse, now: Timestamp) -> bool {
        let remote = self.remote.as_ref();
        remote.is_none_or(|remote| remote.trusts(stored, now))
    }

    /// Records that `request` was on `route`.
    pub(crate) fn note_route(&self, route: &RouteRef, request: &HttpRequest) {
        self.routes.note(route, request);
        self.counters.name(route, request);
        self.log_advice();
    }

    /// The context of a request that joins a flight now.
    pub(crate) fn join_context<'a>(&'a self, target: Target<'a>) -> JoinContext<'a> {
        JoinContext {
            now: self.now().elapsed(),
            limits: flights::FlightLimits {
                max_waiters: self.limits.max_waiters,
                age: self.limits.coalesce_for,
            },
            generations: &self.generations,
            target,
        }
    }

    /// Returns the number of a run that starts now.
    pub(crate) fn next_run(&self) -> u64 {
        self.next_run.fetch_add(1, Relaxed)
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
