//! Usual duration of runs, learned from finished ones.

use foldhash::quality::FixedState;
use std::{
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Number of slots. Two routes with the same slot replace each other.
const SLOTS: usize = 1024;

/// Decaying mean duration of the runs of each route or value.
///
/// A slot has 32 bits of a hash, and milliseconds. Of two runs that finish at once one may be lost.
pub(crate) struct RunTimes {
    slots: Box<[AtomicU64]>,
    /// Fixed, so that the same routes share slots each time. A route that loses its slot is learned
    /// again.
    hasher: FixedState,
}

impl RunTimes {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: FixedState::default(),
        }
    }

    /// Notes the duration of a run until its response was complete.
    pub(crate) fn note(&self, of: &impl Hash, took: Duration) {
        let (slot, tag) = self.find(of);
        let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let known = Self::read(slot, tag);
        // A new duration counts for a quarter.
        let usual = known.map_or(took, |known| known - known / 4 + took / 4);
        slot.store(tag << 32 | u64::from(usual), Relaxed);
    }

    /// Returns the usual duration, if a run has finished.
    pub(crate) fn usual(&self, of: &impl Hash) -> Option<Duration> {
        let (slot, tag) = self.find(of);
        let usual = Self::read(slot, tag)?;
        Some(Duration::from_millis(usual.into()))
    }

    fn find(&self, of: &impl Hash) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(of);
        let [.., high, low] = hash.to_be_bytes();
        let place = usize::from(u16::from_be_bytes([high, low]));
        // The lowest bit is set, so that no tag equals an empty slot.
        (&self.slots[place % SLOTS], hash >> 32 | 1)
    }

    fn read(slot: &AtomicU64, tag: u64) -> Option<u32> {
        let word = slot.load(Relaxed);
        let [_, _, _, _, a, b, c, d] = word.to_be_bytes();
        (word >> 32 == tag).then_some(u32::from_be_bytes([a, b, c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_route_has_no_estimate_before_its_first_run() {
        let times = RunTimes::new();
        assert_eq!(times.usual(&"a"), None);
        times.note(&"a", 7 * SECOND);
        assert_eq!(times.usual(&"a"), Some(7 * SECOND));
    }

    #[test]
    fn the_usual_duration_follows_the_runs_and_not_a_single_one() {
        let times = RunTimes::new();
        times.note(&"a", SECOND);
        times.note(&"a", 21 * SECOND);
        assert_eq!(times.usual(&"a"), Some(6 * SECOND));
        for _ in 0..40 {
            times.note(&"a", SECOND);
        }
        assert!(times.usual(&"a").unwrap() < SECOND * 11 / 10);
    }

    #[test]
    fn a_route_is_never_confused_with_another() {
        let times = RunTimes::new();
        for route in 0..10 * SLOTS {
            times.note(&route, SECOND);
            assert_eq!(times.usual(&route), Some(SECOND));
        }
        let others = 10 * SLOTS..20 * SLOTS;
        assert_eq!(
            others.filter(|route| times.usual(route).is_some()).count(),
            0
        );
    }

    #[test]
    fn the_longest_duration_does_not_overflow() {
        let times = RunTimes::new();
        times.note(&"a", Duration::MAX);
        times.note(&"a", Duration::MAX);
        assert!(times.usual(&"a").unwrap() > 1000 * 3600 * SECOND);
    }
}
