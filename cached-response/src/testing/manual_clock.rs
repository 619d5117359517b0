//! A clock turned by hand, so that tests need no sleeping.

use crate::time::{Clock, TimeSource};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

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
pub struct ManualClock(Arc<ClockState>);

struct ClockState(Mutex<State>);

struct State {
    elapsed: Duration,
    /// The time of day, as it was when so much had elapsed.
    date: (SystemTime, Duration),
    sleepers: Vec<Waker>,
}

impl ManualClock {
    /// A clock that shows zero; its time of day is the moment it was made.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(ClockState(Mutex::new(State {
            elapsed: Duration::ZERO,
            date: (SystemTime::now(), Duration::ZERO),
            sleepers: Vec::new(),
        }))))
    }

    /// Turns the clock forward and wakes every sleeper whose time may have come.
    pub fn advance(&self, by: Duration) {
        let sleepers = {
            let mut state = self.state();
            state.elapsed = state.elapsed.saturating_add(by);
            std::mem::take(&mut state.sleepers)
        };
        sleepers.into_iter().for_each(Waker::wake);
    }

    /// How far the clock has been turned.
    pub fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    /// Sets the time of day, forward or back, as an administrator does. No time passes by that.
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
    fn from(hands: &ManualClock) -> Self {
        Self(Some(Arc::new(hands.clone())))
    }
}

impl TimeSource for ManualClock {
    fn elapsed(&self) -> Duration {
        Self::elapsed(self)
    }

    fn date(&self) -> SystemTime {
        let state = self.state();
        let (date, then) = state.date;
        // At the end of time it stands still.
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
    async fn a_sleeper_wakes_when_the_clock_is_turned_far_enough() {
        let hands = ManualClock::new();
        let clock = Clock::from(&hands);
        let mut sleep = Box::pin(clock.sleep(Duration::from_secs(5)));
        let mut cx = Context::from_waker(Waker::noop());
        hands.advance(Duration::from_secs(4));
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        hands.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn the_time_of_day_goes_on_from_where_it_was_set() {
        let hands = ManualClock::new();
        hands.advance(Duration::from_secs(5));
        hands.set_date(SystemTime::UNIX_EPOCH);
        hands.advance(Duration::from_secs(2));
        let date = Clock::from(&hands).date();
        assert_eq!(date, SystemTime::UNIX_EPOCH + Duration::from_secs(2));
        assert_eq!(hands.elapsed(), Duration::from_secs(7));
    }
}
