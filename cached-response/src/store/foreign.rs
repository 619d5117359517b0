//! Values that lie under the names of a cache and that no cache has written.

use crate::util::sync::{Mutex, lock};
use std::time::{Duration, Instant};

/// At most one line about them is logged in this time, for all caches of the process.
const PAUSE: Duration = Duration::from_secs(1);

static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Logs that a name of a cache holds a foreign value, at most once a second. The name is left out: a
/// client may have chosen a part of it.
pub(crate) fn warn_of_foreign_value() {
    if is_due(&mut lock(&LAST), Instant::now()) {
        tracing::warn!(
            "a name of this cache in the remote store holds a value that no cache has written: it counts as \
             a miss, and is replaced by the next response or nonce that is stored there; give the cache a \
             `namespace(..)` under which nothing else writes"
        );
    }
}

fn is_due(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
    if is_due {
        *last = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_value_is_logged_once_a_second() {
        let (start, mut last) = (Instant::now(), None);
        let due = [0, 1, 999, 1_000, 1_500, 2_000]
            .map(|millis| is_due(&mut last, start + Duration::from_millis(millis)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
