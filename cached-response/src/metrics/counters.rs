//! What happened, counted: always on, and never a reason for two workers to meet.

use crate::metrics::{
    reason::{Bypass, ForwardReason, Skip, StaleRule},
    remote_stats::RemoteStats,
};
use std::{
    array,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Hit,
    NotModified,
    Forward(ForwardReason),
    Bypass(Bypass),
    Stored,
    Skip(Skip),
    Collapsed,
    OutOfPatience,
    OwnRun,
    Crowded,
    Failed,
    HandedOver,
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
    /// What kind of event it is.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::NotModified => "not-modified",
            Self::Stored => "stored",
            Self::Collapsed => "collapsed",
            Self::OutOfPatience => "out-of-patience",
            Self::OwnRun => "own-run",
            Self::Crowded => "crowded",
            Self::Failed => "failed",
            Self::HandedOver => "handed-over",
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

    /// The word of its reason, where it has one.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Forward(forward) => Some(forward.as_str()),
            Self::Bypass(bypass) => Some(bypass.as_str()),
            Self::Skip(skip) => Some(skip.as_str()),
            Self::Stale(rule) => Some(rule.as_str()),
            _ => None,
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Hit => 0,
            Self::NotModified => 1,
            Self::Stored => 2,
            Self::Collapsed => 3,
            Self::OutOfPatience => 4,
            Self::Crowded => 5,
            Self::Failed => 6,
            Self::HandedOver => 7,
            Self::Marked => 8,
            Self::Invalidation => 9,
            Self::OnlyIfCached => 10,
            Self::Validated => 11,
            Self::Refresh => 12,
            Self::RemoteHit => 13,
            Self::OwnRun => 14,
            Self::Forward(forward) => PLAIN + forward as usize,
            Self::Bypass(bypass) => PLAIN + FORWARDS + bypass as usize,
            Self::Skip(skip) => PLAIN + FORWARDS + BYPASSES + skip as usize,
            Self::Stale(rule) => PLAIN + FORWARDS + BYPASSES + SKIPS + rule as usize,
        }
    }
}

/// Workers beyond this many share a stripe, which costs them time and no counts.
const STRIPES: usize = 16;

#[derive(Debug)]
#[repr(align(128))]
struct Stripe([AtomicU64; EVENTS]);

/// The counters of one cache, a stripe a worker.
#[derive(Debug)]
pub(crate) struct Counters(Box<[Stripe]>);

impl Counters {
    pub(crate) fn new() -> Self {
        let stripe = || Stripe(array::from_fn(|_| AtomicU64::new(0)));
        Self((0..STRIPES).map(|_| stripe()).collect())
    }

    pub(crate) fn count(&self, event: Event) {
        self.0[stripe()].0[event.index()].fetch_add(1, Relaxed);
    }

    fn total(&self, event: Event) -> u64 {
        let index = event.index();
        self.0
            .iter()
            .map(|stripe| stripe.0[index].load(Relaxed))
            .sum()
    }
}

fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: usize = NEXT.fetch_add(1, Relaxed) % STRIPES);
    MINE.with(|mine| *mine)
}

/// What a cache has done since it was made, and what it holds now.
///
/// Counts are exact, but read one after the other while requests go on.
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
    /// Requests answered from a stored response, those with a 304 included.
    pub hits: u64,
    /// Hits that were answered with 304 Not Modified.
    pub not_modified: u64,
    /// Requests that were looked up, found nothing to reuse and went on to the handler.
    pub misses: u64,
    /// Requests that asked for a live answer, or wished for more than the stored one is.
    pub live: u64,
    /// Responses stored.
    pub stored: u64,
    /// Misses answered by another request's run.
    pub collapsed: u64,
    /// Misses that waited for another's run until their patience was at its end, or until they were
    /// let in to run beside it.
    pub out_of_patience: u64,
    /// Misses that would have waited for a run which itself waits for them: they came from inside it,
    /// and ran at once.
    pub own_runs: u64,
    /// Misses that found too many waiting already.
    pub crowded: u64,
    /// Runs that panicked, or were dropped and could not go on by themselves.
    pub failed: u64,
    /// Runs whose client left, or was answered by a stale response meanwhile, and that went on by
    /// themselves.
    pub handed_over: u64,
    /// Misses that ran at once because the route's last response could not be stored.
    pub marked: u64,
    /// Invalidations and expiries that were asked for, and paths invalidated by requests that changed
    /// them.
    pub invalidations: u64,
    /// Requests that wished for a stored response alone, and were answered with 504 as none would do.
    pub only_if_cached: u64,
    /// Runs that found the stored response unchanged.
    pub validated: u64,
    /// Runs that were started behind an answer, to refresh the response that gave it.
    pub refreshes: u64,
    /// Hits whose response was found in the remote store.
    pub remote_hits: u64,
    /// Stored responses and variant lists held now.
    pub entries: u64,
    /// What they weigh, in bytes.
    pub bytes: u64,
    /// Keys for which requests do not wait for one another now, because what is made for them
    /// cannot be stored.
    pub markers: u64,
    /// What they weigh, in bytes; 2 MiB at most.
    pub marker_bytes: u64,
    /// Runs that others may be waiting for now.
    pub running: usize,
    /// What became of the calls to the remote store, where there is one.
    pub remote: Option<RemoteStats>,
    bypasses: Vec<(Bypass, u64)>,
    skips: Vec<(Skip, u64)>,
    stale: Vec<(StaleRule, u64)>,
}

impl Stats {
    /// How many requests were not looked up for this reason.
    pub fn bypassed(&self, reason: Bypass) -> u64 {
        self.bypasses
            .iter()
            .find(|(known, _)| *known == reason)
            .map_or(0, |(_, count)| *count)
    }

    /// How many responses were not stored for this reason.
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skips
            .iter()
            .find(|(known, _)| *known == reason)
            .map_or(0, |(_, count)| *count)
    }

    /// How many requests were answered by a stale response under this rule. Those that found one
    /// there are among the hits.
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
            live: forwarded(ForwardReason::Request),
            stored: total(Event::Stored),
            collapsed: total(Event::Collapsed),
            out_of_patience: total(Event::OutOfPatience),
            own_runs: total(Event::OwnRun),
            crowded: total(Event::Crowded),
            failed: total(Event::Failed),
            handed_over: total(Event::HandedOver),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_place_of_its_own() {
        let plain = [
            Event::Hit,
            Event::NotModified,
            Event::Stored,
            Event::Collapsed,
            Event::OutOfPatience,
            Event::Crowded,
            Event::Failed,
            Event::HandedOver,
            Event::Marked,
            Event::Invalidation,
            Event::OnlyIfCached,
            Event::Validated,
            Event::Refresh,
            Event::RemoteHit,
            Event::OwnRun,
        ];
        let mut places: Vec<_> = plain
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
        places.sort_unstable();
        assert_eq!(places, (0..EVENTS).collect::<Vec<_>>());
    }
}
