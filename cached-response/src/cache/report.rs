//! Says what happened: to the counters, to `tracing`, and, in debug builds, in a line that a
//! developer sees: once a handler and reason, and once a worker where each worker builds its own.

use crate::{cache::Inner, metrics::counters::Event, route::Route};

/// Reports one event of one handler.
pub(crate) fn report(site: &Route, shared: &Inner, event: Event) {
    report_as(site, shared, event, event.reason());
}

/// Reports it with a reason that names more than is counted.
pub(crate) fn report_as(site: &Route, shared: &Inner, event: Event, reason: Option<&str>) {
    shared.counters.count(event);
    tracing::trace!(handler = site.name, event = event.name(), reason, "cache");
    let what = match event {
        Event::Bypass(_) => "a request bypasses the cache",
        Event::Skip(_) => "a response is not stored",
        _ => return,
    };
    if cfg!(debug_assertions) && site.is_first(event) {
        tracing::info!(
            handler = site.name,
            reason,
            "{what} (logged in debug builds, once for each handler and reason; \
             under `cached(..)` and `CacheResponses` once in each worker)"
        );
    }
}
