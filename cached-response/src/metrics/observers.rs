//! Observers of events: `tracing`, and the callback of the application.

use crate::{
    metrics::event::{CacheEvent, EventKind},
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_logged_once_a_second() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        let due = |millis| limit.admits_at(start + Duration::from_millis(millis));
        let logged: Vec<_> = [0, 1, 999, 1_000, 1_500, 1_999, 2_000].map(due).into();
        assert_eq!(logged, [true, false, false, true, false, false, true]);
    }
}
