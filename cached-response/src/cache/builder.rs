//! What a cache with a remote store is built with.

use crate::{cache::ResponseCacheBuilder, store::Store};
use std::{sync::Arc, time::Duration};

impl ResponseCacheBuilder {
    /// Shares what is stored with other processes, by a store behind the memory.
    ///
    /// What is not in memory is looked for there before the handler runs, and what the handler makes
    /// goes there behind the answer. A store that cannot be reached, or is slow, is as though there
    /// were none: no request fails or waits for it beyond [`remote_timeout`](Self::remote_timeout).
    ///
    /// **What has a store to itself needs nothing else; what shares one needs a
    /// [`namespace`](Self::namespace) of its own:** staging beside production, each tenant's deployment,
    /// each service, and each `cache =` of one process. Under one namespace they are nodes of one cache.
    /// The host of a request is not in the key of most handlers, and two services that were made of one
    /// template have handlers of the same name and source.
    ///
    /// More in [the guide](crate::guide::many_nodes).
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), std::convert::Infallible> {
    /// let store = InProcessStore::new();
    /// let node = || ResponseCache::builder().remote(store.clone()).build();
    /// let (one, other) = (node(), node());
    /// let answer = |node: ResponseCache, computed: u32| async move {
    ///     node.get_or_compute("answer", 60, move || async move {
    ///         Ok::<_, std::convert::Infallible>(computed)
    ///     })
    ///     .await
    /// };
    /// assert_eq!(answer(one.clone(), 42).await?, 42);
    /// one.settled().await;
    /// assert_eq!(answer(other.clone(), 43).await?, 42);
    /// assert_eq!(other.stats().remote_hits, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn remote(mut self, store: impl Store) -> Self {
        self.remote.store = Some(Arc::new(store));
        self
    }

    /// Keeps no response in this process: each look-up asks the remote store. Whatever any process
    /// invalidates holds for the next request, everywhere. Without a remote store nothing is kept at
    /// all. Two caches of one process are told apart by their [`namespace`](Self::namespace) alone.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let cache = ResponseCache::builder().remote(InProcessStore::new()).without_memory().build();
    /// assert_eq!(cache.stats().entries, 0);
    /// ```
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.remote.without_memory = true;
        self
    }

    /// Begins every name in the remote store. Caches that share a store and a namespace share what
    /// is stored, and what is invalidated: they must be one application, on the same data.
    /// `cached-response` unless set, **for everybody who does not set it**. A second cache of one
    /// process under the same namespace is warned of when it is built.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let store = InProcessStore::new();
    /// let cache = ResponseCache::builder().remote(store).namespace("shop").build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.remote.namespace = namespace.into();
        self
    }

    /// A number that is a part of every response's key in the remote store: caches with another one
    /// do not see what these have stored. To be raised where what handlers say changes its shape
    /// without a change of their own source: what they call, and the types of the values of
    /// [`get_or_compute`](crate::ResponseCache::get_or_compute) and of `key(serde(..))`. 1 unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    ///
    /// let store = InProcessStore::new();
    /// let cache = ResponseCache::builder().remote(store).schema_version(2).build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn schema_version(mut self, version: u32) -> Self {
        self.remote.schema_version = version;
        self
    }

    /// What all the calls to the remote store may take together that one request awaits. 50 ms
    /// unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .remote_timeout(Duration::from_millis(20))
    ///     .build();
    /// assert_eq!(cache.stats().remote_hits, 0);
    /// ```
    #[must_use]
    pub fn remote_timeout(mut self, budget: Duration) -> Self {
        self.remote.remote_timeout = budget;
        self
    }

    /// What an invalidation may take to hold in the remote store, before it is an `Err` and is tried
    /// again behind it. 250 ms unless set.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .invalidation_timeout(Duration::from_secs(1))
    ///     .build();
    /// assert_eq!(cache.stats().invalidations, 0);
    /// ```
    #[must_use]
    pub fn invalidation_timeout(mut self, budget: Duration) -> Self {
        self.remote.invalidation_timeout = budget;
        self
    }

    /// How long what is in memory is relied on when nothing is heard of the other processes. After
    /// that it is compared with the remote store before it answers. 5 s unless set; with a store that
    /// has no bus it is always so.
    ///
    /// ```
    /// use cached_response::{ResponseCache, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// let cache = ResponseCache::builder()
    ///     .remote(InProcessStore::new())
    ///     .max_unverified(Duration::from_secs(2))
    ///     .build();
    /// assert_eq!(cache.stats().hits, 0);
    /// ```
    #[must_use]
    pub fn max_unverified(mut self, max_unverified: Duration) -> Self {
        self.remote.max_unverified = max_unverified;
        self
    }
}
