//! Configuration of the remote tier, and namespaces that two caches of one process share.

use crate::{
    store::Store,
    util::sync::{Mutex, Weak, lock},
};
use std::{fmt, sync::Arc, time::Duration};

/// Settings of the builder for the remote tier.
#[derive(Clone)]
pub(crate) struct RemoteConfig {
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) namespace: String,
    pub(crate) schema_version: u32,
    /// Time that all calls of one request may take together.
    pub(crate) remote_timeout: Duration,
    /// Time that an invalidation may take.
    pub(crate) invalidation_timeout: Duration,
    /// Time for which memory may be trusted without a sign of life from the bus.
    pub(crate) max_unverified: Duration,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            store: None,
            namespace: "cached-response".into(),
            schema_version: 1,
            remote_timeout: Duration::from_millis(50),
            invalidation_timeout: Duration::from_millis(250),
            max_unverified: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConfig")
            .field("has_store", &self.store.is_some())
            .field("namespace", &self.namespace)
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

/// Use of a namespace by one cache, until it is dropped.
#[derive(Debug)]
pub(crate) struct NamespaceLock(
    #[expect(dead_code, reason = "its reference count shows that it is in use")] Arc<str>,
);

impl NamespaceLock {
    /// Registers a use of the namespace and returns whether another cache of this process uses it.
    pub(crate) fn acquire(namespace: &str) -> (Self, bool) {
        static ALL: Mutex<Vec<Weak<str>>> = Mutex::new(Vec::new());
        let own: Arc<str> = namespace.into();
        let mut all = lock(&ALL);
        let mut is_shared = false;
        all.retain(|used| {
            let used = used.upgrade();
            is_shared |= used.as_deref() == Some(namespace);
            used.is_some()
        });
        all.push(Arc::downgrade(&own));
        (Self(own), is_shared)
    }
}

#[cfg(test)]
mod tests {
    use super::NamespaceLock;

    #[test]
    fn a_namespace_is_shared_while_another_cache_uses_it() {
        let acquire = NamespaceLock::acquire;
        let (one, is_shared) = acquire("config: one");
        assert!(!is_shared);
        assert!(!acquire("config: other").1);
        let (again, is_shared) = acquire("config: one");
        assert!(is_shared);
        drop(one);
        assert!(acquire("config: one").1);
        drop(again);
        assert!(!acquire("config: one").1);
    }
}
