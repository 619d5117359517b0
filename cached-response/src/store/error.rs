//! What a call to a store comes to.

use actix_web::web::Bytes;
use std::{error::Error, fmt, future::Future, pin::Pin, time::Duration};

/// What a call to a store comes to.
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

/// What a store has kept.
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
    /// How long it has still to live, at most.
    pub left: Duration,
}

impl StoredValue {
    /// These bytes, which have `left` to live.
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

/// What a look-up finds: the entry under a name, and the small values under the names beside it, in their
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

/// Why a store has not done what it was asked for.
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

/// What kind of thing has gone wrong in a store.
///
/// One that refuses is asked again the next time. One that fails otherwise, three times in a row, is
/// asked for nothing until it answers a probe.
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
    /// It cannot be reached, or the connection was lost.
    Unreachable,
    /// It has not answered in time.
    Timeout,
    /// It is there, and refuses: full, read-only, loading, no permission.
    Refused,
    /// Its answer makes no sense.
    Protocol,
    /// What it was told to connect to is no address of a store.
    InvalidAddress,
}

impl StoreErrorKind {
    /// The word for it, in logs and counts.
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
    /// An error that says what has gone wrong.
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

    /// What kind of thing has gone wrong.
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
