//! What is said of a remote store when a cache is built.

use crate::store::Store;
use std::{fmt, sync::Arc, time::Duration};

/// What a cache is to know of its remote store.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) without_memory: bool,
    pub(crate) namespace: String,
    pub(crate) schema: u32,
    pub(crate) budget: Duration,
    pub(crate) invalidation: Duration,
    pub(crate) max_unverified: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store: None,
            without_memory: false,
            namespace: "cached-response".into(),
            schema: 1,
            budget: Duration::from_millis(50),
            invalidation: Duration::from_millis(250),
            max_unverified: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("remote", &self.store.is_some())
            .field("namespace", &self.namespace)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
