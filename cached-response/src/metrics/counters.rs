//! Events and their counters: always on, and without contention between workers.

use crate::metrics::reason::{Bypass, ForwardReason, Skip, StaleRule};
use std::{
    array,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// A counted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Hit,
    NotModified,
    Forward(ForwardReason),
    Bypass(Bypass),
    Stored,
    Skip(Skip),
    Collapsed,
    WaitTimeout,
    NestedRun,
    Crowded,
    Failed,
    Detached,
    Marked,
    Invalidation,
    OnlyIfCached,
    Validated,
    Refresh,
    RemoteHit,
    Stale(StaleRule),
}

const PLAIN: usize = 15;
const FORWARDS: usize = ForwardReason::ALL.len();
const BYPASSES: usize = Bypass::ALL.len();
const SKIPS: usize = Skip::ALL.len();
const EVENTS: usize = PLAIN + FORWARDS + BYPASSES + SKIPS + StaleRule::ALL.len();

impl Event {
    /// The name of the event in traces.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::NotModified => "not-modified",
            Self::Stored => "stored",
            Self::Collapsed => "collapsed",
            Self::WaitTimeout => "wait-timeout",
            Self::NestedRun => "nested-run",
            Self::Crowded => "crowded",
            Self::Failed => "failed",
            Self::Detached => "detached",
            Self::Marked => "marked",
            Self::Invalidation => "invalidation",
            Self::OnlyIfCached => "only-if-cached",
            Self::Validated => "validated",
            Self::Refresh => "refresh",
            Self::RemoteHit => "remote-hit",
            Self::Stale(_) => "stale",
            Self::Forward(_) => "forward",
            Self::Bypass(_) => "bypass",
            Self::Skip(_) => "skip",
        }
    }

    /// The token of its reason, where it has one.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Forward(forward) => Some(forward.as_str()),
            Self::Bypass(bypass) => Some(bypass.as_str()),
            Self::Skip(skip) => Some(skip.as_str()),
            Self::Stale(rule) => Some(rule.as_str()),
            _ => None,
        }
    }

    /// The index of its counter.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Hit => 0,
            Self::NotModified => 1,
            Self::Stored => 2,
            Self::Collapsed => 3,
            Self::WaitTimeout => 4,
            Self::Crowded => 5,
            Self::Failed => 6,
            Self::Detached => 7,
            Self::Marked => 8,
            Self::Invalidation => 9,
            Self::OnlyIfCached => 10,
            Self::Validated => 11,
            Self::Refresh => 12,
            Self::RemoteHit => 13,
            Self::NestedRun => 14,
            Self::Forward(forward) => PLAIN + forward as usize,
            Self::Bypass(bypass) => PLAIN + FORWARDS + bypass as usize,
            Self::Skip(skip) => PLAIN + FORWARDS + BYPASSES + skip as usize,
            Self::Stale(rule) => PLAIN + FORWARDS + BYPASSES + SKIPS + rule as usize,
        }
    }
}

/// Stripes of counters. Workers beyond this number share one, which costs time and loses no count.
const STRIPES: usize = 16;

#[derive(Debug)]
#[repr(align(128))]
struct Stripe([AtomicU64; EVENTS]);

/// The counters of one cache, with a stripe for each worker.
#[derive(Debug)]
pub(crate) struct Counters(Box<[Stripe]>);

impl Counters {
    pub(crate) fn new() -> Self {
        let stripe = || Stripe(array::from_fn(|_| AtomicU64::new(0)));
        Self((0..STRIPES).map(|_| stripe()).collect())
    }

    pub(crate) fn count(&self, event: Event) {
        self.0[stripe_index()].0[event.index()].fetch_add(1, Relaxed);
    }

    fn total(&self, event: Event) -> u64 {
        let index = event.index();
        self.0
            .iter()
            .map(|stripe| stripe.0[index].load(Relaxed))
            .sum()
    }
}

fn stripe_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: usize = NEXT.fetch_add(1, Relaxed) % STRIPES);
    MINE.with(|mine| *mine)
}

/// The counts of a cache since it was built, and its current size.
///
/// Each count is exact. They are read one after the other while requests continue, so sums over several
/// of them may be off by the requests in between.
///
/// ```
/// use cached_response::{ResponseCache, Bypass};
///
/// let stats = ResponseCache::builder().build().stats();
/// assert_eq!((stats.hits, stats.entries, stats.bytes), (0, 0, 0));
/// assert_eq!(stats.bypassed(Bypass::Method), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered from a stored response, including those with a 304.
    pub hits: u64,
    /// Hits that were answered with 304 Not Modified.
    pub not_modified: u64,
    /// Requests whose look-up found nothing to reuse, and which were forwarded to the handler.
    pub misses: u64,
    /// Requests that forced a refresh (`?nocache=1`), or whose `Cache-Control` excludes the stored response.
    pub forced_refreshes: u64,
    /// Responses stored.
    pub stored: u64,
    /// Misses answered by the run of another request.
    pub collapsed: u64,
    /// Misses that waited for another request's run until the wait timed out, or until they started a run
    /// beside it.
    pub wait_timeouts: u64,
    /// Misses that came from within the run that they would have waited for, and ran at once instead of a
    /// deadlock.
    pub nested_runs: u64,
    /// Misses that ran at once because the run had [`max_waiters`](crate::ResponseCacheBuilder::max_waiters)
    /// waiters already.
    pub crowded: u64,
    /// Runs that panicked, or were dropped and could not continue in the background.
    pub failed: u64,
    /// Runs that continued in the background after their client had disconnected, or had received a stale
    /// response.
    pub detached: u64,
    /// Misses that ran at once because the last response for the key could not be stored (hit-for-pass).
    pub marked: u64,
    /// Invalidations and expiries by the application, and paths invalidated by requests with unsafe
    /// methods.
    pub invalidations: u64,
    /// Requests with `only-if-cached` that were answered with a 504.
    pub only_if_cached: u64,
    /// Runs that found the stored response unchanged (304).
    pub validated: u64,
    /// Runs that refreshed a stored response in the background after it was served.
    pub refreshes: u64,
    /// Hits whose response came from the remote store.
    pub remote_hits: u64,
    /// Stored responses and variant lists in memory.
    pub entries: u64,
    /// The size of the entries in bytes.
    pub bytes: u64,
    /// Keys whose requests are not coalesced because their last response could not be stored
    /// (hit-for-pass).
    pub markers: u64,
    /// The size of the markers in bytes, up to 2 MiB.
    pub marker_bytes: u64,
    /// Runs in progress that other requests may wait for.
    pub running: usize,
    /// The counts of calls to the remote store, where there is one.
    pub remote: Option<RemoteStats>,
    bypasses: Vec<(Bypass, u64)>,
    skips: Vec<(Skip, u64)>,
    stale: Vec<(StaleRule, u64)>,
}

impl Stats {
    /// Returns the number of requests that bypassed the cache for this reason.
    ///
    /// ```
    /// use cached_response::{Bypass, ResponseCache};
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().bypassed(Bypass::Method), 0);
    /// ```
    pub fn bypassed(&self, reason: Bypass) -> u64 {
        self.bypasses
            .iter()
            .find(|(known, _)| *known == reason)
            .map_or(0, |(_, count)| *count)
    }

    /// Returns the number of responses that were not stored for this reason.
    ///
    /// ```
    /// use cached_response::{ResponseCache, Skip};
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().skipped(Skip::SetCookie), 0);
    /// ```
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skips
            .iter()
            .find(|(known, _)| *known == reason)
            .map_or(0, |(_, count)| *count)
    }

    /// Returns the number of requests that were answered with a stale response under this rule. Those
    /// answered at their look-up are also in `hits`.
    ///
    /// ```
    /// use cached_response::{ResponseCache, StaleRule};
    ///
    /// assert_eq!(ResponseCache::builder().build().stats().answered_stale(StaleRule::IfError), 0);
    /// ```
    pub fn answered_stale(&self, rule: StaleRule) -> u64 {
        self.stale
            .iter()
            .find(|(known, _)| *known == rule)
            .map_or(0, |(_, count)| *count)
    }

    pub(crate) fn read(counters: &Counters) -> Self {
        let total = |event| counters.total(event);
        let forwarded = |reason| total(Event::Forward(reason));
        Self {
            hits: total(Event::Hit) + total(Event::NotModified),
            not_modified: total(Event::NotModified),
            misses: forwarded(ForwardReason::UriMiss)
                + forwarded(ForwardReason::VaryMiss)
                + forwarded(ForwardReason::Stale),
            forced_refreshes: forwarded(ForwardReason::Request),
            stored: total(Event::Stored),
            collapsed: total(Event::Collapsed),
            wait_timeouts: total(Event::WaitTimeout),
            nested_runs: total(Event::NestedRun),
            crowded: total(Event::Crowded),
            failed: total(Event::Failed),
            detached: total(Event::Detached),
            marked: total(Event::Marked),
            invalidations: total(Event::Invalidation),
            only_if_cached: total(Event::OnlyIfCached),
            validated: total(Event::Validated),
            refreshes: total(Event::Refresh),
            remote_hits: total(Event::RemoteHit),
            bypasses: Bypass::ALL
                .iter()
                .map(|&reason| (reason, total(Event::Bypass(reason))))
                .collect(),
            skips: Skip::ALL
                .iter()
                .map(|&reason| (reason, total(Event::Skip(reason))))
                .collect(),
            stale: StaleRule::ALL
                .iter()
                .map(|&rule| (rule, total(Event::Stale(rule))))
                .collect(),
            ..Self::default()
        }
    }
}

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Calls that were made, including those in the background.
    pub calls: u64,
    /// Calls that timed out.
    pub slow: u64,
    /// Calls that were not made because too many were in progress.
    pub crowded: u64,
    /// Calls that were not made because the circuit breaker was open.
    pub refused: u64,
    /// Number of times that the circuit breaker has opened.
    pub opened: u64,
    /// Background writes that succeeded.
    pub written: u64,
    /// Background writes that were discarded: the queue was full, or they failed.
    pub dropped: u64,
    /// Failed calls by the kind of the error.
    pub(crate) failed: [u64; Self::ERROR_KINDS],
}

impl RemoteStats {
    /// Number of kinds of errors.
    pub(crate) const ERROR_KINDS: usize = 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_counter_of_its_own() {
        let plain = [
            Event::Hit,
            Event::NotModified,
            Event::Stored,
            Event::Collapsed,
            Event::WaitTimeout,
            Event::Crowded,
            Event::Failed,
            Event::Detached,
            Event::Marked,
            Event::Invalidation,
            Event::OnlyIfCached,
            Event::Validated,
            Event::Refresh,
            Event::RemoteHit,
            Event::NestedRun,
        ];
        let mut indices: Vec<_> = plain
            .into_iter()
            .chain(
                ForwardReason::ALL
                    .iter()
                    .map(|&forward| Event::Forward(forward)),
            )
            .chain(Bypass::ALL.iter().map(|&reason| Event::Bypass(reason)))
            .chain(Skip::ALL.iter().map(|&reason| Event::Skip(reason)))
            .chain(StaleRule::ALL.iter().map(|&rule| Event::Stale(rule)))
            .map(Event::index)
            .collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..EVENTS).collect::<Vec<_>>());
    }
}
