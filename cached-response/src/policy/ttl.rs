//! How long a response stays fresh, as the author writes it.

use crate::http::storable::FromResponse;
use std::time::Duration;

/// What may be written for a timeout: a [`Duration`], or whole seconds.
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
    /// The length of time.
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

/// How long a response stays fresh where neither its route nor its cache says so.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Given once, asked for after each run, or said by the response.
#[derive(Clone, Debug)]
pub(crate) enum Timeout {
    /// Nothing was said: the cache's own.
    Unsaid,
    Fixed(Duration),
    Computed(fn() -> Duration),
    Response(FromResponse),
}

impl Timeout {
    /// `None` where the response says it; `unsaid` where nothing does.
    pub(crate) fn resolve(&self, unsaid: Duration) -> Option<Duration> {
        match self {
            Self::Unsaid => Some(unsaid),
            Self::Fixed(timeout) => Some(*timeout),
            Self::Computed(timeout) => Some(timeout()),
            Self::Response(_) => None,
        }
    }

    pub(crate) fn response_stated(&self) -> Option<&FromResponse> {
        match self {
            Self::Response(by) => Some(by),
            Self::Unsaid | Self::Fixed(_) | Self::Computed(_) => None,
        }
    }
}
