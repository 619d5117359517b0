//! What any store must do: the acceptance suite, for a store of one's own.

pub(crate) mod batches;
pub(crate) mod bus;
pub(crate) mod cancellation;
pub(crate) mod ensure;
pub(crate) mod expiry;
pub(crate) mod names;
pub(crate) mod subject;
pub(crate) mod values;

use crate::{store::Store, testing::store_conformance::subject::Subject};
use std::sync::Arc;

/// Checks that `store` does what [`Store`] says. It takes some seconds, since it waits for timeouts.
///
/// What it writes has names of its own for each run, beside one of a single byte, and is deleted or
/// short-lived; a store that is in use does for it.
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
/// Where it does not. The message says what was seen and what is expected.
pub async fn check_store(store: impl Store) {
    let store: Arc<dyn Store> = Arc::new(store);
    check(&Subject::new(store.clone(), store)).await;
}

/// Checks the same with two handles on one store, such as two connections: what is done by the one
/// is seen by the other.
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
    names::check(subject).await;
    batches::check(subject).await;
    ensure::check(subject).await;
    cancellation::check(subject).await;
    bus::check(subject).await;
    expiry::check(subject).await;
}

#[cfg(test)]
mod tests;
