//! How long a response stays fresh, as the author writes it.

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
    note = "write `Duration::from_secs(300)`, or a literal such as `300`, `5m`, `\"1h 30m\"`"
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

/// Given once, or asked for after each run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timeout {
    Fixed(Duration),
    Computed(fn() -> Duration),
}

impl Timeout {
    pub(crate) fn resolve(self) -> Duration {
        match self {
            Self::Fixed(timeout) => timeout,
            Self::Computed(timeout) => timeout(),
        }
    }
}
