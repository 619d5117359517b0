//! The interface by which the processes that share a store send messages to each other.

use crate::store::error::StoreFuture;
use actix_web::web::Bytes;

/// Publish and subscribe among the processes that share a store.
///
/// ```
/// use cached_response::{Store, testing::InProcessStore};
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
/// let store = InProcessStore::new();
/// let bus = store.bus().expect("it has one");
/// let mut subscription = bus.subscribe("channel").await?;
/// bus.publish("channel", "changed".into()).await?;
/// assert_eq!(subscription.next().await?, "changed");
/// # Ok(())
/// # }
/// ```
pub trait Bus: Send + Sync {
    /// Publishes a message to all subscribers of `channel`, on the connection of
    /// [`Store::delete`](crate::Store::delete).
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// assert!(bus.publish("channel", "with or without subscribers".into()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()>;

    /// Subscribes to `channel`. Once the future is ready, every later message is received.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// bus.publish("channel", "before".into()).await?;
    /// let mut subscription = bus.subscribe("channel").await?;
    /// bus.publish("another", "elsewhere".into()).await?;
    /// bus.publish("channel", "after".into()).await?;
    /// assert_eq!(subscription.next().await?, "after");
    /// # Ok(())
    /// # }
    /// ```
    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>>;
}

/// A subscription to a channel.
///
/// ```
/// use actix_web::web::Bytes;
/// use cached_response::{StoreError, StoreErrorKind, StoreFuture, Subscription};
///
/// /// A subscription whose connection was lost.
/// struct Over;
///
/// impl Subscription for Over {
///     fn next(&mut self) -> StoreFuture<'_, Bytes> {
///         Box::pin(async { Err(StoreError::new(StoreErrorKind::Unreachable, "it was closed")) })
///     }
/// }
///
/// # #[actix_web::main] async fn main() {
/// assert!(Over.next().await.is_err());
/// # }
/// ```
pub trait Subscription: Send {
    /// Returns the next message. After an `Err` messages may be missing: the subscription is over.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// let mut subscription = bus.subscribe("channel").await?;
    /// for message in ["first", "second"] {
    ///     bus.publish("channel", message.into()).await?;
    /// }
    /// assert_eq!(subscription.next().await?, "first");
    /// assert_eq!(subscription.next().await?, "second");
    /// # Ok(())
    /// # }
    /// ```
    fn next(&mut self) -> StoreFuture<'_, Bytes>;
}
