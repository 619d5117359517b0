//! Time to live of a response, as the author sets it.

use crate::http::storable::FromResponse;
use std::time::Duration;

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
