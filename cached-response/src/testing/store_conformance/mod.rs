//! Conformance suite for implementations of [`Store`].

pub(crate) mod batches;
pub(crate) mod bus;
pub(crate) mod cancellation;
pub(crate) mod ensure;
pub(crate) mod expiry;
pub(crate) mod values;

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

/// Checks that `store` does what [`Store`] says. It takes some seconds, since it waits for timeouts.
///
/// Each run writes under names of its own, beside one of a single byte, and deletes what it has written or
/// lets it expire; a store that is in use may be checked.
///
/// ```
/// use cached_response::testing::{InProcessStore, check_store};
///
/// # #[actix_web::main] async fn main() {
/// check_store(InProcessStore::new()).await;
/// # }
/// ```
///
/// # Panics
///
/// If it does not. The message has the actual and the expected behaviour.
pub async fn check_store(store: impl Store) {
    let store: Arc<dyn Store> = Arc::new(store);
    check(&Subject::new(store.clone(), store)).await;
}

/// Checks the same with two handles on one store, such as two connections: a change by the one is
/// visible to the other.
///
/// ```
/// use cached_response::testing::{InProcessStore, check_handles};
///
/// # #[actix_web::main] async fn main() {
/// let store = InProcessStore::new();
/// check_handles(store.clone(), store).await;
/// # }
/// ```
///
/// # Panics
///
/// As [`check_store`] does.
pub async fn check_handles(one: impl Store, other: impl Store) {
    check(&Subject::new(Arc::new(one), Arc::new(other))).await;
}

async fn check(subject: &Subject) {
    values::check(subject).await;
    values::check_names(subject).await;
    batches::check(subject).await;
    ensure::check(subject).await;
    cancellation::check(subject).await;
    bus::check(subject).await;
    expiry::check(subject).await;
}

/// Timeout that outlives the check.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Limit above the size of every value that is read in full.
pub(crate) const ALL: usize = 16 << 20;

/// Time after which a call counts as hanging.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Two handles on the store that is checked: a change by the one must be visible to the other.
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

    /// Returns a name that no other run uses.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("check-store:{:016x}:{name}", self.run)
    }

    pub(crate) fn names(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| self.name(name)).collect()
    }

    pub(crate) async fn set(&self, name: &str, bytes: impl Into<Bytes>, timeout: Duration) {
        completes("set", self.one.set(name, bytes.into(), timeout)).await;
    }

    pub(crate) async fn delete(&self, name: &str) {
        completes("delete", self.one.delete(name)).await;
    }

    /// Reads a value by the other handle.
    pub(crate) async fn value(&self, name: &str, limit: usize) -> Option<StoredValue> {
        completes("get", self.other.get(name, limit)).await
    }

    /// Reads the bytes of a value by the other handle.
    pub(crate) async fn bytes(&self, name: &str) -> Option<Bytes> {
        self.value(name, ALL).await.map(|value| value.bytes)
    }
}

/// Returns the result of a call, which must end without an error.
#[expect(clippy::panic, reason = "this is how a suite reports")]
pub(crate) async fn completes<T>(method: &str, call: StoreFuture<'_, T>) -> T {
    let Ok(answer) = timeout(CALL_TIMEOUT, call).await else {
        panic!("`{method}` hangs: it has not ended within {CALL_TIMEOUT:?}");
    };
    answer.unwrap_or_else(|error| {
        panic!("`{method}` has failed, of a store that should be well: {error}")
    })
}

#[cfg(test)]
mod tests;
