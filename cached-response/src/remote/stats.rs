//! What became of the calls to a remote store, counted.

use crate::store::error::StoreErrorKind;
use std::{
    array,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The counters of one cache's remote store. A call costs far more than a meeting of two workers here.
#[derive(Debug, Default)]
pub(crate) struct RemoteCounters([AtomicU64; COUNTS]);

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Call,
    Slow,
    Crowded,
    Refused,
    Opened,
    Written,
    Dropped,
    Failed(StoreErrorKind),
}

const PLAIN: usize = 7;
const COUNTS: usize = PLAIN + KINDS;
const KINDS: usize = 5;

impl Count {
    fn index(self) -> usize {
        match self {
            Self::Call => 0,
            Self::Slow => 1,
            Self::Crowded => 2,
            Self::Refused => 3,
            Self::Opened => 4,
            Self::Written => 5,
            Self::Dropped => 6,
            Self::Failed(kind) => PLAIN + place(kind),
        }
    }
}

fn place(kind: StoreErrorKind) -> usize {
    match kind {
        StoreErrorKind::Unreachable => 0,
        StoreErrorKind::Timeout => 1,
        StoreErrorKind::Refused => 2,
        StoreErrorKind::Protocol => 3,
        StoreErrorKind::InvalidAddress => 4,
    }
}

impl RemoteCounters {
    pub(crate) fn count(&self, count: Count) {
        self.0[count.index()].fetch_add(1, Relaxed);
    }

    fn total(&self, count: Count) -> u64 {
        self.0[count.index()].load(Relaxed)
    }

    pub(crate) fn read(&self) -> RemoteStats {
        RemoteStats {
            calls: self.total(Count::Call),
            slow: self.total(Count::Slow),
            crowded: self.total(Count::Crowded),
            refused: self.total(Count::Refused),
            opened: self.total(Count::Opened),
            written: self.total(Count::Written),
            dropped: self.total(Count::Dropped),
            failed: array::from_fn(|place| self.0[PLAIN + place].load(Relaxed)),
        }
    }
}

/// What became of the calls to the remote store since the cache was made.
///
/// Counts are exact, but read one after the other while requests go on.
///
/// ```
/// use cached_response::{RemoteStats, StoreErrorKind};
///
/// let stats = RemoteStats::default();
/// assert_eq!((stats.calls, stats.slow, stats.opened), (0, 0, 0));
/// assert_eq!(stats.failed(StoreErrorKind::Unreachable), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Calls that were made, those in the background included.
    pub calls: u64,
    /// Calls that were given up because their time was over.
    pub slow: u64,
    /// Calls that were not made because too many were under way.
    pub crowded: u64,
    /// Calls that were not made because the store had failed before, and had not answered since.
    pub refused: u64,
    /// How often it had failed so that nothing was asked of it until it answered.
    pub opened: u64,
    /// Writes in the background that were done.
    pub written: u64,
    /// Writes in the background that were not done: too many were waiting, or they failed.
    pub dropped: u64,
    failed: [u64; KINDS],
}

impl RemoteStats {
    /// How many calls ended with an error of this kind. The store's panics are
    /// [`Garbled`](StoreErrorKind::Protocol).
    pub fn failed(&self, kind: StoreErrorKind) -> u64 {
        self.failed[place(kind)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_is_read_where_it_is_written() {
        let tally = RemoteCounters::default();
        let plain = [
            Count::Call,
            Count::Slow,
            Count::Crowded,
            Count::Refused,
            Count::Opened,
            Count::Written,
            Count::Dropped,
        ];
        for (times, count) in plain.into_iter().enumerate() {
            (0..=times).for_each(|_| tally.count(count));
        }
        let stats = tally.read();
        let read = [
            stats.calls,
            stats.slow,
            stats.crowded,
            stats.refused,
            stats.opened,
            stats.written,
            stats.dropped,
        ];
        assert_eq!(read, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn failures_are_told_apart_by_kind() {
        let kinds = [
            (StoreErrorKind::Unreachable, 1),
            (StoreErrorKind::Timeout, 2),
            (StoreErrorKind::Refused, 3),
            (StoreErrorKind::Protocol, 4),
            (StoreErrorKind::InvalidAddress, 5),
        ];
        let tally = RemoteCounters::default();
        for (kind, times) in kinds {
            (0..times).for_each(|_| tally.count(Count::Failed(kind)));
        }
        for (kind, times) in kinds {
            assert_eq!(tally.read().failed(kind), times, "{}", kind.as_str());
        }
    }
}
