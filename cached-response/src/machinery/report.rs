//! Says what happened: to the counters, to `tracing`, and, in debug builds, once a handler in a
//! line that a developer sees.

use super::{cache::Shared, counters::Event, site::Site};

/// Reports one event of one handler.
pub(crate) fn report(site: &Site, shared: &Shared, event: Event) {
    report_as(site, shared, event, event.reason());
}

/// Reports it with a reason that names more than is counted.
pub(crate) fn report_as(site: &Site, shared: &Shared, event: Event, reason: Option<&str>) {
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
            "{what} (said once for each handler and reason, in debug builds)"
        );
    }
}
