//! A clock turned by hand, so that tests need no sleeping.

use super::clock::{Clock, Hands};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
pub struct ManualClock(Arc<Face>);

struct Face {
    start: SystemTime,
    state: Mutex<(Duration, Vec<Waker>)>,
}

impl ManualClock {
    /// A clock that shows zero; its time of day is the moment it was made.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Face {
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
}

impl From<&ManualClock> for Clock {
    fn from(hands: &ManualClock) -> Self {
        Self(Some(Arc::new(hands.clone())))
    }
}

impl Hands for ManualClock {
    fn elapsed(&self) -> Duration {
        Self::elapsed(self)
    }

    fn date(&self) -> SystemTime {
        self.0.start + Self::elapsed(self)
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
}
