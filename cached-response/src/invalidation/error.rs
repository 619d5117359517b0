//! Why an invalidation is not known everywhere.

use std::{error::Error, fmt};

/// Why an invalidation has not taken effect everywhere in time. It has in this process, at once, but for
/// [`Nameless`](Self::Nameless).
///
/// It is not lost: the cache goes on telling the remote store, by itself, for as long as it lives,
/// and until the store has done it reuses nothing in this process that the store has of it. Other
/// processes may go on reusing what they have. Whoever must not go on before they stop awaits the
/// same invalidation again.
///
/// In a cache that is in this process only there is one such reason: a name that names nothing.
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
    /// The remote store cannot be reached, or is not asked because it did not answer before.
    Unreachable,
    /// The remote store has not answered within the time that an invalidation may take.
    Slow,
    /// The remote store is there and refuses, for the reason that it has given.
    Refused(String),
    /// A text names nothing that could be invalidated, for this reason: nothing was, and nothing will
    /// be tried again. What else was named in the same call is invalidated.
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
            "; what was invalidated is so in this process, and the others are told as soon as it answers",
        )
    }
}

impl Error for InvalidationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_wrong_and_that_it_is_not_lost() {
        for (error, words) in [
            (InvalidationError::Unreachable, "cannot be reached;"),
            (InvalidationError::Slow, "in time;"),
            (InvalidationError::Refused("READONLY".into()), "(READONLY);"),
        ] {
            let error = error.to_string();
            assert!(error.contains(words), "{error}");
            assert!(error.ends_with("as soon as it answers"), "{error}");
        }
        let error = InvalidationError::Nameless("write `/`").to_string();
        assert_eq!(error, "nothing is invalidated: write `/`");
    }
}
