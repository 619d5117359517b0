//! By what the processes that share a store tell one another something.

use super::outcome::StoreFuture;
use actix_web::web::Bytes;

/// By which processes that share a store tell one another something at once.
pub trait Bus: Send + Sync {
    /// Tells all who listen on `channel`, on the connection that [`Store::delete`](crate::Store::delete) uses.
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()>;

    /// Listens on `channel`. When it is ready, whatever is published from then on is heard.
    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>>;
}

/// Somebody who listens.
pub trait Subscription: Send {
    /// The next message. An `Err` says that something may have been missed: the subscription is over.
    fn next(&mut self) -> StoreFuture<'_, Bytes>;
}
