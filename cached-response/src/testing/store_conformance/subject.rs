//! The store that is checked, and what is common to all checks.

use crate::store::{
    Store,
    error::{StoreFuture, StoredValue},
};
use actix_web::web::Bytes;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

/// Long enough to outlive the check.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// More than any value of the checks that is read in full.
pub(crate) const ALL: usize = 16 << 20;

/// How long a call may take. What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two handles on one store: what the one does, the other shall see.
pub(crate) struct Subject {
    pub(crate) one: Arc<dyn Store>,
    pub(crate) other: Arc<dyn Store>,
    run: u64,
}

impl Subject {
    pub(crate) fn new(one: Arc<dyn Store>, other: Arc<dyn Store>) -> Self {
        Self {
            one,
            other,
            run: RandomState::new().build_hasher().finish(),
        }
    }

    /// A name of this run's own.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("check-store:{:016x}:{name}", self.run)
    }

    pub(crate) fn names(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| self.name(name)).collect()
    }

    pub(crate) async fn set(&self, name: &str, bytes: impl Into<Bytes>, timeout: Duration) {
        ends("set", self.one.set(name, bytes.into(), timeout)).await;
    }

    pub(crate) async fn delete(&self, name: &str) {
        ends("delete", self.one.delete(name)).await;
    }

    /// What the other handle finds.
    pub(crate) async fn kept(&self, name: &str, limit: usize) -> Option<StoredValue> {
        ends("get", self.other.get(name, limit)).await
    }

    /// The bytes that the other handle finds.
    pub(crate) async fn bytes(&self, name: &str) -> Option<Bytes> {
        self.kept(name, ALL).await.map(|kept| kept.bytes)
    }
}

/// What a call comes to, which must end and be well.
#[expect(clippy::panic, reason = "this is how a suite reports")]
pub(crate) async fn ends<T>(method: &str, call: StoreFuture<'_, T>) -> T {
    let Ok(answer) = timeout(PATIENCE, call).await else {
        panic!("`{method}` hangs: it has not ended within {PATIENCE:?}");
    };
    answer.unwrap_or_else(|error| {
        panic!("`{method}` has failed, of a store that should be well: {error}")
    })
}
