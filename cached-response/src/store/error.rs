//! Results and errors of a store.

use crate::util::sync::{Mutex, lock};
use actix_web::web::Bytes;
use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

/// The future of a call to a store.
///
/// ```
/// use cached_response::{StoreError, StoreFuture};
///
/// fn nothing<'a>() -> StoreFuture<'a, Option<u32>> {
///     Box::pin(async { Ok(None) })
/// }
///
/// # #[actix_web::main] async fn main() {
/// assert_eq!(nothing().await, Ok::<_, StoreError>(None));
/// # }
/// ```
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A value that a store returns.
///
/// ```
/// use cached_response::StoredValue;
/// use std::time::Duration;
///
/// let kept = StoredValue::new("bytes".into(), Duration::from_secs(60));
/// assert_eq!(kept.bytes, "bytes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredValue {
    /// The bytes that were set, or the first of them.
    pub bytes: Bytes,
    /// The remaining lifetime, at most.
    pub left: Duration,
}

impl StoredValue {
    /// A value of these bytes with this remaining lifetime.
    ///
    /// ```
    /// use cached_response::StoredValue;
    /// use std::time::Duration;
    ///
    /// let kept = StoredValue::new("bytes".into(), Duration::from_secs(60));
    /// assert_eq!(kept.left.as_secs(), 60);
    /// ```
    pub fn new(bytes: Bytes, left: Duration) -> Self {
        Self { bytes, left }
    }
}

/// The result of a look-up: the entry under a name, and the small values under the names beside it, in their
/// order.
///
/// ```
/// use cached_response::{LookedUp, Store, testing::InProcessStore};
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
/// let found: LookedUp = InProcessStore::new().look_up("page", 64, &["tag".to_owned()]).await?;
/// assert_eq!(found, (None, vec![None]));
/// # Ok(())
/// # }
/// ```
pub type LookedUp = (Option<StoredValue>, Vec<Option<Bytes>>);

/// An error of a store.
///
/// ```
/// use cached_response::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Refused, "it is full");
/// assert_eq!(error.to_string(), "refused: it is full");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// The kind of an error of a store.
///
/// A store that refuses is called again the next time. One that fails otherwise, three times in a row, is not
/// called until it answers a probe.
///
/// ```
/// use cached_response::StoreErrorKind;
///
/// let kinds = [StoreErrorKind::Unreachable, StoreErrorKind::Timeout];
/// assert_eq!(kinds.map(StoreErrorKind::as_str), ["unreachable", "timeout"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, or the connection was lost.
    Unreachable,
    /// The store has not answered in time.
    Timeout,
    /// The store answers, and refuses: full, read-only, loading, no permission.
    Refused,
    /// The store's answer does not fit the call.
    Protocol,
    /// The address is none of a store.
    InvalidAddress,
}

impl StoreErrorKind {
    /// The word of this kind in logs and counts.
    ///
    /// ```
    /// assert_eq!(cached_response::StoreErrorKind::Protocol.as_str(), "protocol");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::InvalidAddress => "invalid-address",
        }
    }
}

impl StoreError {
    /// An error with a message.
    ///
    /// ```
    /// use cached_response::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::Unreachable, "no route to it");
    /// assert_eq!(error.to_string(), "unreachable: no route to it");
    /// ```
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The message, without the kind.
    #[cfg(feature = "redis")]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The kind of the error.
    ///
    /// ```
    /// use cached_response::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::InvalidAddress, "no port");
    /// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
    /// ```
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl Error for StoreError {}

/// The time between two warnings of a foreign value, for all caches of the process.
const WARNING_INTERVAL: Duration = Duration::from_secs(1);

static LAST_WARNING: Mutex<Option<Instant>> = Mutex::new(None);

/// Logs that a name of a cache holds a value that no cache has written, once a second at most. The name is
/// left out: a client may have chosen a part of it.
pub(crate) fn warn_of_foreign_value() {
    if is_due(&mut lock(&LAST_WARNING), Instant::now()) {
        tracing::warn!(
            "a name of this cache in the remote store holds a value that no cache has written: it counts as \
             a miss, and is replaced by the next response or nonce that is stored there; give the cache a \
             `namespace(..)` under which nothing else writes"
        );
    }
}

fn is_due(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= WARNING_INTERVAL);
    if is_due {
        *last = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_value_is_logged_once_a_second() {
        let (start, mut last) = (Instant::now(), None);
        let due = [0, 1, 999, 1_000, 1_500, 2_000]
            .map(|millis| is_due(&mut last, start + Duration::from_millis(millis)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
