//! Test helpers for applications: a manual clock, isolated caches, an in-process store, and the
//! conformance suite of stores.

#[cfg(any(test, feature = "testing"))]
pub(crate) mod in_process_store;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod manual_clock;
#[cfg(test)]
pub(crate) mod mock_store;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod store_conformance;

use crate::cache::{ResponseCache, ResponseCacheBuilder, default};
pub use crate::testing::{
    in_process_store::InProcessStore,
    manual_clock::ManualClock,
    store_conformance::{check_handles, check_store},
};
use std::marker::PhantomData;

/// Gives this thread a default cache of its own, until the guard is dropped.
///
/// For integration tests, where `cfg!(test)` does not hold in the crate that is tested. Routes
/// with a `cache` of their own, and applications with one in their `app_data`, keep theirs.
///
/// ```
/// let cache = cached_response::testing::isolated();
/// assert_eq!(cache.cache().stats().entries, 0);
/// ```
#[must_use = "the cache is the thread's for as long as this guard lives"]
pub fn isolated() -> Isolated {
    isolated_with(ResponseCacheBuilder::build_default())
}

/// Makes `cache` the default of this thread, until the guard is dropped.
///
/// ```
/// use cached_response::{ResponseCache, testing::{ManualClock, isolated_with}};
///
/// let clock = ManualClock::new();
/// let _guard = isolated_with(ResponseCache::builder().clock(&clock).build());
/// ```
#[must_use = "the cache is the thread's for as long as this guard lives"]
pub fn isolated_with(cache: ResponseCache) -> Isolated {
    Isolated {
        before: default::isolate(Some(cache.clone())),
        cache,
        here: PhantomData,
    }
}

impl ResponseCache {
    /// Ready when all writes to the remote store are done or dropped; at once without a remote store.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.settled().await;
    /// # }
    /// ```
    pub async fn settled(&self) {
        if let Some(remote) = &self.shared().remote {
            remote.write_queue.idle().await;
        }
    }
}

impl ResponseCacheBuilder {
    /// Measures time on a manual clock.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let cache = ResponseCache::builder().clock(&clock).build();
    /// # let _ = cache;
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.into();
        self
    }
}

/// Restores the thread's default cache when it is dropped.
#[derive(Debug)]
pub struct Isolated {
    cache: ResponseCache,
    before: Option<ResponseCache>,
    here: PhantomData<*const ()>,
}

impl Isolated {
    /// Returns the cache in use.
    pub fn cache(&self) -> &ResponseCache {
        &self.cache
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        default::isolate(self.before.take());
    }
}
