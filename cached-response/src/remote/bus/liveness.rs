//! Liveness of the bus: the time for which memory may be trusted without asking the store.
//!
//! Every process publishes its invalidations and its heartbeats on one channel, and receives its own
//! heartbeats. The channel keeps the order, so that a heartbeat which comes back proves that no message
//! was missed up to the time when it was *sent*. Without a recent heartbeat, a response in memory is
//! trusted for `max_unverified` after it was last verified against the store.

use std::time::Duration;

use super::moment::Timestamp;
use super::sync::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};

/// State of the bus as seen by this process.
#[derive(Debug)]
pub(crate) struct BusLiveness {
    /// Time up to which messages may have been missed.
    last_gap: AtomicU64,
    /// Time of sending of the last own heartbeat that was received.
    pub(crate) last_heartbeat: AtomicU64,
    max_unverified: u64,
}

impl BusLiveness {
    /// Creates the state before the first heartbeat, which stays if the store has no bus.
    pub(crate) fn silent(max_unverified: Duration) -> Self {
        let max_unverified = Timestamp::default().after(max_unverified);
        Self {
            last_gap: AtomicU64::new(0),
            last_heartbeat: AtomicU64::new(0),
            max_unverified: max_unverified.to_nanos(),
        }
    }

    /// Returns whether a response that was verified at `verified_at`, or whose run started then, may be
    /// reused at `now` without verifying it again.
    ///
    /// To be called **before** the generations are compared: messages that were received by then have
    /// raised them. In the other order, a message between the two is missed and the heartbeat after it
    /// counts.
    pub(crate) fn trusts(&self, verified_at: Timestamp, now: Timestamp) -> bool {
        let (verified_at, now) = (verified_at.to_nanos(), now.to_nanos());
        let last_heartbeat = self.last_heartbeat.load(Acquire);
        // After the heartbeat: a gap before it was recorded before it.
        let last_gap = self.last_gap.load(Acquire);
        if now.saturating_sub(last_heartbeat) <= self.max_unverified {
            return verified_at >= last_gap;
        }
        now.saturating_sub(verified_at) <= self.max_unverified
    }

    /// Records an own heartbeat that came back, after all messages before it were applied.
    pub(crate) fn record_heartbeat(&self, sent_at: Timestamp) {
        self.last_heartbeat.fetch_max(sent_at.to_nanos(), AcqRel);
    }

    /// Records that messages up to now may have been missed.
    pub(crate) fn record_gap(&self, now: Timestamp) {
        self.last_gap.fetch_max(now.to_nanos(), AcqRel);
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
    fn without_a_bus_a_recent_verification_is_trusted() {
        explore(|| {
            let liveness = silent();
            for (verified_at, now, trusted) in [
                (0, 0, true),
                (0, 5, true),
                (0, 6, false),
                (95, 100, true),
                (94, 100, false),
                (101, 100, true),
            ] {
                assert_eq!(
                    liveness.trusts(at(verified_at), at(now)),
                    trusted,
                    "{verified_at}"
                );
            }
        });
    }

    #[test]
    fn with_heartbeats_every_verification_since_the_last_gap_is_trusted() {
        explore(|| {
            let liveness = silent();
            liveness.record_gap(at(50));
            liveness.record_heartbeat(at(99));
            for (verified_at, now, trusted) in [
                (50, 100, true),
                (49, 100, false),
                (50, 104, true),
                // The last heartbeat is too old.
                (50, 105, false),
                (100, 105, true),
                // The clock was read before the heartbeat was sent.
                (50, 98, true),
            ] {
                assert_eq!(
                    liveness.trusts(at(verified_at), at(now)),
                    trusted,
                    "{verified_at}"
                );
            }
        });
    }

    #[test]
    fn gap_and_heartbeat_do_not_decrease() {
        explore(|| {
            let liveness = silent();
            liveness.record_gap(at(50));
            liveness.record_heartbeat(at(99));
            liveness.record_gap(at(10));
            liveness.record_heartbeat(at(10));
            assert!(liveness.trusts(at(50), at(104)));
            assert!(!liveness.trusts(at(49), at(104)));
        });
    }
}
