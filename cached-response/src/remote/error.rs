//! Why a remote store has not done what it was asked for.

use crate::store::error::StoreError;

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// It was not made: the store has failed before, and has not answered since.
    Open,
    /// It was not made: too many are under way.
    Crowded,
    /// Its time was over.
    Slow,
    /// It failed.
    Failed(StoreError),
}

/// Why a call that was made came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Slow,
    Failed(StoreError),
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Slow => Self::Slow,
            Fault::Failed(error) => Self::Failed(error),
        }
    }
}
