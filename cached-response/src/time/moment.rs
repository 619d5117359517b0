//! Point in time on the cache's clock.

use std::time::Duration;

/// Point on the monotonic clock, counted from an arbitrary start long before this process, so that older
/// responses have one as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// Returns the time this many nanoseconds after the start.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the start, to be shared as an atomic.
    pub(crate) const fn to_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time `duration` later, saturating at the end of the range.
    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Returns the time `duration` earlier, saturating at the start.
    pub(crate) fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns the time since `earlier`; zero if that is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_saturate_instead_of_wrapping() {
        let end = Timestamp::default().after(Duration::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
        let start = Timestamp::default();
        assert_eq!(start.before(Duration::from_secs(1)), start);
    }
}
