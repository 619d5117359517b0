//! The interface of remote stores: bytes under names, with a lifetime.

#[cfg(feature = "memcached")]
pub(crate) mod memcached;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use crate::metrics::event::{LogLimit, TARGET};
use actix_web::web::Bytes;
use std::{error::Error, fmt, future::Future, pin::Pin, time::Duration};

/// A store outside of this process that keeps bytes under a name for a time: get, set with a timeout,
/// delete.
///
/// These three are all that a store must implement. Each of the other methods has a default made of them, and
/// is overridden where a backend can do better. Names are printable, contain no spaces unless the namespace
/// does, and may be long (8 KiB).
///
/// All futures but that of [`look_up_here`](Self::look_up_here) are polled on one thread of the cache's own,
/// which has a tokio runtime with I/O and time. They must not block it. Each is dropped when its time is over,
/// at any point; a call need not have a timeout of its own. A request never fails by an `Err`: it is a miss, a
/// count and a line in the log.
///
/// A whole store, and the check of `testing` for it:
///
/// ```
/// use actix_web::web::Bytes;
/// use cached_response::{StoredValue, Store, StoreFuture, testing::check_store};
/// use std::{collections::HashMap, sync::Mutex, time::{Duration, Instant}};
///
/// #[derive(Default)]
/// struct Drawer(Mutex<HashMap<String, (Bytes, Instant)>>);
///
/// impl Store for Drawer {
///     fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
///         Box::pin(async move {
///             let drawer = self.0.lock().expect("no panic while it is locked");
///             Ok(drawer.get(name).and_then(|(bytes, until)| {
///                 let left = until.checked_duration_since(Instant::now())?;
///                 let bytes = bytes.slice(..limit.min(bytes.len()));
///                 (!left.is_zero()).then(|| StoredValue::new(bytes, left))
///             }))
///         })
///     }
///
///     fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
///         // From when it was asked for, not from when it is done.
///         let until = Instant::now() + timeout;
///         Box::pin(async move {
///             let mut drawer = self.0.lock().expect("no panic while it is locked");
///             drawer.insert(name.to_owned(), (bytes, until));
///             Ok(())
///         })
///     }
///
///     fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
///         Box::pin(async move {
///             self.0.lock().expect("no panic while it is locked").remove(name);
///             Ok(())
///         })
///     }
/// }
///
/// # #[actix_web::main] async fn main() {
/// check_store(Drawer::default()).await;
/// # }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Returns the value under `name`, of which the first `limit` bytes, with its remaining lifetime by the
    /// store's own clock, rounded down.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// store.set("name", "bytes".into(), minute).await?;
    /// let kept = store.get("name", 3).await?.expect("it was set");
    /// assert_eq!(kept.bytes, "byt");
    /// assert!(kept.left <= minute);
    /// assert_eq!(store.get("another", 3).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>>;

    /// Stores `bytes` under `name`, in place of an older value. They are gone after `timeout`, counted from the
    /// call: a write that arrives late may not live longer.
    ///
    /// ```
    /// use cached_response::{Store, testing::{InProcessStore, ManualClock}};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let clock = ManualClock::new();
    /// let store = InProcessStore::with_clock(&clock);
    /// store.set("name", "bytes".into(), Duration::from_secs(60)).await?;
    /// store.set("name", "others".into(), Duration::from_secs(30)).await?;
    /// assert_eq!(store.get("name", 64).await?.expect("it is there").bytes, "others");
    /// clock.advance(Duration::from_secs(30));
    /// assert_eq!(store.get("name", 64).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()>;

    /// Removes the value under `name`, if there is one. `Ok` means that no later `get` of any process finds
    /// it.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// store.set("name", "bytes".into(), minute).await?;
    /// store.delete("name").await?;
    /// assert_eq!(store.get("name", 64).await?, None);
    /// store.delete("name").await?;
    /// # Ok(())
    /// # }
    /// ```
    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()>;

    /// Returns the small values (of 64 bytes at most) under these names, in their order.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// store.set("a", "1".into(), minute).await?;
    /// let found = store.get_many(&["b".to_owned(), "a".to_owned()]).await?;
    /// assert_eq!(found, [None, Some("1".into())]);
    /// # Ok(())
    /// # }
    /// ```
    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                found.push(self.get(name, 64).await?.map(|kept| kept.bytes));
            }
            Ok(found)
        })
    }

    /// [`get`](Self::get) of `name`, and [`get_many`](Self::get_many) of `with`, in one round trip
    /// where the backend can. The values under `with` must not be older than the value under `name`.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// store.set("page", "<h1>".into(), minute).await?;
    /// store.set("tag", "7".into(), minute).await?;
    /// let (page, with) = store.look_up("page", 64, &["tag".to_owned()]).await?;
    /// assert_eq!(page.expect("it was set").bytes, "<h1>");
    /// assert_eq!(with, [Some("7".into())]);
    /// # Ok(())
    /// # }
    /// ```
    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, LookedUp> {
        Box::pin(async move {
            let kept = self.get(name, limit).await?;
            Ok((kept, self.get_many(with).await?))
        })
    }

    /// [`look_up`](Self::look_up) for a caller that polls the future on its own thread: `Some` where the
    /// store has an open connection there that this thread drives. This saves two switches to the I/O
    /// thread and back for a request that the memory does not answer. `None`, the default, has the look-up
    /// made on the I/O thread.
    ///
    /// It is called on the worker of the request, in its runtime, which it must not block. An `Err` of the
    /// kind [`Unreachable`](crate::StoreErrorKind::Unreachable) or
    /// [`Protocol`](crate::StoreErrorKind::Protocol) has the look-up made again on the I/O thread.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// assert!(InProcessStore::new().look_up_here("page", 64, &[]).is_none());
    /// ```
    fn look_up_here(
        &self,
        name: &str,
        limit: usize,
        with: &[String],
    ) -> Option<StoreFuture<'static, LookedUp>> {
        let _ = (name, limit, with);
        None
    }

    /// Stores `bytes` under `name` unless there is a value, and returns the value that is stored then. By
    /// default two processes may both find none, and both store theirs.
    ///
    /// It is sent once, as [`ensure`](Self::ensure) is: sent again after an error, it could bring back what
    /// another process has deleted in between.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(store.add("lease", "mine".into(), minute).await?, "mine");
    /// assert_eq!(store.add("lease", "yours".into(), minute).await?, "mine");
    /// # Ok(())
    /// # }
    /// ```
    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(async move {
            if let Some(kept) = self.get(name, 64).await? {
                return Ok(kept.bytes);
            }
            self.set(name, bytes.clone(), timeout).await?;
            Ok(bytes)
        })
    }

    /// Returns for each name the small value that is stored, with a remaining lifetime of at least `life`,
    /// extended if necessary; if there is none, the given value is stored and returned.
    ///
    /// A value may be replaced by the given one, but a deleted one must never come back: by default one with
    /// too short a lifetime is replaced.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// store.set("a", "old".into(), minute).await?;
    /// let values = [("a".to_owned(), "new".into()), ("b".to_owned(), "new".into())];
    /// assert_eq!(store.ensure(&values, minute / 2).await?, ["old", "new"]);
    /// store.delete("a").await?;
    /// assert_eq!(store.ensure(&values, minute / 2).await?, ["new", "new"]);
    /// # Ok(())
    /// # }
    /// ```
    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(async move {
            let mut ensured = Vec::with_capacity(values.len());
            for (name, value) in values {
                ensured.push(match self.get(name, 64).await? {
                    Some(kept) if kept.left >= life => kept.bytes,
                    _ => {
                        self.set(name, value.clone(), life.saturating_mul(4))
                            .await?;
                        value.clone()
                    }
                });
            }
            Ok(ensured)
        })
    }

    /// [`delete`](Self::delete)s these names, in their order, in one round trip where the backend can.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    /// use std::time::Duration;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
    /// let store = InProcessStore::new();
    /// let minute = Duration::from_secs(60);
    /// let names = ["a".to_owned(), "b".to_owned()];
    /// store.set("b", "1".into(), minute).await?;
    /// store.delete_many(&names).await?;
    /// assert_eq!(store.get_many(&names).await?, [None, None]);
    /// # Ok(())
    /// # }
    /// ```
    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            for name in names {
                self.delete(name).await?;
            }
            Ok(())
        })
    }

    /// Returns the bus by which processes learn of each other's invalidations. Without one, a response in
    /// memory is compared with the store again five seconds after the last comparison.
    ///
    /// ```
    /// use cached_response::{Store, testing::InProcessStore};
    ///
    /// assert!(InProcessStore::new().bus().is_some());
    /// ```
    fn bus(&self) -> Option<&dyn Bus> {
        None
    }
}

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

/// The future of a call to a store.
///
/// ```
/// use cached_response::{StoreError, StoreFuture};
///
/// fn nothing<'a>() -> StoreFuture<'a, Option<u32>> {
///     Box::pin(async { Ok(None) })
/// }
///
/// # #[actix_web::main] async fn main() {
/// assert_eq!(nothing().await, Ok::<_, StoreError>(None));
/// # }
/// ```
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A value that a store returns.
///
/// ```
/// use cached_response::StoredValue;
/// use std::time::Duration;
///
/// let kept = StoredValue::new("bytes".into(), Duration::from_secs(60));
/// assert_eq!(kept.bytes, "bytes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredValue {
    /// The bytes that were set, or the first of them.
    pub bytes: Bytes,
    /// The remaining lifetime, at most.
    pub left: Duration,
}

impl StoredValue {
    /// A value of these bytes with this remaining lifetime.
    ///
    /// ```
    /// use cached_response::StoredValue;
    /// use std::time::Duration;
    ///
    /// let kept = StoredValue::new("bytes".into(), Duration::from_secs(60));
    /// assert_eq!(kept.left.as_secs(), 60);
    /// ```
    pub fn new(bytes: Bytes, left: Duration) -> Self {
        Self { bytes, left }
    }
}

/// The result of a look-up: the entry under a name, and the small values under the names beside it, in their
/// order.
///
/// ```
/// use cached_response::{LookedUp, Store, testing::InProcessStore};
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::StoreError> {
/// let found: LookedUp = InProcessStore::new().look_up("page", 64, &["tag".to_owned()]).await?;
/// assert_eq!(found, (None, vec![None]));
/// # Ok(())
/// # }
/// ```
pub type LookedUp = (Option<StoredValue>, Vec<Option<Bytes>>);

/// An error of a store.
///
/// ```
/// use cached_response::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Refused, "it is full");
/// assert_eq!(error.to_string(), "refused: it is full");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// The kind of an error of a store.
///
/// A store that refuses is called again the next time. One that fails otherwise, three times in a row, is not
/// called until it answers a probe.
///
/// ```
/// use cached_response::StoreErrorKind;
///
/// let kinds = [StoreErrorKind::Unreachable, StoreErrorKind::Timeout];
/// assert_eq!(kinds.map(StoreErrorKind::as_str), ["unreachable", "timeout"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, or the connection was lost.
    Unreachable,
    /// The store has not answered in time.
    Timeout,
    /// The store answers, and refuses: full, read-only, loading, no permission.
    Refused,
    /// The store's answer does not fit the call.
    Protocol,
    /// The address is none of a store.
    InvalidAddress,
}

impl StoreErrorKind {
    /// The word of this kind in logs and counts.
    ///
    /// ```
    /// assert_eq!(cached_response::StoreErrorKind::Protocol.as_str(), "protocol");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::InvalidAddress => "invalid-address",
        }
    }
}

impl StoreError {
    /// An error with a message.
    ///
    /// ```
    /// use cached_response::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::Unreachable, "no route to it");
    /// assert_eq!(error.to_string(), "unreachable: no route to it");
    /// ```
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The message, without the kind.
    #[cfg(feature = "redis")]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The kind of the error.
    ///
    /// ```
    /// use cached_response::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::InvalidAddress, "no port");
    /// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
    /// ```
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl Error for StoreError {}

/// The text of an error where something deletes a value all the time.
#[cfg(any(feature = "redis", feature = "memcached"))]
pub(crate) const VANISHES: &str = "the value under the name is gone each time it is read: another program \
     deletes it, or the server has too little memory and evicts it";

/// Logs that a name of a cache holds a value that no cache has written. The name is left out: a client may
/// have chosen a part of it.
pub(crate) fn warn_of_foreign_value() {
    static LIMIT: LogLimit = LogLimit::new();
    if LIMIT.admits() {
        tracing::warn!(
            target: TARGET,
            "a name of this cache in the remote store holds a value that no cache has written: it counts as \
             a miss, and is replaced by the next response or nonce that is stored there; give the cache a \
             `namespace(..)` under which nothing else writes"
        );
    }
}
