//! Test helpers for applications: a manual clock, isolated caches, an in-process store, and the
//! conformance suite of stores.

#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_process_store;
#[cfg(test)]
pub(crate) mod mock_store;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod store_conformance;

pub use crate::testing::{
    in_process_store::InProcessStore,
    store_conformance::{check_handles, check_store},
};
use crate::{
    cache::{ResponseCache, ResponseCacheBuilder, default},
    time::{Clock, TimeSource},
    util::sync::lock,
};
use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

/// Gives this thread a default cache of its own, until the guard is dropped.
///
/// For integration tests, where `cfg!(test)` does not hold in the crate that is tested. Routes
/// with a `cache` of their own, and applications with one in their `app_data`, keep theirs.
///
/// ```
/// let cache = cached_response::testing::isolated();
/// assert_eq!(cache.cache().stats().entries, 0);
/// ```
#[must_use = "the cache is the thread's for as long as this guard lives"]
pub fn isolated() -> Isolated {
    isolated_with(ResponseCacheBuilder::build_default())
}

/// Makes `cache` the default of this thread, until the guard is dropped.
///
/// ```
/// use cached_response::{ResponseCache, testing::{ManualClock, isolated_with}};
///
/// let clock = ManualClock::new();
/// let _guard = isolated_with(ResponseCache::builder().clock(&clock).build());
/// ```
#[must_use = "the cache is the thread's for as long as this guard lives"]
pub fn isolated_with(cache: ResponseCache) -> Isolated {
    Isolated {
        before: default::isolate(Some(cache.clone())),
        cache,
        here: PhantomData,
    }
}

impl ResponseCache {
    /// Ready when all writes to the remote store are done or dropped; at once without a remote store.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.settled().await;
    /// # }
    /// ```
    pub async fn settled(&self) {
        if let Some(remote) = &self.shared().remote {
            remote.write_queue.idle().await;
        }
    }
}

impl ResponseCacheBuilder {
    /// Measures time on a manual clock.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let cache = ResponseCache::builder().clock(&clock).build();
    /// # let _ = cache;
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.into();
        self
    }
}

/// Restores the thread's default cache when it is dropped.
#[derive(Debug)]
pub struct Isolated {
    cache: ResponseCache,
    before: Option<ResponseCache>,
    here: PhantomData<*const ()>,
}

impl Isolated {
    /// Returns the cache in use.
    pub fn cache(&self) -> &ResponseCache {
        &self.cache
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        default::isolate(self.before.take());
    }
}

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
        lock(&self.0.0)
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
