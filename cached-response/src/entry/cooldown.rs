//! Moments in the life of a stored response that come after it was stored.

use crate::time::moment::Timestamp;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Until when no run is tried to replace a response. It begins over.
///
/// It lies with the response it is of: whatever replaces or removes that ends the rest, too.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(AtomicU64);

impl Cooldown {
    /// Rests until then, however long it would have rested before.
    pub(crate) fn until(&self, end: Timestamp) {
        let nanos = end.elapsed().as_nanos();
        // A rest orders nothing: who sees it late tries a run too many.
        self.0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        Timestamp::default().after(Duration::from_nanos(self.0.load(Relaxed))) <= now
    }
}

/// When a stored response was first seen to be expired by request. It has not been, to begin with.
#[derive(Debug, Default)]
pub(crate) struct Expired(AtomicU64);

impl Expired {
    /// Since when it is; from now on, where nobody has seen it before.
    pub(crate) fn since(&self, now: Timestamp) -> Timestamp {
        let nanos = u64::try_from(now.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Zero is for never.
        let seen = self
            .0
            .compare_exchange(0, nanos.max(1), Relaxed, Relaxed)
            .map_or_else(|seen| seen, |_| nanos);
        Timestamp::default().after(Duration::from_nanos(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_over_when_its_end_has_come() {
        let now = Timestamp::default().after(Duration::from_secs(100));
        let rest = Cooldown::default();
        assert!(rest.is_over(now) && rest.is_over(Timestamp::default()));
        rest.until(now);
        assert!(rest.is_over(now));
        rest.until(now.after(Duration::from_nanos(1)));
        assert!(!rest.is_over(now));
    }

    #[test]
    fn an_expiry_is_as_old_as_its_first_sight() {
        let second = |n| Timestamp::default().after(Duration::from_secs(n));
        let expired = Expired::default();
        assert_eq!(expired.since(second(7)), second(7));
        assert_eq!(expired.since(second(9)), second(7));
    }
}
