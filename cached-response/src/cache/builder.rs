//! `ResponseCacheBuilder`.

#[cfg(feature = "metrics")]
use crate::cache::publish::Published;
#[cfg(any(test, feature = "remote"))]
use crate::store::Store;
use crate::{
    cache::{CacheLimits, Inner, ResponseCache, advice::Advisor, app_data::DataSets},
    entry::NO_RUN,
    invalidation::{
        cdn::{InvalidatedNames, Notifier, OnInvalidate, SurrogateKeys},
        generations::Generations,
    },
    memory::MemoryStore,
    metrics::event::{CacheEvent, Observers, OnEvent},
    policy::{
        mistakes::Mistakes,
        stale::{DEFAULT_TIMEOUT, IntoTimeout, StaleRules, stale_options},
    },
    remote::{RemoteConfig, RemoteTier},
    response::tee::CopyBudget,
    route::{counted_routes::CacheCounters, index::Routes, run_times::RunTimes},
    single_flight::{
        hit_for_pass::HitForPass,
        responses::{ForcedRuns, ResponseFlights},
    },
    time::Clock,
};
use actix_web::http::header::HeaderName;
use std::{
    fmt::{Debug, Display},
    future::Future,
    panic::Location,
    sync::{Arc, Weak, atomic::AtomicU64},
    time::Duration,
};
use tokio::time::timeout;

/// Builds a [`ResponseCache`].
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
/// assert_eq!(cache.stats().bytes, 0);
/// ```
#[derive(Clone, Debug)]
pub struct ResponseCacheBuilder {
    enabled: bool,
    max_bytes: u64,
    limits: CacheLimits,
    stale: StaleRules,
    mistakes: Mistakes,
    surrogate_keys: Option<SurrogateKeys>,
    on_invalidate: Option<OnInvalidate>,
    without_memory: bool,
    on_event: Option<OnEvent>,
    pub(crate) remote: RemoteConfig,
    pub(crate) clock: Clock,
}

impl Default for ResponseCacheBuilder {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 64 << 20,
            limits: CacheLimits {
                max_body_bytes: 1 << 20,
                wait_timeout: None,
                coalesce_for: Duration::from_secs(30),
                max_waiters: 1024,
                timeout: DEFAULT_TIMEOUT,
            },
            stale: StaleRules::default(),
            mistakes: Mistakes::default(),
            surrogate_keys: None,
            on_invalidate: None,
            without_memory: false,
            on_event: None,
            remote: RemoteConfig::default(),
            clock: Clock::default(),
        }
    }
}

impl ResponseCacheBuilder {
    /// Sets the bytes that stored responses may take in memory, including their keys, headers and
    /// about 800 bytes of bookkeeping each. 64 MiB unless set.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().max_bytes(256 << 20).build();
    /// assert_eq!(cache.stats().bytes, 0);
    /// ```
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the size in bytes of the largest body that is stored, for routes without a
    /// `max_body_bytes` of their own. Larger responses are sent and not stored. 1 MiB unless set.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, Skip, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().max_body_bytes(4).build();
    /// let page = web::get().to(cached(Policy::default(), || async { "hello" }));
    /// let app = test::init_service(App::new().app_data(cache.clone()).route("/", page)).await;
    /// let body = test::call_and_read_body(&app, test::TestRequest::get().to_request()).await;
    /// assert_eq!(body, "hello");
    /// assert_eq!(cache.stats().skipped(Skip::TooLarge), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_body_bytes = bytes;
        self
    }

    /// Sets the longest wait of a request for another request's run of the same handler. After it the
    /// request runs the handler itself, or is answered with a stale response where the policy allows it.
    ///
    /// Unless set, the wait is twice the usual time of the route's runs, and 5 s at least; after it one
    /// waiter runs beside the first run, one more after as long again, and the first response answers
    /// all. No wait is longer than [`coalesce_for`](Self::coalesce_for).
    ///
    /// The same wait, 5 s unless set, applies to a run in another process.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = cached_response::ResponseCache::builder().wait_timeout(Duration::from_secs(2));
    /// assert_eq!(builder.build().stats().wait_timeouts, 0);
    /// ```
    #[must_use]
    pub fn wait_timeout(mut self, wait_timeout: Duration) -> Self {
        self.limits.wait_timeout = Some(wait_timeout);
        self
    }

    /// Sets how long requests for one key share a run. After that a second run starts beside it, and a
    /// run whose client has disconnected is cancelled. 30 s unless set.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = cached_response::ResponseCache::builder().coalesce_for(Duration::from_secs(10));
    /// assert_eq!(builder.build().stats().collapsed, 0);
    /// ```
    #[must_use]
    pub fn coalesce_for(mut self, limit: Duration) -> Self {
        self.limits.coalesce_for = limit;
        self
    }

    /// Sets how many requests may wait for one run; further ones run the handler themselves. 1,024
    /// unless set.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().max_waiters(64).build();
    /// assert_eq!(cache.stats().over_max_waiters, 0);
    /// ```
    #[must_use]
    pub fn max_waiters(mut self, waiters: usize) -> Self {
        self.limits.max_waiters = waiters;
        self
    }

    /// Switches the cache on or off. While it is off, each request runs its handler with
    /// `Cache-Status: ..; detail=off`: there is no look-up, no store and no coalescing. Invalidations
    /// still take effect. On unless set.
    ///
    /// The environment variable `CACHED_RESPONSE=off` switches off every cache of the process, and
    /// cannot switch one on.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().enabled(false).build();
    /// let page = web::get().to(cached(Policy::default(), || async { "hello" }));
    /// let app = test::init_service(App::new().app_data(cache.clone()).route("/", page)).await;
    /// let response = test::call_service(&app, test::TestRequest::get().to_request()).await;
    /// let status = response.headers().get("cache-status").unwrap();
    /// assert_eq!(status, "cached-response; fwd=bypass; detail=off");
    /// assert_eq!(cache.stats().entries, 0);
    /// # }
    /// ```
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Sets the lifetime of responses of routes that set none: a bare `#[cached_response]`, or
    /// `Policy::default()`. A [`Duration`], or whole seconds; zero stores nothing. 300 s unless set.
    ///
    /// The cache that serves the request decides, so one route may have different lifetimes in two
    /// applications.
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
    /// let status = hit.headers().get("cache-status").unwrap().to_str().unwrap();
    /// assert!(status == "cached-response; hit; ttl=7" || status == "cached-response; hit; ttl=6");
    /// # }
    /// ```
    #[must_use]
    pub fn default_timeout(mut self, timeout: impl IntoTimeout) -> Self {
        self.limits.timeout = timeout.into_timeout();
        self
    }

    /// Sets a callback for each decision of the cache: hits, misses, responses that are stored or not.
    ///
    /// It is called on the worker of the request, before the client is answered, so it must not block: to
    /// write to a file or a network, send a copy of what it needs to a thread or a task. For figures take
    /// [`stats`](ResponseCache::stats), which cost less. A panic in it is caught, and logged once.
    ///
    /// ```
    /// use cached_response::{EventKind, ResponseCache};
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    ///
    /// let invalidations = Arc::<AtomicU64>::default();
    /// let count = invalidations.clone();
    /// let cache = ResponseCache::builder()
    ///     .on_event(move |event| {
    ///         if event.kind == EventKind::Invalidation {
    ///             count.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     })
    ///     .build();
    /// cache.invalidate_all();
    /// assert_eq!(invalidations.load(Ordering::Relaxed), 1);
    /// ```
    #[must_use]
    pub fn on_event(mut self, on_event: impl Fn(&CacheEvent<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(OnEvent(Arc::new(on_event)));
        self
    }

    /// Builds the cache.
    ///
    /// The place of the call identifies the cache in warnings: call it once, outside the closure of
    /// `HttpServer::new`, and clone the result.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().build();
    /// assert_eq!(cache.stats().entries, 0);
    /// ```
    ///
    /// # Panics
    /// If an option is invalid, such as a `jitter` of 2. The message names all of them.
    #[track_caller]
    pub fn build(self) -> ResponseCache {
        self.build_at(Some(Location::caller()))
    }

    /// Builds a default cache of the process or of a test's thread.
    pub(crate) fn build_default() -> ResponseCache {
        Self::default().build_at(None)
    }

    #[track_caller]
    fn build_at(self, location: Option<&'static Location<'static>>) -> ResponseCache {
        self.mistakes.report();
        let memory = if self.without_memory {
            MemoryStore::disabled()
        } else {
            MemoryStore::new(self.max_bytes)
        };
        let lease = self.limits.lease();
        let generations = Arc::new(Generations::new());
        let remote = RemoteTier::new(self.remote, lease, &self.clock, &generations);
        let remote = remote.map(Arc::new);
        let notifier = self
            .on_invalidate
            .map(|call| notifier(call, remote.as_ref()));
        ResponseCache(Arc::new(Inner {
            memory,
            flights: ResponseFlights::new(),
            forced_runs: ForcedRuns::new(),
            hit_for_pass: HitForPass::new(),
            run_times: RunTimes::new(),
            counters: CacheCounters::new(),
            observers: Observers::new(self.on_event),
            advisor: Advisor::default(),
            #[cfg(feature = "metrics")]
            published: Published::default(),
            clock: self.clock,
            limits: self.limits,
            stale: self.stale,
            copy_budget: CopyBudget::of_the_process().clone(),
            enabled: self.enabled,
            routes: Routes::new(location),
            data_sets: DataSets::new(remote.is_some()),
            surrogate_keys: self.surrogate_keys,
            notifier,
            generations,
            remote,
            next_run: AtomicU64::new(NO_RUN + 1),
        }))
    }
}

/// Starts the notifier. What is invalidated is sent to the other processes first, or a cache in front
/// could be filled by one of them with an old response.
fn notifier(call: OnInvalidate, remote: Option<&Arc<RemoteTier>>) -> Notifier {
    // The thread does not keep the tier.
    let remote = remote.map(Arc::downgrade);
    Notifier::start(call, move || {
        let remote = remote.as_ref().and_then(Weak::upgrade);
        async move {
            if let Some(remote) = remote {
                // A store that fails delays the call, and does not prevent it.
                let _ = timeout(MAX_FLUSH, remote.bus().retry()).await;
            }
        }
    })
}

/// Time that the other processes are given before `on_invalidate` is called.
const MAX_FLUSH: Duration = Duration::from_secs(5);

/// The caches of a CDN or a proxy in front.
impl ResponseCacheBuilder {
    /// Sends the tags of each response in this header, for a CDN that invalidates by them:
    /// `Surrogate-Key`, with spaces between the keys, or `Cache-Tag`, with commas.
    ///
    /// The header is added to the response of a run and stored with it, so that hits have it, too. It has
    /// the tags of the route and those that the handler has named until its head is sent, beside keys
    /// that the handler has set itself. Spaces, commas, percent signs and all but printable ASCII in a
    /// tag are percent-encoded, as [`InvalidatedNames::surrogate_keys`] has them, and the first such tag is
    /// logged (`warn`): a purge of the CDN by the tag as it is written would miss. A response with more
    /// than 16 KiB of keys has `CDN-Cache-Control: no-store` and `Surrogate-Control: no-store` in their
    /// place, since the CDN could not invalidate it.
    ///
    /// Every receiver of the response can read its tags, unless the CDN removes the header.
    ///
    /// [`InvalidatedNames::surrogate_keys`]: crate::InvalidatedNames::surrogate_keys
    ///
    /// # Panics
    /// When the cache is built, if a text is not the name of a header.
    ///
    /// ```
    /// use actix_web::{App, get, test};
    /// use cached_response::{ResponseCache, cached_response};
    ///
    /// #[get("/products")]
    /// #[cached_response(timeout = 60, tags("products", "page one"))]
    /// async fn products() -> &'static str {
    ///     "tea, cake"
    /// }
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().surrogate_keys("Surrogate-Key").build();
    /// let app = test::init_service(App::new().app_data(cache).service(products)).await;
    /// for _ in 0..2 {
    ///     let request = test::TestRequest::with_uri("/products").to_request();
    ///     let response = test::call_service(&app, request).await;
    ///     assert_eq!(response.headers().get("surrogate-key").unwrap(), "products page%20one");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn surrogate_keys(mut self, header: impl TryInto<HeaderName> + Debug) -> Self {
        let what = "the name of a header, such as \"Surrogate-Key\"";
        let header = self.mistakes.convert("surrogate_keys", header, what);
        self.surrogate_keys = header.map(SurrogateKeys::new);
        self
    }

    /// Calls `purge` with the names that were invalidated or expired through this cache, for an
    /// application that purges its CDN.
    ///
    /// It is called on a thread of its own, where the invalidation holds in this process, and when the
    /// remote store had up to 5 s to confirm it. It delays neither a request nor an invalidation. Where it
    /// returns an error, panics or takes more than 30 s, it is called again after 0.2 s to 60 s; names
    /// that are invalidated meanwhile are added, each once. More than 1,024 names, or 1 MiB, become
    /// one invalidation of everything. An invalidation by another process is not reported here, but there.
    ///
    /// When the last handle of the cache is dropped, it is called once more with what is queued. What is
    /// queued when the process exits is lost: the lifetime of responses in the CDN should bound it.
    ///
    /// ```
    /// use cached_response::{InvalidatedNames, ResponseCache};
    /// use std::sync::mpsc;
    ///
    /// let (purged, purges) = mpsc::channel();
    /// let purge = move |names: InvalidatedNames| {
    ///     let purged = purged.clone();
    ///     async move { purged.send(names.surrogate_keys().collect::<Vec<_>>()) }
    /// };
    /// let cache = ResponseCache::builder().on_invalidate(purge).build();
    /// cache.invalidate_tag("product 7");
    /// assert_eq!(purges.recv().unwrap(), ["product%207"]);
    /// ```
    #[must_use]
    pub fn on_invalidate<F, Fut, E>(mut self, purge: F) -> Self
    where
        F: Fn(InvalidatedNames) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        self.on_invalidate = Some(OnInvalidate::new(purge));
        self
    }
}

stale_options!(ResponseCacheBuilder);

/// A remote store, which other processes share, with the feature `remote`.
#[cfg(any(test, feature = "remote"))]
impl ResponseCacheBuilder {
    /// Adds a remote store behind the memory, which shares responses with other processes.
    ///
    /// A request that misses in memory is looked up there before the handler runs; a new response is
    /// written there in the background. A store that is slow or unreachable never fails a request, and
    /// delays it by [`remote_timeout`](Self::remote_timeout) at most.
    ///
    /// **A store that several applications share needs a [`namespace`](Self::namespace) for each:**
    /// staging and production, each tenant's deployment, each service, and each `cache =` of one
    /// process. Caches with one namespace are nodes of one cache. The key of most handlers does not
    /// include the host, and two services from one template have handlers of the same name and source.
    ///
    /// More in [the guide](crate::guide::many_nodes).
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), std::convert::Infallible> {
    /// let store = InProcessStore::new();
    /// let node = || ResponseCache::builder().remote(store.clone()).build();
    /// let (one, other) = (node(), node());
    /// let answer = |node: ResponseCache, computed: u32| async move {
    ///     node.get_or_compute("answer", 60, move || async move {
    ///         Ok::<_, std::convert::Infallible>(computed)
    ///     })
    ///     .await
    /// };
    /// assert_eq!(answer(one.clone(), 42).await?, 42);
    /// one.settled().await;
    /// assert_eq!(answer(other.clone(), 43).await?, 42);
    /// assert_eq!(other.stats().values.remote_hits, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn remote(mut self, store: impl Store) -> Self {
        self.remote.store = Some(Arc::new(store));
        self
    }

    /// Disables the memory of this process: every look-up asks the remote store, so that an
    /// invalidation in any process applies to the next request everywhere. Without a remote store
    /// nothing is stored at all. Only the [`namespace`](Self::namespace) separates two such caches of
    /// one process.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let cache = ResponseCache::builder().remote(InProcessStore::new()).without_memory().build();
    /// assert_eq!(cache.stats().entries, 0);
    /// ```
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.without_memory = true;
        self
    }

    /// Sets the prefix of every name in the remote store. Caches with the same store and namespace share
    /// responses and invalidations, so they must be one application on the same data.
    /// `cached-response` unless set, **in every application that does not set it**. A second cache of
    /// one process with the same namespace logs a warning when it is built.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let store = InProcessStore::new();
    /// let cache = ResponseCache::builder().remote(store).namespace("shop").build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.remote.namespace = namespace.into();
        self
    }

    /// Sets a number that is part of every key in the remote store, so that caches with different
    /// numbers do not see each other's responses. Raise it where the output of handlers changes without a change of
    /// their own source: in functions that they call, and in the types of the values of
    /// [`get_or_compute`](crate::ResponseCache::get_or_compute) and of `key(serde(..))`. 1 unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let store = InProcessStore::new();
    /// let cache = ResponseCache::builder().remote(store).schema_version(2).build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn schema_version(mut self, version: u32) -> Self {
        self.remote.schema_version = version;
        self
    }

    /// Sets the time that one request waits for the remote store, over all its calls. After it the
    /// request continues as on a miss. 50 ms unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .remote_timeout(Duration::from_millis(20))
    ///     .build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn remote_timeout(mut self, timeout: Duration) -> Self {
        self.remote.remote_timeout = timeout;
        self
    }

    /// Sets the time for an invalidation to take effect in the remote store. After it the invalidation
    /// returns an error, and is retried in the background. 250 ms unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .invalidation_timeout(Duration::from_secs(1))
    ///     .build();
    /// assert_eq!(cache.stats().invalidations, 0);
    /// ```
    #[must_use]
    pub fn invalidation_timeout(mut self, timeout: Duration) -> Self {
        self.remote.invalidation_timeout = timeout;
        self
    }

    /// Sets how long responses in memory are reused without a message from the other processes. After
    /// it they are verified against the remote store before they are reused. 5 s unless set; with a
    /// store without a bus every response is verified.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .max_unverified(Duration::from_secs(2))
    ///     .build();
    /// assert_eq!(cache.stats().hits, 0);
    /// ```
    #[must_use]
    pub fn max_unverified(mut self, max_unverified: Duration) -> Self {
        self.remote.max_unverified = max_unverified;
        self
    }
}
