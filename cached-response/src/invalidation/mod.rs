//! Invalidation in this process: generations, tags, and the names of what is invalidated.

pub(crate) mod cdn;
pub(crate) mod generation;
pub(crate) mod generations;
pub(crate) mod nonce;
pub(crate) mod path;
pub(crate) mod registry;
pub(crate) mod route_name;
pub(crate) mod scope;
pub(crate) mod tags;

use crate::util::sync;
use std::{error::Error, fmt};

/// Reason why an invalidation has not taken effect everywhere in time. In this process it has, except
/// for [`Nameless`](Self::Nameless).
///
/// It is not lost: the cache retries the remote store as long as it lives, and until the store has
/// confirmed it this process reuses no affected entry of the store. Other processes may still reuse
/// theirs. A caller that must wait for them awaits the same invalidation again.
///
/// Without a remote store the only error is [`Nameless`](Self::Nameless).
///
/// ```
/// use cached_response::{InvalidationError, ResponseCache};
///
/// async fn published(cache: &ResponseCache) -> Result<(), InvalidationError> {
///     cache.invalidate_path("/news").await
/// }
/// # #[actix_web::main] async fn main() {
/// assert!(published(&ResponseCache::builder().build()).await.is_ok());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidationError {
    /// The remote store is unreachable, or is not called since it did not answer before.
    Unreachable,
    /// The remote store has not answered within `invalidation_timeout`.
    Slow,
    /// The remote store refuses, for its reason.
    Refused(String),
    /// A text names nothing that can be invalidated, for this reason, and is not retried. Other names
    /// in the same call are invalidated.
    Nameless(&'static str),
}

impl fmt::Display for InvalidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the remote store cannot be reached")?,
            Self::Slow => f.write_str("the remote store has not answered in time")?,
            Self::Refused(why) => write!(
                f,
                "the remote store refuses to remove names or to publish, check what its user may do \
                 and whether it can be written to ({why})"
            )?,
            Self::Nameless(why) => return write!(f, "nothing is invalidated: {why}"),
        }
        f.write_str(
            "; it has taken effect in this process, and is sent to the others again until the store accepts it",
        )
    }
}

impl Error for InvalidationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_has_the_failure_and_the_retry() {
        for (error, words) in [
            (InvalidationError::Unreachable, "cannot be reached;"),
            (InvalidationError::Slow, "in time;"),
            (InvalidationError::Refused("READONLY".into()), "(READONLY);"),
        ] {
            let error = error.to_string();
            assert!(error.contains(words), "{error}");
            assert!(error.ends_with("until the store accepts it"), "{error}");
        }
        let error = InvalidationError::Nameless("write `/`").to_string();
        assert_eq!(error, "nothing is invalidated: write `/`");
    }
}
