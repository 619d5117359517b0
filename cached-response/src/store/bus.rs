//! By what the processes that share a store tell one another something.

use crate::store::error::StoreFuture;
use actix_web::web::Bytes;

/// By which processes that share a store tell one another something at once.
///
/// ```
/// use cached_response::{Store, testing::InProcessStore};
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
/// let store = InProcessStore::new();
/// let bus = store.bus().expect("it has one");
/// let mut heard = bus.subscribe("channel").await?;
/// bus.publish("channel", "changed".into()).await?;
/// assert_eq!(heard.next().await?, "changed");
/// # Ok(())
/// # }
/// ```
pub trait Bus: Send + Sync {
    /// Tells all who listen on `channel`, on the connection that [`Store::delete`](crate::Store::delete) uses.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// assert!(bus.publish("channel", "whether or not anybody listens".into()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()>;

    /// Listens on `channel`. When it is ready, whatever is published from then on is heard.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// bus.publish("channel", "before".into()).await?;
    /// let mut heard = bus.subscribe("channel").await?;
    /// bus.publish("another", "elsewhere".into()).await?;
    /// bus.publish("channel", "after".into()).await?;
    /// assert_eq!(heard.next().await?, "after");
    /// # Ok(())
    /// # }
    /// ```
    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>>;
}

/// Somebody who listens.
///
/// ```
/// use actix_web::web::Bytes;
/// use cached_response::{StoreError, StoreErrorKind, StoreFuture, Subscription};
///
/// /// One whose connection was lost.
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
    /// The next message. An `Err` says that something may have been missed: the subscription is over.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let bus = store.bus().expect("it has one");
    /// let mut heard = bus.subscribe("channel").await?;
    /// for message in ["first", "second"] {
    ///     bus.publish("channel", message.into()).await?;
    /// }
    /// assert_eq!(heard.next().await?, "first");
    /// assert_eq!(heard.next().await?, "second");
    /// # Ok(())
    /// # }
    /// ```
    fn next(&mut self) -> StoreFuture<'_, Bytes>;
}
