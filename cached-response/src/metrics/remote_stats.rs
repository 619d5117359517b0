//! Statistics of the remote store.

/// Counts of the calls to the remote store since the cache was built.
///
/// Counts are exact, but read one after the other while requests go on.
///
/// ```
/// use cached_response::{RemoteStats, StoreErrorKind};
///
/// let stats = RemoteStats::default();
/// assert_eq!((stats.calls, stats.slow, stats.opened), (0, 0, 0));
/// assert_eq!(stats.failed(StoreErrorKind::Unreachable), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Calls that were made, those in the background included.
    pub calls: u64,
    /// Calls that timed out.
    pub slow: u64,
    /// Calls that were not made because too many were under way.
    pub crowded: u64,
    /// Calls that were not made because the circuit breaker was open.
    pub refused: u64,
    /// Number of times that the circuit breaker has opened.
    pub opened: u64,
    /// Background writes that succeeded.
    pub written: u64,
    /// Background writes that were given up: the queue was full, or they failed.
    pub dropped: u64,
    /// By the kind of the error.
    pub(crate) failed: [u64; Self::ERROR_KINDS],
}

impl RemoteStats {
    /// Number of kinds of errors.
    pub(crate) const ERROR_KINDS: usize = 5;
}
