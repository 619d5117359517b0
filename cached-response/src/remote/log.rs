//! Says in the log what is wrong with a remote store: once a second and kind, and what to do.

use crate::{
    store::error::{StoreError, StoreErrorKind},
    util::sync::{Mutex, lock},
};
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);

/// What is wrong with a remote store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    Failed(StoreErrorKind),
    Slow,
    Crowded,
    Open,
    Full,
}

impl Warning {
    /// What it is, and what to do.
    fn advice(self) -> &'static str {
        match self {
            Self::Failed(StoreErrorKind::Unreachable) => {
                "the remote store cannot be reached: responses are made anew until it answers; \
                 see whether it runs, and the way to it is open"
            }
            Self::Slow | Self::Failed(StoreErrorKind::Timeout) => {
                "the remote store is slow: what it has not answered in time is made anew; \
                 see its load, and whether `remote_timeout` suits the way to it"
            }
            Self::Failed(StoreErrorKind::Refused) => {
                "the remote store refuses: responses are made anew; \
                 see whether it is full, read-only, or lacks permissions for this user"
            }
            Self::Failed(StoreErrorKind::Protocol) => {
                "the remote store's answers make no sense: responses are made anew; \
                 see whether its address is that of such a store, and the error for its own fault"
            }
            Self::Failed(StoreErrorKind::InvalidAddress) => {
                "the remote store's address is none: responses are made anew; correct it"
            }
            Self::Crowded => {
                "as many calls to the remote store as may be are under way: responses are made \
                 anew; see its load"
            }
            Self::Open => {
                "the remote store has failed too often: nothing is asked of it, and responses are \
                 made anew, until it answers a probe; `ResponseCache::stats` counts what has failed"
            }
            Self::Full => {
                "responses are not written to the remote store, since too many are waiting for it \
                 already: other nodes make them anew; see its load"
            }
        }
    }
}

/// When each was last said.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Vec<(Warning, Duration)>>);

impl Warnings {
    /// Says it, unless it was said within the last second.
    pub(crate) fn warn(&self, trouble: Warning, error: Option<&StoreError>, now: Duration) {
        if self.is_due(trouble, now) {
            let error = error.map(tracing::field::display);
            tracing::warn!(error, "{}", trouble.advice());
        }
    }

    /// Says that nothing is wrong any more.
    pub(crate) fn well_again() {
        tracing::info!("the remote store answers again");
    }

    fn is_due(&self, trouble: Warning, now: Duration) -> bool {
        let mut said = lock(&self.0);
        let Some((_, last)) = said.iter_mut().find(|(known, _)| *known == trouble) else {
            said.push((trouble, now));
            return true;
        };
        let is_due = now.saturating_sub(*last) >= PAUSE;
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
    fn each_trouble_is_said_once_a_second() {
        let warnings = Warnings::default();
        let slow = |millis| warnings.is_due(Warning::Slow, Duration::from_millis(millis));
        let said: Vec<_> = [0, 1, 999, 1_000, 1_500, 1_999, 2_000].map(slow).into();
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn one_trouble_does_not_silence_another() {
        let warnings = Warnings::default();
        let troubles = [
            Warning::Slow,
            Warning::Failed(StoreErrorKind::Timeout),
            Warning::Failed(StoreErrorKind::Refused),
            Warning::Open,
        ];
        for trouble in troubles {
            assert!(warnings.is_due(trouble, Duration::ZERO), "{trouble:?}");
        }
    }
}
