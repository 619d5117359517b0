//! The one clock that freshness, patience and limits are measured by.
//!
//! Ages are measured on a monotonic clock, so that setting the machine's time changes no
//! lifetime; the wall clock is only read for the `Date` field.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

/// A point on the monotonic clock, counted from an arbitrary start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment `duration` later; the end of time where that is too far.
    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
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

/// Tells the time and sleeps: the machine's own clock, or one turned by hand in tests.
#[derive(Clone, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(dead_code, reason = "only tests turn a clock by hand")
    )]
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => Moment(nanos(START.elapsed())),
            Self::Manual(clock) => Moment(nanos(clock.elapsed())),
        }
    }

    /// The time of day, for the `Date` field only.
    pub(crate) fn date(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Manual(clock) => clock.0.start + clock.elapsed(),
        }
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        match self {
            Self::System => Sleep::System(Box::pin(tokio::time::sleep(duration))),
            Self::Manual(clock) => {
                Sleep::Manual(clock.clone(), clock.elapsed().saturating_add(duration))
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Manual(_) => "Manual",
        })
    }
}

/// Ready when its time has come.
pub(crate) enum Sleep {
    System(Pin<Box<tokio::time::Sleep>>),
    Manual(ManualClock, Duration),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => sleep.as_mut().poll(cx),
            Self::Manual(clock, until) => clock.poll_until(*until, cx),
        }
    }
}

/// A clock that stands still until a test turns it.
///
/// ```
/// use cached_response::testing::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.elapsed(), Duration::from_secs(90));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Hands>);

struct Hands {
    start: SystemTime,
    state: Mutex<(Duration, Vec<Waker>)>,
}

impl ManualClock {
    /// A clock that shows zero; its time of day is the moment it was made.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Hands {
            start: SystemTime::now(),
            state: Mutex::default(),
        }))
    }

    /// Turns the clock forward and wakes every sleeper whose time may have come.
    pub fn advance(&self, by: Duration) {
        let sleepers = {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = state.0.saturating_add(by);
            std::mem::take(&mut state.1)
        };
        sleepers.into_iter().for_each(Waker::wake);
    }

    /// How far the clock has been turned.
    pub fn elapsed(&self) -> Duration {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn poll_until(&self, until: Duration, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 >= until {
            return Poll::Ready(());
        }
        state.1.push(cx.waker().clone());
        Poll::Pending
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.elapsed()).finish()
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
    }

    #[actix_web::test]
    async fn a_sleeper_wakes_when_the_clock_is_turned_far_enough() {
        let hands = ManualClock::new();
        let clock = Clock::Manual(hands.clone());
        let mut sleep = Box::pin(clock.sleep(Duration::from_secs(5)));
        let mut cx = Context::from_waker(Waker::noop());
        hands.advance(Duration::from_secs(4));
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        hands.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
    }
}
