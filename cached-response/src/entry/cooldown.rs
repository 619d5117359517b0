//! Marks that a stored response receives after it was stored.

use crate::time::moment::Timestamp;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Pause after a failed run, during which no other run replaces the response. Initially over.
///
/// It is stored with the response: replacing or removing the latter ends it.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(AtomicU64);

impl Cooldown {
    /// Sets the end, whatever it was before.
    pub(crate) fn until(&self, end: Timestamp) {
        let nanos = end.elapsed().as_nanos();
        // No other data depends on it: a thread that reads an old value tries one run too many.
        self.0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        Timestamp::default().after(Duration::from_nanos(self.0.load(Relaxed))) <= now
    }
}

/// Time at which an expiry by request was first seen. Initially never.
#[derive(Debug, Default)]
pub(crate) struct ExpirySeen(AtomicU64);

impl ExpirySeen {
    /// Returns the time of the first call.
    pub(crate) fn first_seen(&self, now: Timestamp) -> Timestamp {
        let nanos = u64::try_from(now.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Zero stands for never.
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
    fn a_cooldown_is_over_at_its_end() {
        let now = Timestamp::default().after(Duration::from_secs(100));
        let cooldown = Cooldown::default();
        assert!(cooldown.is_over(now) && cooldown.is_over(Timestamp::default()));
        cooldown.until(now);
        assert!(cooldown.is_over(now));
        cooldown.until(now.after(Duration::from_nanos(1)));
        assert!(!cooldown.is_over(now));
    }

    #[test]
    fn an_expiry_is_dated_when_it_is_first_seen() {
        let second = |n| Timestamp::default().after(Duration::from_secs(n));
        let expired = ExpirySeen::default();
        assert_eq!(expired.first_seen(second(7)), second(7));
        assert_eq!(expired.first_seen(second(9)), second(7));
    }
}
