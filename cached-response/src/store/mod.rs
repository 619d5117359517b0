//! What a remote store is to a cache: bytes under names, for a time.

pub(crate) mod bus;
pub(crate) mod error;
pub(crate) mod foreign;
#[cfg(feature = "memcached")]
pub(crate) mod memcached;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use self::{
    bus::Bus,
    error::{LookedUp, StoreFuture, StoredValue},
};
use actix_web::web::Bytes;
use std::time::Duration;

/// A place outside of this process where bytes are kept under a name, for a time: get, set with a
/// timeout, delete.
///
/// The three of them are all that a store must have. Of the other methods each has a default made of
/// these, and is there for what a backend can do better. Names are printable, have no spaces unless
/// the namespace has any, and may be long (8 KiB).
///
/// All futures are polled on one thread of the cache's own, which has a tokio runtime with I/O and
/// time. They must not block it. Each is dropped when its time is over, at any point; a call need
/// not have a timeout of its own. An `Err` is never seen by a request: it is a miss, a count and a
/// line in the log.
///
/// A whole store, and the check of `testing` that it is one:
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
///             let drawer = self.0.lock().expect("nobody panics with it");
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
///             let mut drawer = self.0.lock().expect("nobody panics with it");
///             drawer.insert(name.to_owned(), (bytes, until));
///             Ok(())
///         })
///     }
///
///     fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
///         Box::pin(async move {
///             self.0.lock().expect("nobody panics with it").remove(name);
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
    /// What lies under `name`, but no more than its first `limit` bytes, and how long it has still to
    /// live by the store's own clock. What may live a moment less has less.
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

    /// Puts `bytes` under `name`, in place of what lies there. After `timeout` they are gone; what
    /// takes longer to get there may not live longer.
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

    /// Removes what lies under `name`, if anything does. `Ok` means that no later `get`, of anybody,
    /// finds it.
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

    /// What lies under each of these names, in their order: short values, of 64 bytes at most.
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
    /// where the backend can. What is found under `with` must not be older than what lies under
    /// `name`.
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

    /// Puts `bytes` under `name` unless something lies there, and gives what lies there then. By
    /// default two may both find nothing, and both put theirs.
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

    /// For each name: gives the short value that lies there and has `life` to live still, its life
    /// made longer where it must be; where there is none, puts the one that is given in its place.
    ///
    /// A value may be replaced by the one that is given, but never be put back once it was deleted:
    /// by default one that has too little to live is replaced.
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

    /// By which processes tell one another what was invalidated. Without one, what a process has in
    /// memory is compared with the store when it was last compared five seconds ago.
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
