//! Counters of the calls to a remote store.

use crate::{
    metrics::stats::{ERROR_KINDS, RemoteStats},
    store::StoreErrorKind,
};
use std::{
    array,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Counters of one cache's remote store. They are shared by all workers: a call costs far more than
/// the contention.
#[derive(Debug, Default)]
pub(crate) struct RemoteCounters([AtomicU64; COUNTS]);

/// One counted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallEvent {
    Call,
    Slow,
    OverMaxCalls,
    Refused,
    Opened,
    Written,
    Dropped,
    Failed(StoreErrorKind),
}

const PLAIN: usize = 7;
const COUNTS: usize = PLAIN + ERROR_KINDS.len();

impl CallEvent {
    fn index(self) -> usize {
        match self {
            Self::Call => 0,
            Self::Slow => 1,
            Self::OverMaxCalls => 2,
            Self::Refused => 3,
            Self::Opened => 4,
            Self::Written => 5,
            Self::Dropped => 6,
            Self::Failed(kind) => PLAIN + kind_index(kind),
        }
    }
}

fn kind_index(kind: StoreErrorKind) -> usize {
    match kind {
        StoreErrorKind::Unreachable => 0,
        StoreErrorKind::Timeout => 1,
        StoreErrorKind::Refused => 2,
        StoreErrorKind::Protocol => 3,
        StoreErrorKind::InvalidAddress => 4,
    }
}

impl RemoteCounters {
    pub(crate) fn count(&self, count: CallEvent) {
        self.0[count.index()].fetch_add(1, Relaxed);
    }

    fn total(&self, count: CallEvent) -> u64 {
        self.0[count.index()].load(Relaxed)
    }

    pub(crate) fn read(&self) -> RemoteStats {
        RemoteStats {
            calls: self.total(CallEvent::Call),
            slow: self.total(CallEvent::Slow),
            over_max_calls: self.total(CallEvent::OverMaxCalls),
            refused: self.total(CallEvent::Refused),
            opened: self.total(CallEvent::Opened),
            written: self.total(CallEvent::Written),
            dropped: self.total(CallEvent::Dropped),
            failed: array::from_fn(|kind| self.0[PLAIN + kind].load(Relaxed)),
            ..RemoteStats::default()
        }
    }
}

impl RemoteStats {
    /// Returns the number of calls that ended with an error of this kind. A panic of the store counts
    /// as [`Protocol`](StoreErrorKind::Protocol).
    ///
    /// ```
    /// use cached_response::{RemoteStats, StoreErrorKind};
    ///
    /// assert_eq!(RemoteStats::default().failed(StoreErrorKind::Timeout), 0);
    /// ```
    pub fn failed(&self, kind: StoreErrorKind) -> u64 {
        self.failed[kind_index(kind)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_read_into_its_own_field() {
        let counters = RemoteCounters::default();
        let plain = [
            CallEvent::Call,
            CallEvent::Slow,
            CallEvent::OverMaxCalls,
            CallEvent::Refused,
            CallEvent::Opened,
            CallEvent::Written,
            CallEvent::Dropped,
        ];
        for (times, count) in plain.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.count(count));
        }
        let stats = counters.read();
        let read = [
            stats.calls,
            stats.slow,
            stats.over_max_calls,
            stats.refused,
            stats.opened,
            stats.written,
            stats.dropped,
        ];
        assert_eq!(read, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let kinds = [
            (StoreErrorKind::Unreachable, 1),
            (StoreErrorKind::Timeout, 2),
            (StoreErrorKind::Refused, 3),
            (StoreErrorKind::Protocol, 4),
            (StoreErrorKind::InvalidAddress, 5),
        ];
        let counters = RemoteCounters::default();
        for (kind, times) in kinds {
            (0..times).for_each(|_| counters.count(CallEvent::Failed(kind)));
        }
        for (kind, times) in kinds {
            assert_eq!(counters.read().failed(kind), times, "{}", kind.as_str());
            assert_eq!(ERROR_KINDS[kind_index(kind)], kind.as_str());
        }
    }
}
