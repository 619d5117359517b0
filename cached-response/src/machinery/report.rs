//! Says what happened: to the counters, to `tracing`, and, in debug builds, once a handler in a
//! line that a developer sees.

use super::{cache::Shared, counters::Event, site::Site};

/// Reports one event of one handler.
pub(crate) fn report(site: &Site, shared: &Shared, event: Event) {
    shared.counters.count(event);
    tracing::trace!(
        handler = site.name,
        event = event.name(),
        reason = event.reason(),
        "cache"
    );
    let what = match event {
        Event::Bypass(_) => "a request bypasses the cache",
        Event::Skip(_) => "a response is not stored",
        _ => return,
    };
    if cfg!(debug_assertions) && site.is_first(event) {
        tracing::info!(
            handler = site.name,
            reason = event.reason(),
            "{what} (said once for each handler and reason, in debug builds)"
        );
    }
}
