//! How far the bus can be relied on: what memory holds may have been invalidated by another process.
//!
//! A process tells all others what it invalidates, and hears its own beats among what they say.
//! Whatever was told before a beat is heard before it, so that a beat which comes back proves that
//! nothing was missed up to the moment when it was *sent*. Without one, what memory holds is taken
//! for valid only for as long as a silence may last: after that it is compared with the store.

use std::time::Duration;

use super::moment::Timestamp;
use super::sync::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};

/// What was heard of the bus.
#[derive(Debug)]
pub(crate) struct BusLiveness {
    /// What was told before may have been missed.
    since: AtomicU64,
    /// When the last own beat that was heard was sent.
    pub(crate) heard: AtomicU64,
    max_unverified: u64,
}

impl BusLiveness {
    /// Of a bus of which nothing was heard yet. So it stays where there is none.
    pub(crate) fn silent(max_unverified: Duration) -> Self {
        let max_unverified = Timestamp::default().after(max_unverified);
        Self {
            since: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            max_unverified: max_unverified.to_nanos(),
        }
    }

    /// Whether what was compared with the store at `checked`, or whose run began then, may be reused
    /// at `now` without comparing it again.
    ///
    /// To be asked **before** the generations are compared: what was heard by then is raised in
    /// them. The other way round, what is raised between the two is not seen, and the beat after
    /// it is.
    pub(crate) fn trusts(&self, checked: Timestamp, now: Timestamp) -> bool {
        let (checked, now) = (checked.to_nanos(), now.to_nanos());
        let heard = self.heard.load(Acquire);
        // Only now: what was missed before that beat is noted before it.
        let since = self.since.load(Acquire);
        if now.saturating_sub(heard) <= self.max_unverified {
            return checked >= since;
        }
        now.saturating_sub(checked) <= self.max_unverified
    }

    /// An own beat came back. Whatever was heard before it must be raised already.
    pub(crate) fn hear(&self, sent: Timestamp) {
        self.heard.fetch_max(sent.to_nanos(), AcqRel);
    }

    /// Something may have been missed until now.
    pub(crate) fn miss(&self, now: Timestamp) {
        self.since.fetch_max(now.to_nanos(), AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::explore;
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().after(Duration::from_secs(seconds))
    }

    fn silent() -> BusLiveness {
        BusLiveness::silent(Duration::from_secs(5))
    }

    #[test]
    fn without_a_bus_what_was_checked_within_a_silence_is_trusted() {
        explore(|| {
            let hearing = silent();
            for (checked, now, trusted) in [
                (0, 0, true),
                (0, 5, true),
                (0, 6, false),
                (95, 100, true),
                (94, 100, false),
                (101, 100, true),
            ] {
                assert_eq!(hearing.trusts(at(checked), at(now)), trusted, "{checked}");
            }
        });
    }

    #[test]
    fn while_beats_come_back_whatever_was_checked_since_the_last_gap_is_trusted() {
        explore(|| {
            let hearing = silent();
            hearing.miss(at(50));
            hearing.hear(at(99));
            for (checked, now, trusted) in [
                (50, 100, true),
                (49, 100, false),
                (50, 104, true),
                // The last beat is too long ago.
                (50, 105, false),
                (100, 105, true),
                // A clock that was read before the beat was.
                (50, 98, true),
            ] {
                assert_eq!(hearing.trusts(at(checked), at(now)), trusted, "{checked}");
            }
        });
    }

    #[test]
    fn neither_goes_back() {
        explore(|| {
            let hearing = silent();
            hearing.miss(at(50));
            hearing.hear(at(99));
            hearing.miss(at(10));
            hearing.hear(at(10));
            assert!(hearing.trusts(at(50), at(104)));
            assert!(!hearing.trusts(at(49), at(104)));
        });
    }
}
