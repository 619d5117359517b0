//! Options of stale responses (RFC 5861), refreshes, and bounds of a run.

use crate::http::storable::FromResponse;
use std::time::Duration;

/// The options of a route or a cache; unset ones have a fallback.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct StaleRules {
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
    pub(crate) refresh_ahead: Option<f32>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) jitter: Option<f32>,
    pub(crate) failure_cooldown: Option<Duration>,
}

/// Default of `failure_cooldown`.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(30);

impl StaleRules {
    /// Returns these options, with those of `others` where unset.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            while_revalidate: self.while_revalidate.or(others.while_revalidate),
            if_error: self.if_error.or(others.if_error),
            refresh_ahead: self.refresh_ahead.or(others.refresh_ahead),
            soft_timeout: self.soft_timeout.or(others.soft_timeout),
            run_timeout: self.run_timeout.or(others.run_timeout),
            jitter: self.jitter.or(others.jitter),
            failure_cooldown: self.failure_cooldown.or(others.failure_cooldown),
        }
    }

    /// Returns the options that need no background run.
    pub(crate) fn without_refresh(self) -> Self {
        Self {
            while_revalidate: Some(Duration::ZERO),
            refresh_ahead: None,
            soft_timeout: None,
            ..self
        }
    }

    /// The longest window past the lifetime.
    pub(crate) fn longest_window(&self) -> Duration {
        let window = self.while_revalidate.max(self.if_error);
        window.unwrap_or_default()
    }

    /// Pause of runs after a failure.
    pub(crate) fn failure_cooldown(&self) -> Duration {
        self.failure_cooldown.unwrap_or(DEFAULT_COOLDOWN)
    }
}

/// The options of stale responses, the same for a route and for a cache. Both have the fields `stale`
/// and `mistakes`.
macro_rules! stale_options {
    ($owner:ty) => {
        impl $owner {
            /// For this long past its lifetime a response is still sent, at once, and the handler runs
            /// in the background, once per key (RFC 5861 §3). Zero switches it off.
            ///
            /// Not after an invalidation, and not where the response has `must-revalidate`.
            #[must_use]
            pub fn stale_while_revalidate(mut self, window: impl IntoTimeout) -> Self {
                self.stale.while_revalidate = Some(window.into_timeout());
                self
            }

            /// For this long past its lifetime a response is sent where the run that would replace it
            /// fails (RFC 5861 §4): with a status of 5xx, `Err` of such a status, a panic,
            /// `mark_failed()`, or by taking longer than `run_timeout`. Zero switches it off.
            ///
            /// Never in place of 401, 403, 404 or 410, not after an invalidation, and not where the
            /// response has `must-revalidate`. After a failure runs pause, see
            /// [`failure_cooldown`](Self::failure_cooldown).
            #[must_use]
            pub fn stale_if_error(mut self, window: impl IntoTimeout) -> Self {
                self.stale.if_error = Some(window.into_timeout());
                self
            }

            /// The first request after this fraction of a response's lifetime receives it, and starts
            /// the handler in the background: a response in demand never expires. 0.9 is usual.
            ///
            /// # Panics
            /// When a cache or a route is built with it, if the fraction is not over 0 and under 1.
            #[must_use]
            pub fn refresh_ahead(mut self, fraction: f32) -> Self {
                self.mistakes
                    .check_fraction("refresh_ahead", fraction, "0.9");
                self.stale.refresh_ahead = Some(fraction);
                self
            }

            /// With a usable stale response a request waits at most this long for a run, which then
            /// continues in the background. The windows of `stale_while_revalidate` and
            /// `stale_if_error` decide which response is usable; without either this has no effect.
            #[must_use]
            pub fn soft_timeout(mut self, timeout: impl IntoTimeout) -> Self {
                self.stale.soft_timeout = Some(timeout.into_timeout());
                self
            }

            /// A run without a response after this time is dropped and has failed: a stale response is
            /// sent where `stale_if_error` permits it, else 503. Unset, a run is unlimited; so is always
            /// one for a request that bypasses.
            #[must_use]
            pub fn run_timeout(mut self, limit: impl IntoTimeout) -> Self {
                self.stale.run_timeout = Some(limit.into_timeout());
                self
            }

            /// Shortens each lifetime by a random fraction up to this one, so that responses which were
            /// stored together do not expire together. It never lengthens a lifetime.
            ///
            /// # Panics
            /// When a cache or a route is built with it, if the fraction is not over 0 and under 1.
            #[must_use]
            pub fn jitter(mut self, fraction: f32) -> Self {
                self.mistakes.check_fraction("jitter", fraction, "0.1");
                self.stale.jitter = Some(fraction);
                self
            }

            /// After a failed run with a usable stale response no other run starts for this long: the
            /// stale response is sent within its window. 30 s unless set.
            #[must_use]
            pub fn failure_cooldown(mut self, cooldown: impl IntoTimeout) -> Self {
                self.stale.failure_cooldown = Some(cooldown.into_timeout());
                self
            }
        }
    };
}

pub(crate) use stale_options;

/// Conversion into a timeout: a [`Duration`], or whole seconds.
///
/// ```
/// use cached_response::IntoTimeout;
/// use std::time::Duration;
///
/// assert_eq!(90.into_timeout(), Duration::from_secs(90));
/// assert_eq!(Duration::from_millis(5).into_timeout(), Duration::from_millis(5));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a length of time",
    label = "expected a `Duration`, or whole seconds as `u64`",
    note = "write whole seconds, such as `3600`, or `Duration::from_secs(3600)`",
    note = "`1h` and `\"1h 30m\"` are literals of the attribute: `#[cached_response(timeout = 1h)]`"
)]
pub trait IntoTimeout {
    /// Returns the duration.
    fn into_timeout(self) -> Duration;
}

impl IntoTimeout for Duration {
    fn into_timeout(self) -> Duration {
        self
    }
}

impl IntoTimeout for u64 {
    fn into_timeout(self) -> Duration {
        Duration::from_secs(self)
    }
}

/// Time to live where neither the route nor the cache sets one.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Source of the time to live.
#[derive(Clone, Debug)]
pub(crate) enum Timeout {
    /// The default of the cache.
    OfCache,
    Fixed(Duration),
    Computed(fn() -> Duration),
    Response(FromResponse),
}

impl Timeout {
    /// Returns the time to live; `None` where the response states it.
    pub(crate) fn resolve(&self, default: Duration) -> Option<Duration> {
        match self {
            Self::OfCache => Some(default),
            Self::Fixed(timeout) => Some(*timeout),
            Self::Computed(timeout) => Some(timeout()),
            Self::Response(_) => None,
        }
    }

    /// The interpretation of a response that states its own lifetime.
    pub(crate) fn response_stated(&self) -> Option<&FromResponse> {
        match self {
            Self::Response(by) => Some(by),
            Self::OfCache | Self::Fixed(_) | Self::Computed(_) => None,
        }
    }
}
