//! What tells responses from those that were made before a deploy.

use crate::policy::Policy;

impl Policy {
    /// Responses that were put into a remote store under another version are not found any more.
    /// What is in memory goes with its process.
    ///
    /// A handler with the attribute is told from an earlier one by a hash of its source: a deploy
    /// which changes the handler starts anew, and one which changes only what the handler calls does
    /// not. In the attribute this text stands in for that hash. A handler given to
    /// [`cached`](crate::cached), a [`CacheResponses`](crate::CacheResponses) and a value have none:
    /// change this text wherever what they answer must not be mixed with what they answered before.
    ///
    /// # Panics
    /// If it is empty.
    ///
    /// ```
    /// # use cached_response::Policy;
    /// let policy = Policy::new(3600).version("2");
    /// assert!(std::panic::catch_unwind(|| Policy::new(3600).version("")).is_err());
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        assert!(
            !version.is_empty(),
            "an empty `version` says nothing: write \"2\", or leave it out"
        );
        self.version = Some(version.into());
        self
    }
}
