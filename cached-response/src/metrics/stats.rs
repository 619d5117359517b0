//! `Stats`: the counts of a cache, of its routes and of its values.

use crate::metrics::{
    counters::{Sum, Totals},
    event::EventKind,
    reason::{Bypass, ForwardReason, Skip, StaleRule},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{fmt::Display, time::Duration};

/// Counts by reason. Those that are zero are left out.
///
/// As JSON it is an object of the reasons' words, `{"set-cookie": 3}`.
///
/// ```
/// use cached_response::{ResponseCache, Skip};
///
/// let stats = ResponseCache::builder().build().stats();
/// assert_eq!(stats.skips.get(Skip::SetCookie), 0);
/// assert_eq!(stats.skips.iter().count(), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonCounts<R>(Vec<(R, u64)>);

impl<R> Default for ReasonCounts<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: Copy + PartialEq> ReasonCounts<R> {
    fn read(all: &[R], count: impl Fn(R) -> u64) -> Self {
        let counts = all.iter().map(|&reason| (reason, count(reason)));
        Self(counts.filter(|(_, count)| *count > 0).collect())
    }

    /// Returns the count of a reason.
    ///
    /// ```
    /// use cached_response::{Bypass, ResponseCache};
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().bypasses.get(Bypass::Method), 0);
    /// ```
    pub fn get(&self, reason: R) -> u64 {
        let mut counts = self.iter();
        counts
            .find(|(known, _)| *known == reason)
            .map_or(0, |(_, count)| count)
    }

    /// Returns the reasons that have occurred, with their counts.
    ///
    /// ```
    /// use cached_response::ResponseCache;
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().forwards.iter().next(), None);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (R, u64)> {
        self.0.iter().copied()
    }

    /// Returns the sum over all reasons.
    ///
    /// ```
    /// use cached_response::ResponseCache;
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().bypasses.total(), 0);
    /// ```
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    fn since(&self, earlier: &Self) -> Self {
        let rest = self
            .iter()
            .map(|(reason, count)| (reason, count.saturating_sub(earlier.get(reason))));
        Self(rest.filter(|(_, count)| *count > 0).collect())
    }
}

impl<R: Display> Serialize for ReasonCounts<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.0.iter();
        serializer.collect_map(counts.map(|(reason, count)| (reason.to_string(), count)))
    }
}

/// A field of counts: its name, a reference to it, and how it is read.
type Field<T> = (&'static str, fn(&mut T) -> &mut u64, fn(&Totals) -> u64);

/// Defines a type with the counts of requests, and some fields of its own.
macro_rules! with_counts {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $own: $type,)*
            /// Requests answered from a stored response, including those with a 304.
            pub hits: u64,
            /// Hits that were answered with 304 Not Modified.
            pub not_modified: u64,
            /// Requests whose look-up in memory found nothing to reuse.
            pub misses: u64,
            /// Hits whose response came from the remote store. Their look-up in memory was a miss.
            pub remote_hits: u64,
            /// Requests that forced a refresh (`?nocache=1`), or whose `Cache-Control` excludes the
            /// stored response.
            pub forced_refreshes: u64,
            /// Responses stored.
            pub stored: u64,
            /// Runs of the handler that ended.
            pub runs: u64,
            /// Runs that found the stored response unchanged (304).
            pub validated: u64,
            /// Runs that refreshed a stored response in the background after it was served.
            pub refreshes: u64,
            /// Misses answered by the run of another request.
            pub collapsed: u64,
            /// Misses that waited for another request's run until the wait timed out, or until they
            /// started a run beside it.
            pub wait_timeouts: u64,
            /// Misses that came from within the run that they would have waited for, and ran at once
            /// instead of a deadlock.
            pub nested_runs: u64,
            /// Misses that ran at once because the run had
            /// [`max_waiters`](crate::ResponseCacheBuilder::max_waiters) waiters already.
            pub over_max_waiters: u64,
            /// Misses that ran at once because the last response for the key could not be stored.
            pub hit_for_pass: u64,
            /// Runs that panicked, or were dropped and could not continue in the background.
            pub failed: u64,
            /// Runs that continued in the background after their client had disconnected, or had
            /// received a stale response.
            pub detached: u64,
            /// Requests with `only-if-cached` that were answered with a 504.
            pub only_if_cached: u64,
            /// Bytes of the bodies of hits. A 304 has none; a range counts as the whole.
            pub served_bytes: u64,
            /// Time of the runs that hits made unnecessary: each hit adds the time that the run of its
            /// response took.
            pub time_saved: Duration,
            /// Time that runs took, to the end of the handler.
            pub run_time: Duration,
            /// Misses and forced refreshes by reason, as in the `fwd` of `Cache-Status`.
            pub forwards: ReasonCounts<ForwardReason>,
            /// Requests that bypassed the cache, by reason.
            pub bypasses: ReasonCounts<Bypass>,
            /// Responses that were not stored, by reason.
            pub skips: ReasonCounts<Skip>,
            /// Requests answered with a stale response, by rule. Those answered at their look-up are
            /// also in `hits`.
            pub stale: ReasonCounts<StaleRule>,
        }

        impl $name {
            const COUNTS: [Field<Self>; 18] = [
                ("hits", |to| &mut to.hits, |from| {
                    from.of(EventKind::Hit) + from.of(EventKind::NotModified)
                }),
                ("not_modified", |to| &mut to.not_modified, |from| from.of(EventKind::NotModified)),
                ("misses", |to| &mut to.misses, Totals::misses),
                ("remote_hits", |to| &mut to.remote_hits, |from| from.of(EventKind::RemoteHit)),
                ("forced_refreshes", |to| &mut to.forced_refreshes, |from| {
                    from.of(EventKind::Forward(ForwardReason::Request))
                }),
                ("stored", |to| &mut to.stored, |from| from.of(EventKind::Stored)),
                ("runs", |to| &mut to.runs, |from| from.sum(Sum::Runs)),
                ("validated", |to| &mut to.validated, |from| from.of(EventKind::Validated)),
                ("refreshes", |to| &mut to.refreshes, |from| from.of(EventKind::Refresh)),
                ("collapsed", |to| &mut to.collapsed, |from| from.of(EventKind::Collapsed)),
                ("wait_timeouts", |to| &mut to.wait_timeouts, |from| from.of(EventKind::WaitTimeout)),
                ("nested_runs", |to| &mut to.nested_runs, |from| from.of(EventKind::NestedRun)),
                ("over_max_waiters", |to| &mut to.over_max_waiters, |from| {
                    from.of(EventKind::OverMaxWaiters)
                }),
                ("hit_for_pass", |to| &mut to.hit_for_pass, |from| from.of(EventKind::HitForPass)),
                ("failed", |to| &mut to.failed, |from| from.of(EventKind::Failed)),
                ("detached", |to| &mut to.detached, |from| from.of(EventKind::Detached)),
                ("only_if_cached", |to| &mut to.only_if_cached, |from| {
                    from.of(EventKind::OnlyIfCached)
                }),
                ("served_bytes", |to| &mut to.served_bytes, |from| from.sum(Sum::ServedBytes)),
            ];

            /// Returns the part of the look-ups that a stored response answered, from 0 to 1; `None`
            /// where there was none. Bypasses and forced refreshes are not look-ups.
            ///
            /// ```
            #[doc = concat!("assert_eq!(cached_response::", stringify!($name), "::default().hit_ratio(), None);")]
            /// ```
            #[expect(clippy::cast_precision_loss, reason = "a ratio")]
            pub fn hit_ratio(&self) -> Option<f64> {
                let lookups = self.lookups();
                (lookups > 0).then(|| self.hits as f64 / lookups as f64)
            }

            fn lookups(&self) -> u64 {
                // A hit in the remote store is a miss in memory before.
                self.hits + self.misses.saturating_sub(self.remote_hits)
            }

            /// Returns the number of requests that bypassed the cache for this reason.
            ///
            /// ```
            /// use cached_response::Bypass;
            ///
            #[doc = concat!("let stats = cached_response::", stringify!($name), "::default();")]
            /// assert_eq!(stats.bypassed(Bypass::Method), 0);
            /// ```
            pub fn bypassed(&self, reason: Bypass) -> u64 {
                self.bypasses.get(reason)
            }

            /// Returns the number of responses that were not stored for this reason.
            ///
            /// ```
            /// use cached_response::Skip;
            ///
            #[doc = concat!("let stats = cached_response::", stringify!($name), "::default();")]
            /// assert_eq!(stats.skipped(Skip::SetCookie), 0);
            /// ```
            pub fn skipped(&self, reason: Skip) -> u64 {
                self.skips.get(reason)
            }

            /// Returns the number of requests that were answered with a stale response under this rule.
            ///
            /// ```
            /// use cached_response::StaleRule;
            ///
            #[doc = concat!("let stats = cached_response::", stringify!($name), "::default();")]
            /// assert_eq!(stats.answered_stale(StaleRule::IfError), 0);
            /// ```
            pub fn answered_stale(&self, rule: StaleRule) -> u64 {
                self.stale.get(rule)
            }

            pub(crate) fn read(totals: &Totals) -> Self {
                let mut stats = Self {
                    time_saved: Duration::from_micros(totals.sum(Sum::SavedMicros)),
                    run_time: Duration::from_micros(totals.sum(Sum::RunMicros)),
                    forwards: ReasonCounts::read(ForwardReason::ALL, |why| {
                        totals.of(EventKind::Forward(why))
                    }),
                    bypasses: ReasonCounts::read(Bypass::ALL, |why| totals.of(EventKind::Bypass(why))),
                    skips: ReasonCounts::read(Skip::ALL, |why| totals.of(EventKind::Skip(why))),
                    stale: ReasonCounts::read(StaleRule::ALL, |rule| totals.of(EventKind::Stale(rule))),
                    ..Self::default()
                };
                for (_, field, read) in Self::COUNTS {
                    *field(&mut stats) = read(totals);
                }
                stats
            }

            /// Subtracts the counts of an earlier time.
            fn subtract(&mut self, earlier: &Self) {
                let mut from = earlier.clone();
                for (_, field, _) in Self::COUNTS {
                    let count = field(self);
                    *count = count.saturating_sub(*field(&mut from));
                }
                self.time_saved = self.time_saved.saturating_sub(earlier.time_saved);
                self.run_time = self.run_time.saturating_sub(earlier.run_time);
                self.forwards = self.forwards.since(&earlier.forwards);
                self.bypasses = self.bypasses.since(&earlier.bypasses);
                self.skips = self.skips.since(&earlier.skips);
                self.stale = self.stale.since(&earlier.stale);
            }
        }

        /// An object of the fields, with `hit_ratio`. Durations are in seconds, and named so:
        /// `time_saved_seconds`.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut to = serializer.serialize_map(None)?;
                $(to.serialize_entry(stringify!($own), &self.$own)?;)*
                let mut from = self.clone();
                for (name, field, _) in Self::COUNTS {
                    to.serialize_entry(name, field(&mut from))?;
                }
                to.serialize_entry("hit_ratio", &self.hit_ratio())?;
                to.serialize_entry("time_saved_seconds", &self.time_saved.as_secs_f64())?;
                to.serialize_entry("run_time_seconds", &self.run_time.as_secs_f64())?;
                to.serialize_entry("forwards", &self.forwards)?;
                to.serialize_entry("bypasses", &self.bypasses)?;
                to.serialize_entry("skips", &self.skips)?;
                to.serialize_entry("stale", &self.stale)?;
                to.end()
            }
        }
    };
}

with_counts! {
    /// The counts of a cache since it was built, and its current size.
    ///
    /// Each count is exact. They are read one after the other while requests continue, so sums over several
    /// of them may be off by the requests in between. The counts of responses are the sums over
    /// [`routes`](Self::routes); values are counted apart.
    ///
    /// Displayed, it is a summary of a dozen lines, without what is zero. As JSON it is an object of its
    /// fields, whose names are stable.
    ///
    /// ```
    /// use cached_response::{ResponseCache, Bypass};
    ///
    /// let stats = ResponseCache::builder().build().stats();
    /// assert_eq!((stats.hits, stats.entries, stats.bytes), (0, 0, 0));
    /// assert_eq!(stats.bypassed(Bypass::Method), 0);
    /// assert_eq!(stats.hit_ratio(), None);
    /// ```
    Stats {
        /// Stored responses, values and variant lists in memory.
        entries: u64,
        /// The size of the entries in bytes.
        bytes: u64,
        /// The bytes that the entries may take:
        /// [`max_bytes`](crate::ResponseCacheBuilder::max_bytes); 0 without memory.
        max_bytes: u64,
        /// Entries that were evicted from memory, or not admitted to it, to make room.
        evictions: u64,
        /// Invalidations and expiries by the application, and paths invalidated by requests with unsafe
        /// methods.
        invalidations: u64,
        /// Keys whose requests are not coalesced because their last response could not be stored
        /// (hit-for-pass).
        hit_for_pass_keys: u64,
        /// The size of those keys in bytes, up to 2 MiB.
        hit_for_pass_bytes: u64,
        /// Runs in progress that other requests may wait for.
        running: usize,
        /// The counts of [`get_or_compute`](crate::ResponseCache::get_or_compute).
        values: ValueStats,
        /// The counts of each cached handler that was requested, in the order of their first requests.
        routes: Vec<RouteStats>,
        /// The counts of calls to the remote store, where there is one.
        remote: Option<RemoteStats>,
    }
}

with_counts! {
    /// The counts of one cached handler in one cache. All handlers behind a
    /// [`CacheResponses`](crate::CacheResponses) are one.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().build();
    /// let page = web::get().to(cached(Policy::default(), || async { "hello" }));
    /// let app = test::init_service(App::new().app_data(cache.clone()).route("/page/{id}", page)).await;
    /// for _ in 0..4 {
    ///     test::call_and_read_body(&app, test::TestRequest::get().uri("/page/7").to_request()).await;
    /// }
    /// let stats = cache.stats();
    /// let [route] = &*stats.routes else { panic!("{stats}") };
    /// assert_eq!((route.hits, route.misses, route.hit_ratio()), (3, 1, Some(0.75)));
    /// assert_eq!(route.patterns, ["/page/{id}"]);
    /// # }
    /// ```
    RouteStats {
        /// The handler's name with its module, or the place of `cached(..)` or `CacheResponses::new(..)` in
        /// the source.
        handler: &'static str,
        /// A name that does not change, for labels: the pattern of its first request, or else `handler`. Two
        /// handlers of one pattern have one name.
        route: String,
        /// The patterns that it is routed by and was requested under, such as `/list/{id}`; empty where no
        /// route matched.
        patterns: Vec<String>,
    }
}

with_counts! {
    /// The counts of the values of a cache, as [`RouteStats`] has them of responses.
    ///
    /// ```
    /// use cached_response::ResponseCache;
    /// use std::convert::Infallible;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), Infallible> {
    /// let cache = ResponseCache::builder().build();
    /// for _ in 0..2 {
    ///     cache.get_or_compute("rate", 60, || async { Ok::<_, Infallible>(1.08) }).await?;
    /// }
    /// let stats = cache.stats();
    /// assert_eq!((stats.values.hits, stats.values.misses), (1, 1));
    /// assert_eq!((stats.hits, stats.misses), (0, 0));
    /// # Ok(())
    /// # }
    /// ```
    ValueStats {}
}

impl RouteStats {
    pub(crate) fn requests(&self) -> u64 {
        self.lookups() + self.forced_refreshes + self.bypasses.total()
    }
}

/// The counts of a route without a name.
impl From<&ValueStats> for RouteStats {
    fn from(values: &ValueStats) -> Self {
        let mut from = values.clone();
        let mut to = Self {
            time_saved: values.time_saved,
            run_time: values.run_time,
            forwards: values.forwards.clone(),
            bypasses: values.bypasses.clone(),
            skips: values.skips.clone(),
            stale: values.stale.clone(),
            ..Self::default()
        };
        for ((_, to_field, _), (_, from_field, _)) in
            Self::COUNTS.into_iter().zip(ValueStats::COUNTS)
        {
            *to_field(&mut to) = *from_field(&mut from);
        }
        to
    }
}

impl Stats {
    /// Returns the difference to `earlier` stats of the same cache: what was counted in between. Sizes and
    /// runs in progress are those of `self`.
    ///
    /// ```
    /// use cached_response::ResponseCache;
    ///
    /// let cache = ResponseCache::builder().build();
    /// let before = cache.stats();
    /// cache.invalidate_all();
    /// assert_eq!(cache.stats().since(&before).invalidations, 1);
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        since.subtract(earlier);
        since.evictions = since.evictions.saturating_sub(earlier.evictions);
        since.invalidations = since.invalidations.saturating_sub(earlier.invalidations);
        since.values.subtract(&earlier.values);
        // A route keeps its place.
        for (route, earlier) in since.routes.iter_mut().zip(&earlier.routes) {
            route.subtract(earlier);
        }
        if let (Some(remote), Some(earlier)) = (&mut since.remote, &earlier.remote) {
            remote.subtract(earlier);
        }
        since
    }
}

/// The words of the kinds of errors.
pub(crate) const ERROR_KINDS: [&str; 5] = [
    "unreachable",
    "timeout",
    "refused",
    "protocol",
    "invalid-address",
];

/// Counts of the calls to the remote store since the cache was built.
///
/// Each count is exact. They are read one after the other while requests continue.
///
/// ```
/// use cached_response::{RemoteStats, StoreErrorKind};
///
/// let stats = RemoteStats::default();
/// assert_eq!((stats.calls, stats.slow, stats.opened), (0, 0, 0));
/// assert_eq!(stats.failed(StoreErrorKind::Unreachable), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Calls that were made, including those in the background.
    pub calls: u64,
    /// Calls that timed out.
    pub slow: u64,
    /// Calls that were not made because too many were in progress.
    pub over_max_calls: u64,
    /// Calls that were not made because the circuit breaker was open.
    pub refused: u64,
    /// Number of times that the circuit breaker has opened.
    pub opened: u64,
    /// The circuit breaker is open: no request calls the store, until it answers a probe.
    pub is_open: bool,
    /// Background writes that succeeded.
    pub written: u64,
    /// Background writes that were discarded: the queue was full, or they failed.
    pub dropped: u64,
    /// Failed calls by the kind of the error.
    #[serde(serialize_with = "by_kind")]
    pub(crate) failed: [u64; ERROR_KINDS.len()],
}

impl RemoteStats {
    fn subtract(&mut self, earlier: &Self) {
        let pairs = [
            (&mut self.calls, earlier.calls),
            (&mut self.slow, earlier.slow),
            (&mut self.over_max_calls, earlier.over_max_calls),
            (&mut self.refused, earlier.refused),
            (&mut self.opened, earlier.opened),
            (&mut self.written, earlier.written),
            (&mut self.dropped, earlier.dropped),
        ];
        let kinds = self.failed.iter_mut().zip(earlier.failed);
        for (count, earlier) in pairs.into_iter().chain(kinds) {
            *count = count.saturating_sub(earlier);
        }
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let kinds = ERROR_KINDS.into_iter().zip(self.failed);
        kinds.filter(|(_, count)| *count > 0)
    }
}

fn by_kind<S: Serializer>(
    failed: &[u64; ERROR_KINDS.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let kinds = ERROR_KINDS.into_iter().zip(failed);
    serializer.collect_map(kinds.filter(|(_, count)| **count > 0))
}
