//! Events: the one list of what is counted, traced and handed to `on_event`; and their observers.

use crate::{
    metrics::reason::{Bypass, ForwardReason, Skip, StaleRule},
    util::sync::{Mutex, lock},
};
use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tracing::Level;

/// The target of every span and event of this crate.
pub(crate) const TARGET: &str = "cached_response";

/// Kind of a [`CacheEvent`], with its reason where it has one.
///
/// ```
/// use cached_response::{Bypass, EventKind};
///
/// assert_eq!(EventKind::NotModified.as_str(), "not-modified");
/// assert_eq!(EventKind::Bypass(Bypass::Method).reason(), Some("method"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A stored response answers.
    Hit,
    /// A stored response answers, with 304 Not Modified.
    NotModified,
    /// Nothing in memory answers: the request waits, asks the remote store, or runs the handler.
    Forward(ForwardReason),
    /// The request is not looked up.
    Bypass(Bypass),
    /// The response of a run is stored.
    Stored,
    /// The response of a run is not stored.
    Skip(Skip),
    /// The run of another request answers.
    Collapsed,
    /// The wait for the run of another request has timed out.
    WaitTimeout,
    /// The request came from within the run that it would have waited for.
    NestedRun,
    /// The run has [`max_waiters`](crate::ResponseCacheBuilder::max_waiters) waiters already.
    OverMaxWaiters,
    /// A run that others may wait for panicked without a stale response to answer, or was dropped and could not
    /// continue in the background. A handler's error is none: see [`Skip`].
    Failed,
    /// A run continues in the background without its client.
    Detached,
    /// The request does not wait, since the last response for its key could not be stored.
    HitForPass,
    /// `only-if-cached`, and nothing answers: 504.
    OnlyIfCached,
    /// A run found the stored response unchanged.
    Validated,
    /// A run refreshes a stored response in the background.
    Refresh,
    /// The remote store has the response. A hit follows.
    RemoteHit,
    /// A stale response answers.
    Stale(StaleRule),
    /// The application invalidates or expires responses, or an unsafe request does.
    Invalidation,
}

const PLAIN: usize = 15;
const FORWARDS: usize = ForwardReason::ALL.len();
const BYPASSES: usize = Bypass::ALL.len();
const SKIPS: usize = Skip::ALL.len();
pub(crate) const EVENTS: usize = PLAIN + FORWARDS + BYPASSES + SKIPS + StaleRule::ALL.len();

impl EventKind {
    /// Returns the word of the event in traces.
    ///
    /// ```
    /// assert_eq!(cached_response::EventKind::Hit.as_str(), "hit");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::NotModified => "not-modified",
            Self::Stored => "stored",
            Self::Collapsed => "collapsed",
            Self::WaitTimeout => "wait-timeout",
            Self::NestedRun => "nested-run",
            Self::OverMaxWaiters => "over-max-waiters",
            Self::Failed => "failed",
            Self::Detached => "detached",
            Self::HitForPass => "hit-for-pass",
            Self::OnlyIfCached => "only-if-cached",
            Self::Validated => "validated",
            Self::Refresh => "refresh",
            Self::RemoteHit => "remote-hit",
            Self::Stale(_) => "stale",
            Self::Forward(_) => "forward",
            Self::Bypass(_) => "bypass",
            Self::Skip(_) => "skip",
            Self::Invalidation => "invalidation",
        }
    }

    /// Returns the word of its reason, as in `Cache-Status`, where it has one.
    ///
    /// ```
    /// use cached_response::{EventKind, ForwardReason};
    ///
    /// assert_eq!(EventKind::Forward(ForwardReason::Stale).reason(), Some("stale"));
    /// assert_eq!(EventKind::Hit.reason(), None);
    /// ```
    pub const fn reason(self) -> Option<&'static str> {
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
            Self::OverMaxWaiters => 5,
            Self::Failed => 6,
            Self::Detached => 7,
            Self::HitForPass => 8,
            Self::OnlyIfCached => 9,
            Self::Validated => 10,
            Self::Refresh => 11,
            Self::RemoteHit => 12,
            Self::NestedRun => 13,
            Self::Invalidation => 14,
            Self::Forward(forward) => PLAIN + forward as usize,
            Self::Bypass(bypass) => PLAIN + FORWARDS + bypass as usize,
            Self::Skip(skip) => PLAIN + FORWARDS + BYPASSES + skip as usize,
            Self::Stale(rule) => PLAIN + FORWARDS + BYPASSES + SKIPS + rule as usize,
        }
    }
}

/// A decision or an incident of a cache, as
/// [`on_event`](crate::ResponseCacheBuilder::on_event) is called with it and as `tracing` has it.
///
/// It has no key, query, header or body of a request. What is not known is `None`: a value has no path.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{EventKind, Policy, ResponseCache, cached};
/// use std::sync::{Arc, Mutex};
///
/// # #[actix_web::main] async fn main() {
/// let log = Arc::<Mutex<Vec<String>>>::default();
/// let lines = log.clone();
/// let cache = ResponseCache::builder()
///     .on_event(move |event| {
///         let line = format!("{} {}", event.kind.as_str(), event.path.unwrap_or_default());
///         lines.lock().expect("no panic").push(line);
///     })
///     .build();
/// let page = web::get().to(cached(Policy::default(), || async { "hello" }));
/// let app = test::init_service(App::new().app_data(cache).route("/page/{id}", page)).await;
/// for _ in 0..2 {
///     test::call_and_read_body(&app, test::TestRequest::get().uri("/page/7").to_request()).await;
/// }
/// assert_eq!(*log.lock().expect("no panic"), ["forward /page/7", "stored /page/7", "hit /page/7"]);
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CacheEvent<'a> {
    /// The decision.
    pub kind: EventKind,
    /// The word of its reason; it may say more than `kind`, `header:x-api-key`.
    pub reason: Option<&'a str>,
    /// The handler, as in [`RouteStats::handler`](crate::RouteStats::handler); `get_or_compute` for a value,
    /// empty for an invalidation.
    pub handler: &'a str,
    /// The pattern of the route, `/list/{id}`.
    pub route: Option<&'a str>,
    /// The method of the request.
    pub method: Option<&'a str>,
    /// The path of the request, without its query.
    pub path: Option<&'a str>,
    /// The status of the response.
    pub status: Option<u16>,
    /// The age of the stored response that answers.
    pub age: Option<Duration>,
    /// The time that the run took.
    pub duration: Option<Duration>,
    /// The size of the stored body in bytes.
    pub body_bytes: Option<u64>,
}

/// The callback of an application.
#[derive(Clone)]
pub(crate) struct OnEvent(pub(crate) Arc<dyn Fn(&CacheEvent<'_>) + Send + Sync>);

impl fmt::Debug for OnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEvent")
    }
}

/// The observers of one cache.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    on_event: Option<OnEvent>,
    /// The callback has panicked, which is logged.
    has_panicked: AtomicBool,
    /// Of invalidations that have not reached every process.
    pub(crate) incomplete_invalidations: LogLimit,
    /// Of invalidations that name nothing.
    pub(crate) nameless_invalidations: LogLimit,
}

impl Observers {
    pub(crate) fn new(on_event: Option<OnEvent>) -> Self {
        Self {
            on_event,
            ..Self::default()
        }
    }

    /// Returns true where an event has an observer. Else none is made.
    #[inline]
    pub(crate) fn are_interested(&self) -> bool {
        self.on_event.is_some() || tracing::enabled!(target: TARGET, Level::DEBUG)
    }

    /// Traces an event, and calls the callback. Its panic fails no request.
    #[cold]
    pub(crate) fn notify(&self, event: &CacheEvent<'_>) {
        trace(event);
        let Some(OnEvent(call)) = &self.on_event else {
            return;
        };
        let called = panic::catch_unwind(AssertUnwindSafe(|| call(event)));
        if called.is_err() && !self.has_panicked.swap(true, Relaxed) {
            tracing::error!(
                target: TARGET,
                "the callback of `on_event` has panicked; it is still called, and further panics are not logged"
            );
        }
    }
}

fn trace(event: &CacheEvent<'_>) {
    tracing::debug!(
        target: TARGET,
        event = event.kind.as_str(),
        reason = event.reason,
        handler = event.handler,
        http.route = event.route,
        http.request.method = event.method,
        url.path = event.path,
        http.response.status_code = event.status,
        http.response.body.size = event.body_bytes,
        age = event.age.map(|age| age.as_secs_f64()),
        duration = event.duration.map(|duration| duration.as_secs_f64()),
        "{}", message(event.kind)
    );
}

/// The sentence of an event.
const fn message(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Hit => "a stored response answers",
        EventKind::NotModified => "a stored response answers with 304",
        EventKind::Forward(_) => "no response in memory answers",
        EventKind::Bypass(_) => "a request bypasses the cache",
        EventKind::Stored => "a response is stored",
        EventKind::Skip(_) => "a response is not stored",
        EventKind::Collapsed => "the run of another request answers",
        EventKind::WaitTimeout => "the wait for the run of another request has timed out",
        EventKind::NestedRun => "a request came from within the run that it would have waited for",
        EventKind::OverMaxWaiters => "a run has max_waiters waiters already",
        EventKind::Failed => "a run has failed",
        EventKind::Detached => "a run continues without its client",
        EventKind::HitForPass => "a request does not wait: the last response was not storable",
        EventKind::OnlyIfCached => "nothing answers a request with only-if-cached",
        EventKind::Validated => "a stored response is unchanged",
        EventKind::Refresh => "a stored response is refreshed in the background",
        EventKind::RemoteHit => "the remote store has the response",
        EventKind::Stale(_) => "a stale response answers",
        EventKind::Invalidation => "responses are invalidated or expired",
    }
}

/// The time between two log lines of one trouble.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Limits the log lines of one trouble to one a second.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<Option<Instant>>);

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns true where a line may be logged now.
    pub(crate) fn admits(&self) -> bool {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> bool {
        let mut last = lock(&self.0);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= LOG_INTERVAL);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_counter_of_its_own() {
        let plain = [
            EventKind::Hit,
            EventKind::NotModified,
            EventKind::Stored,
            EventKind::Collapsed,
            EventKind::WaitTimeout,
            EventKind::OverMaxWaiters,
            EventKind::Failed,
            EventKind::Detached,
            EventKind::HitForPass,
            EventKind::OnlyIfCached,
            EventKind::Validated,
            EventKind::Refresh,
            EventKind::RemoteHit,
            EventKind::NestedRun,
            EventKind::Invalidation,
        ];
        let mut indices: Vec<_> = plain
            .into_iter()
            .chain(
                ForwardReason::ALL
                    .iter()
                    .map(|&forward| EventKind::Forward(forward)),
            )
            .chain(Bypass::ALL.iter().map(|&reason| EventKind::Bypass(reason)))
            .chain(Skip::ALL.iter().map(|&reason| EventKind::Skip(reason)))
            .chain(StaleRule::ALL.iter().map(|&rule| EventKind::Stale(rule)))
            .map(EventKind::index)
            .collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..EVENTS).collect::<Vec<_>>());
    }

    #[test]
    fn a_trouble_is_logged_once_a_second() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        let due = |millis| limit.admits_at(start + Duration::from_millis(millis));
        let logged: Vec<_> = [0, 1, 999, 1_000, 1_500, 1_999, 2_000].map(due).into();
        assert_eq!(logged, [true, false, false, true, false, false, true]);
    }
}
