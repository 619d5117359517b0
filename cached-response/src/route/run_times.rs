//! How long runs usually take, learnt from those that have ended.

use foldhash::quality::FixedState;
use std::{
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// As many routes and values are known; two that meet in a slot take turns in it.
const SLOTS: usize = 1024;

/// A decayed mean of the times of a route's runs, for as many routes as there are slots.
///
/// A slot holds 32 bits of the hash of what it is about, and milliseconds. Two runs that end at once
/// may lose one of their times.
pub(crate) struct RunTimes {
    slots: Box<[AtomicU64]>,
    /// Fixed, so that which routes meet is the same each time: one that loses its slot is learnt anew,
    /// and nothing else is lost.
    hasher: FixedState,
}

impl RunTimes {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: FixedState::default(),
        }
    }

    /// Notes how long a run took until its response was there.
    pub(crate) fn note(&self, of: &impl Hash, took: Duration) {
        let (slot, tag) = self.find(of);
        let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let known = Self::read(slot, tag);
        // A quarter of each new time.
        let usual = known.map_or(took, |known| known - known / 4 + took / 4);
        slot.store(tag << 32 | u64::from(usual), Relaxed);
    }

    /// How long its runs usually take, where any has ended.
    pub(crate) fn usual(&self, of: &impl Hash) -> Option<Duration> {
        let (slot, tag) = self.find(of);
        let usual = Self::read(slot, tag)?;
        Some(Duration::from_millis(usual.into()))
    }

    fn find(&self, of: &impl Hash) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(of);
        let [.., high, low] = hash.to_be_bytes();
        let place = usize::from(u16::from_be_bytes([high, low]));
        // The lowest bit is set: an empty slot is about nothing.
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
    fn nothing_is_known_of_a_route_before_its_first_run() {
        let times = RunTimes::new();
        assert_eq!(times.usual(&"a"), None);
        times.note(&"a", 7 * SECOND);
        assert_eq!(times.usual(&"a"), Some(7 * SECOND));
    }

    #[test]
    fn what_is_usual_follows_what_runs_take_and_one_of_them_does_not_make_it() {
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
    fn a_route_is_never_taken_for_another() {
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
    fn a_time_without_end_is_a_long_one() {
        let times = RunTimes::new();
        times.note(&"a", Duration::MAX);
        times.note(&"a", Duration::MAX);
        assert!(times.usual(&"a").unwrap() > 1000 * 3600 * SECOND);
    }
}
