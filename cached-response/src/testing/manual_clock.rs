//! Manual clock, so that tests need not sleep.

use crate::time::{Clock, TimeSource};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

/// Clock that stands still until a test advances it.
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
pub struct ManualClock(Arc<ClockState>);

struct ClockState(Mutex<State>);

struct State {
    elapsed: Duration,
    /// Time of day, and the elapsed time at which it was set.
    date: (SystemTime, Duration),
    sleepers: Vec<Waker>,
}

impl ManualClock {
    /// Creates a clock that shows zero; its time of day is the current one.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(ClockState(Mutex::new(State {
            elapsed: Duration::ZERO,
            date: (SystemTime::now(), Duration::ZERO),
            sleepers: Vec::new(),
        }))))
    }

    /// Advances the clock and wakes all sleepers.
    pub fn advance(&self, by: Duration) {
        let sleepers = {
            let mut state = self.state();
            state.elapsed = state.elapsed.saturating_add(by);
            std::mem::take(&mut state.sleepers)
        };
        sleepers.into_iter().for_each(Waker::wake);
    }

    /// Returns the time by which the clock was advanced.
    pub fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    /// Sets the time of day, forward or back, as an administrator does. No time elapses.
    ///
    /// ```
    /// use cached_response::testing::ManualClock;
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let clock = ManualClock::new();
    /// clock.set_date(UNIX_EPOCH);
    /// assert_eq!(clock.elapsed(), Duration::ZERO);
    /// ```
    pub fn set_date(&self, date: SystemTime) {
        let mut state = self.state();
        state.date = (date, state.elapsed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&ManualClock> for Clock {
    fn from(manual: &ManualClock) -> Self {
        Self(Some(Arc::new(manual.clone())))
    }
}

impl TimeSource for ManualClock {
    fn elapsed(&self) -> Duration {
        Self::elapsed(self)
    }

    fn date(&self) -> SystemTime {
        let state = self.state();
        let (date, then) = state.date;
        // Past the last representable date it stands still.
        date.checked_add(state.elapsed.saturating_sub(then))
            .unwrap_or(date)
    }

    fn poll_until(&self, until: Duration, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.elapsed >= until {
            return Poll::Ready(());
        }
        state.sleepers.push(cx.waker().clone());
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

    #[actix_web::test]
    async fn a_sleep_ends_when_the_clock_is_advanced_far_enough() {
        let manual = ManualClock::new();
        let clock = Clock::from(&manual);
        let mut sleep = Box::pin(clock.sleep(Duration::from_secs(5)));
        let mut cx = Context::from_waker(Waker::noop());
        manual.advance(Duration::from_secs(4));
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        manual.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn the_time_of_day_advances_from_where_it_was_set() {
        let manual = ManualClock::new();
        manual.advance(Duration::from_secs(5));
        manual.set_date(SystemTime::UNIX_EPOCH);
        manual.advance(Duration::from_secs(2));
        let date = Clock::from(&manual).date();
        assert_eq!(date, SystemTime::UNIX_EPOCH + Duration::from_secs(2));
        assert_eq!(manual.elapsed(), Duration::from_secs(7));
    }
}
