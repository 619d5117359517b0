//! By which the store and the other processes are told something.

use crate::store::{bus::Subscription, error::StoreError};
use actix_web::web::Bytes;
use std::{future::Future, pin::Pin};

/// What telling them something comes to.
pub(crate) type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// A store and the channel of one cache on its bus. Whatever is asked of it ends within the time that
/// an invalidation may take, and fails at once while the store is known not to answer.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Removes these names, in their order.
    fn delete(&self, names: Vec<String>) -> Answer<()>;

    /// Whether there is a bus, for the two that follow.
    fn has_bus(&self) -> bool;

    /// Tells all who listen.
    fn publish(&self, message: Bytes) -> Answer<()>;

    /// When it is ready, whatever is published from then on is heard.
    fn subscribe(&self) -> Answer<Box<dyn Subscription>>;
}
