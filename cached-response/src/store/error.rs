//! What a call to a store comes to.

use actix_web::web::Bytes;
use std::{
    any::Any,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    store::small_values::SmallValues,
    util::{batch::BatchStart, shared_oneshot::Place},
};

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
/// let kept = Kept::new("bytes".into(), Duration::from_secs(60));
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
    /// let kept = Kept::new("bytes".into(), Duration::from_secs(60));
    /// assert_eq!(kept.left.as_secs(), 60);
    /// ```
    pub fn new(bytes: Bytes, left: Duration) -> Self {
        Self { bytes, left }
    }
}

/// What a look-up comes to: what lies under a name, and under the names beside it.
pub(crate) type LookedUp = (Option<StoredValue>, SmallValues);

/// What is looked up, and by whom.
#[allow(missing_debug_implementations, reason = "it is no part of the API")]
#[cfg_attr(
    not(feature = "redis"),
    allow(dead_code, reason = "no other store looks up promptly")
)]
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub(crate) name: &'a str,
    pub(crate) limit: usize,
    pub(crate) with: &'a [String],
    /// Whether it is for a request, whose worker can drive a connection.
    pub(crate) on_a_worker: bool,
    /// Whether what is found answers and is not kept.
    pub(crate) in_passing: bool,
    /// Of this question, for this store.
    pub(crate) memo: &'a Memo,
}

/// What a store has made of a question that is asked again and again.
#[cfg_attr(
    not(feature = "redis"),
    allow(dead_code, reason = "no other store looks up promptly")
)]
#[derive(Default)]
pub(crate) struct Memo(OnceLock<Box<dyn Any + Send + Sync>>);

#[cfg_attr(
    not(feature = "redis"),
    allow(dead_code, reason = "no other store looks up promptly")
)]
impl Memo {
    /// What `make` made of the question when it was first asked; `None` where that was another store.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

/// A look-up that goes on wherever it is polled.
#[allow(missing_debug_implementations, reason = "it is no part of the API")]
pub struct Prompt {
    pub(crate) begun: BatchStart,
    pub(crate) found: Arc<dyn Found>,
}

/// What a look-up comes to, for all who wait for it.
pub(crate) trait Found: Send + Sync {
    /// For somebody who waits at this place.
    fn poll(&self, place: &mut Place, cx: &Context<'_>) -> Poll<Result<LookedUp, StoreError>>;
}

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

#[cfg(test)]
mod tests {
    use super::Memo;

    #[test]
    fn what_was_made_of_a_question_is_made_once() {
        let memo = Memo::default();
        assert_eq!(memo.get(|| 1_u8), Some(&1));
        assert_eq!(memo.get(|| 2_u8), Some(&1));
        assert_eq!(memo.get(|| "by another store"), None);
    }
}
