//! The cache itself: what is stored, what is under way, and the limits.

pub(crate) mod app_data;
pub(crate) mod builder;
pub(crate) mod cached_route;
pub(crate) mod default;
pub(crate) mod expire;
pub(crate) mod invalidate;
pub(crate) mod invalidations;
pub(crate) mod per_worker;
pub(crate) mod report;
pub(crate) mod switch;

use crate::{
    cache::app_data::DataSets,
    entry::{FOUND, StoredResponse},
    invalidation::generations::{Generations, Target},
    memory::MemoryStore,
    metrics::counters::{Counters, Stats},
    policy::{
        stale::{StaleRules, stale_options},
        ttl::{DEFAULT_TIMEOUT, IntoTimeout},
    },
    remote::{RemoteTier, config::RemoteConfig},
    response::tee::budget::Budget,
    route::{index::Routes, run_times::RunTimes},
    single_flight::{
        flights,
        forced::ForcedRuns,
        hit_for_pass::HitForPass,
        responses::{JoinContext, ResponseFlights},
    },
    time::{Clock, moment::Timestamp},
};
use std::{
    fmt,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// A cache of responses. Cloning it gives another handle to the same cache.
///
/// Without any set-up a process has one of its own ([`ResponseCache::global`]). An application
/// that shall have another gets it as `app_data`; a single route, by the attribute's `cache`.
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
    pub(crate) shelf: MemoryStore,
    pub(crate) flights: ResponseFlights,
    pub(crate) live: ForcedRuns,
    pub(crate) markers: HitForPass,
    pub(crate) times: RunTimes,
    pub(crate) counters: Counters,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// For routes that say nothing themselves.
    pub(crate) stale: StaleRules,
    pub(crate) copies: Arc<Budget>,
    pub(crate) routes: Routes,
    pub(crate) data: DataSets,
    pub(crate) generations: Arc<Generations>,
    pub(crate) remote: Option<Arc<RemoteTier>>,
    runs: AtomicU64,
}

/// The bounds of one cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_body_bytes: usize,
    /// The author's word on how long a request waits for another's run.
    pub(crate) wait_timeout: Option<Duration>,
    pub(crate) run: Duration,
    pub(crate) followers: usize,
    /// For routes that do not say how long a response stays fresh.
    pub(crate) timeout: Duration,
}

/// How long a request waits for another's run, and nothing else, where nothing more is known.
const PATIENCE: Duration = Duration::from_secs(5);

impl Limits {
    /// How long a process waits for the run of another.
    fn lease(&self) -> Duration {
        self.wait_timeout.unwrap_or(PATIENCE)
    }

    /// The longest that a request waits for another's run.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.wait_timeout.unwrap_or_else(|| self.run.max(PATIENCE))
    }

    /// How long a request waits for another's run before it may run beside that; `usual` is what such
    /// runs usually take.
    pub(crate) fn turn(&self, usual: Option<Duration>) -> Duration {
        let usual = usual.map_or(PATIENCE, |usual| usual.saturating_mul(2).max(PATIENCE));
        self.wait_timeout.unwrap_or(usual).min(self.longest_wait())
    }
}

impl ResponseCache {
    /// A cache with limits of its own.
    pub fn builder() -> ResponseCacheBuilder {
        ResponseCacheBuilder::default()
    }

    /// The cache that routes use where nothing else is said: one a process, of 64 MiB.
    ///
    /// In a test that has a cache of its own ([`testing::isolated`]) it is that one, as for the routes.
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

    /// What it has done since it was made, and what it holds now.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::read(&self.0.counters);
        (stats.entries, stats.bytes) = self.0.shelf.size();
        (stats.markers, stats.marker_bytes) = self.0.markers.size();
        stats.remote = self.0.remote.as_ref().map(|remote| remote.client.stats());
        stats.running = self.0.flights.len() + self.0.live.len();
        stats
    }

    pub(crate) fn shared(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// Whether nothing is looked up or stored, by the environment's word or by its builder's.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        !self.enabled || switch::is_off()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether nothing was missed that another process may have invalidated of it.
    pub(crate) fn trusts(&self, stored: &StoredResponse, now: Timestamp) -> bool {
        let remote = self.remote.as_ref();
        remote.is_none_or(|remote| remote.trusts(stored, now))
    }

    /// What a request that joins now knows.
    pub(crate) fn boarding<'a>(&'a self, target: Target<'a>) -> JoinContext<'a> {
        JoinContext {
            now: self.now().elapsed(),
            limits: flights::Limits {
                followers: self.limits.followers,
                age: self.limits.run,
            },
            generations: &self.generations,
            target,
        }
    }

    /// Numbers a run at its start.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Relaxed)
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// Makes a [`ResponseCache`].
///
/// ```
/// use cached_response::ResponseCache;
/// use std::time::Duration;
///
/// let cache = ResponseCache::builder()
///     .max_bytes(128 << 20)
///     .max_body_bytes(4 << 20)
///     .wait_timeout(Duration::from_secs(2))
///     .build();
/// # let _ = cache;
/// ```
#[derive(Clone, Debug)]
pub struct ResponseCacheBuilder {
    enabled: bool,
    max_bytes: u64,
    limits: Limits,
    stale: StaleRules,
    pub(crate) remote: RemoteConfig,
    pub(crate) clock: Clock,
}

impl Default for ResponseCacheBuilder {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 64 << 20,
            limits: Limits {
                max_body_bytes: 1 << 20,
                wait_timeout: None,
                run: Duration::from_secs(30),
                followers: 1024,
                timeout: DEFAULT_TIMEOUT,
            },
            stale: StaleRules::default(),
            remote: RemoteConfig::default(),
            clock: Clock::default(),
        }
    }
}

impl ResponseCacheBuilder {
    /// How many bytes stored responses may take, their keys, headers and bookkeeping included.
    /// 64 MiB unless set.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Bodies over this many bytes are not stored, unless the route's own `max_body_bytes` says
    /// otherwise. 1 MiB unless set.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_body_bytes = bytes;
        self
    }

    /// The longest that a request waits for another's run of the same handler: then it runs the
    /// handler itself, or a stale response answers that may.
    ///
    /// Unless set, requests wait for 5 s, or for twice as long as the route's runs usually take. After
    /// that one of them runs beside the first, one more after as long again, and the first response
    /// that is there answers all. Nobody waits longer than the [`coalesce_for`](Self::coalesce_for).
    ///
    /// For another process's run requests wait as long, 5 s unless set.
    #[must_use]
    pub fn wait_timeout(mut self, wait_timeout: Duration) -> Self {
        self.limits.wait_timeout = Some(wait_timeout);
        self
    }

    /// How long a run may take before another is let in beside it; a run whose client has left is
    /// ended then. 30 s unless set.
    #[must_use]
    pub fn coalesce_for(mut self, limit: Duration) -> Self {
        self.limits.run = limit;
        self
    }

    /// How many requests may wait for one run; more run the handler themselves. 1,024 unless set.
    #[must_use]
    pub fn max_waiters(mut self, followers: usize) -> Self {
        self.limits.followers = followers;
        self
    }

    /// Switches the cache on or off. One that is off looks up nothing, stores nothing and collapses
    /// nothing: each request runs its handler, and `Cache-Status` says `detail=off`. What requests
    /// change is invalidated all the same. On unless set; the environment variable
    /// `CACHED_RESPONSE=off` switches off every cache of the process, and nothing there switches on
    /// one that is off.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().enabled(false).build();
    /// let page = web::get().to(cached(Policy::default(), || async { "hello" }));
    /// let app = test::init_service(App::new().app_data(cache.clone()).route("/", page)).await;
    /// let answer = test::call_service(&app, test::TestRequest::get().to_request()).await;
    /// let said = answer.headers().get("cache-status").unwrap();
    /// assert_eq!(said, "cached-response; fwd=bypass; detail=off");
    /// assert_eq!(cache.stats().entries, 0);
    /// # }
    /// ```
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// How long a response stays fresh whose route does not say so: a bare `#[cached_response]`, or
    /// `Policy::default()`. A [`Duration`], or whole seconds; zero stores nothing. 300 s unless set.
    /// The cache that serves a request decides.
    ///
    /// ```
    /// use actix_web::{App, get, test};
    /// use cached_response::{ResponseCache, cached_response};
    ///
    /// #[get("/")]
    /// #[cached_response]
    /// async fn hello() -> &'static str { "hello" }
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().default_timeout(7).build();
    /// let app = test::init_service(App::new().app_data(cache).service(hello)).await;
    /// test::call_service(&app, test::TestRequest::get().to_request()).await;
    /// let hit = test::call_service(&app, test::TestRequest::get().to_request()).await;
    /// let said = hit.headers().get("cache-status").unwrap().to_str().unwrap();
    /// assert!(said == "cached-response; hit; ttl=7" || said == "cached-response; hit; ttl=6");
    /// # }
    /// ```
    #[must_use]
    pub fn default_timeout(mut self, timeout: impl IntoTimeout) -> Self {
        self.limits.timeout = timeout.into_timeout();
        self
    }

    /// Makes the cache.
    #[track_caller]
    pub fn build(self) -> ResponseCache {
        self.build_at(Some(Location::caller()))
    }

    /// Makes a default cache, which the crate itself gives to a process or a thread.
    pub(crate) fn build_default() -> ResponseCache {
        Self::default().build_at(None)
    }

    fn build_at(self, place: Option<&'static Location<'static>>) -> ResponseCache {
        let memory = if self.remote.without_memory {
            MemoryStore::nowhere()
        } else {
            MemoryStore::new(self.max_bytes)
        };
        let lease = self.limits.lease();
        let generations = Arc::new(Generations::new());
        let remote = RemoteTier::new(&self.remote, lease, &self.clock, &generations);
        ResponseCache(Arc::new(Inner {
            shelf: memory,
            flights: ResponseFlights::new(),
            live: ForcedRuns::new(),
            markers: HitForPass::new(),
            times: RunTimes::new(),
            counters: Counters::new(),
            clock: self.clock,
            limits: self.limits,
            stale: self.stale,
            copies: Budget::of_the_process().clone(),
            enabled: self.enabled,
            routes: Routes::new(place),
            data: DataSets::new(remote.is_some()),
            generations,
            remote: remote.map(Arc::new),
            runs: AtomicU64::new(FOUND + 1),
        }))
    }
}

stale_options!(ResponseCacheBuilder);
