//! Errors of calls to a remote store, and the rate-limited warnings about them.

use crate::{
    metrics::observers::TARGET,
    store::{StoreError, StoreErrorKind},
    util::sync::{Mutex, lock},
};
use std::time::Duration;

/// Reason why a call to the remote store has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Not started: the circuit breaker is open.
    BreakerOpen,
    /// Not started: the maximum number of concurrent calls is reached.
    TooManyCalls,
    Timeout,
    Failed(StoreError),
}

impl CallError {
    pub(crate) fn failed(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::Failed(StoreError::new(kind, message))
    }
}

/// Minimum time between two warnings of one kind.
const WARN_INTERVAL: Duration = Duration::from_secs(1);

/// Kinds of warnings, each limited on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    Failed(StoreErrorKind),
    Timeout,
    TooManyCalls,
    BreakerOpened,
    WriteQueueFull,
}

impl Warning {
    /// Returns the log line: the fault, its effect, and the remedy.
    fn message(self) -> &'static str {
        match self {
            Self::Failed(StoreErrorKind::Unreachable) => {
                "the remote store cannot be reached: responses are computed again until it answers; \
                 check that it runs and that the network path to it is open"
            }
            Self::Timeout | Self::Failed(StoreErrorKind::Timeout) => {
                "the remote store is slow: responses that it does not return in time are computed \
                 again; check its load, and whether `remote_timeout` suits the network to it"
            }
            Self::Failed(StoreErrorKind::Refused) => {
                "the remote store refuses commands: responses are computed again; check whether it \
                 is full, read-only, or denies this user a permission"
            }
            Self::Failed(StoreErrorKind::Protocol) => {
                "the remote store sends invalid replies: responses are computed again; check that \
                 its address is that of such a store, and see the error for details"
            }
            Self::Failed(StoreErrorKind::InvalidAddress) => {
                "the remote store's address is invalid: responses are computed again; correct it"
            }
            Self::TooManyCalls => {
                "the maximum number of concurrent calls to the remote store is reached: responses \
                 are computed again; check its load"
            }
            Self::BreakerOpened => {
                "the remote store has failed too often: it is not called, and responses are computed \
                 again, until it answers a probe; `ResponseCache::stats` counts the failures"
            }
            Self::WriteQueueFull => {
                "responses are not written to the remote store because its write queue is full: \
                 other nodes compute them again; check its load"
            }
        }
    }
}

/// Time of the last warning of each kind.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Vec<(Warning, Duration)>>);

impl Warnings {
    /// Logs the warning unless one of its kind was logged within the last second.
    pub(crate) fn warn(&self, warning: Warning, error: Option<&StoreError>, now: Duration) {
        if self.is_due(warning, now) {
            let error = error.map(tracing::field::display);
            tracing::warn!(target: TARGET, error, "{}", warning.message());
        }
    }

    /// Logs the end of an outage.
    pub(crate) fn recovered() {
        tracing::info!(target: TARGET, "the remote store answers again");
    }

    fn is_due(&self, warning: Warning, now: Duration) -> bool {
        let mut logged = lock(&self.0);
        let Some((_, last)) = logged.iter_mut().find(|(known, _)| *known == warning) else {
            logged.push((warning, now));
            return true;
        };
        let is_due = now.saturating_sub(*last) >= WARN_INTERVAL;
        if is_due {
            *last = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_is_logged_once_a_second() {
        let warnings = Warnings::default();
        let due = |millis| warnings.is_due(Warning::Timeout, Duration::from_millis(millis));
        let logged: Vec<_> = [0, 1, 999, 1_000, 1_500, 1_999, 2_000].map(due).into();
        assert_eq!(logged, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn one_warning_does_not_suppress_another() {
        let warnings = Warnings::default();
        let kinds = [
            Warning::Timeout,
            Warning::Failed(StoreErrorKind::Timeout),
            Warning::Failed(StoreErrorKind::Refused),
            Warning::BreakerOpened,
        ];
        for kind in kinds {
            assert!(warnings.is_due(kind, Duration::ZERO), "{kind:?}");
        }
    }
}
