//! The one clock that freshness, patience and limits are measured by.
//!
//! Ages are measured on a monotonic clock, so that setting the machine's time changes no
//! lifetime; the wall clock is only read for the `Date` field.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

/// A point on the monotonic clock, counted from an arbitrary start: so long ago that what was made
/// before this process began was made after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment `duration` later; the end of time where that is too far.
    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// The moment `duration` earlier, but not before the start.
    pub(crate) fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// The time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A clock that somebody else turns.
pub(crate) trait Hands: Send + Sync {
    /// The time since its start.
    fn elapsed(&self) -> Duration;
    /// Its time of day.
    fn date(&self) -> SystemTime;
    /// Ready when `until` has come.
    fn poll_until(&self, until: Duration, cx: &Context<'_>) -> Poll<()>;
}

/// Tells the time and sleeps: the machine's own clock, unless there are hands that turn it.
#[derive(Clone, Default)]
pub(crate) struct Clock(pub(crate) Option<Arc<dyn Hands>>);

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let elapsed = self
            .0
            .as_ref()
            .map_or_else(|| START.elapsed(), |hands| hands.elapsed());
        Moment::default().after(CENTURY).after(elapsed)
    }

    /// The time of day, for the `Date` field only.
    pub(crate) fn date(&self) -> SystemTime {
        self.0
            .as_ref()
            .map_or_else(SystemTime::now, |hands| hands.date())
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        match &self.0 {
            None => Sleep::System(Box::pin(tokio::time::sleep(duration))),
            Some(hands) => Sleep::Turned(hands.clone(), hands.elapsed().saturating_add(duration)),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "System" } else { "Turned" })
    }
}

/// Ready when its time has come.
pub(crate) enum Sleep {
    System(Pin<Box<tokio::time::Sleep>>),
    Turned(Arc<dyn Hands>, Duration),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => sleep.as_mut().poll(cx),
            Self::Turned(hands, until) => hands.poll_until(*until, cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_instead_of_wrapping() {
        let end = Moment::default().after(Duration::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Moment::default().since(end), Duration::ZERO);
        let start = Moment::default();
        assert_eq!(start.before(Duration::from_secs(1)), start);
    }

    #[test]
    fn there_are_moments_before_this_process() {
        let (now, day) = (Clock::default().now(), Duration::from_secs(86_400));
        assert_eq!(now.since(now.before(day)), day);
    }
}
