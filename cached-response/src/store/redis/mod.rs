//! Redis or Valkey as the remote store.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod joint;
pub(crate) mod line;
pub(crate) mod lookup;
pub(crate) mod near;
pub(crate) mod node;
pub(crate) mod primary;
pub(crate) mod pulse;
pub(crate) mod question;
pub(crate) mod resp;
pub(crate) mod sentinel;
pub(crate) mod server_info;
pub(crate) mod servers;
pub(crate) mod small_values;
pub(crate) mod socket;
pub(crate) mod subscription;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod wire;

use actix_web::web::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    address::Address,
    answer::Answer,
    cluster::Cluster,
    lookup::{PendingLookup, looked_up, whole},
    node::{Node, Order},
    sentinel::Sentinels,
    servers::Servers,
    subscription::Listener,
    target::Target,
};
use crate::store::{
    Store,
    bus::{Bus, Subscription},
    error::{Prompt, Question, StoreError, StoreErrorKind, StoreFuture, StoredValue},
};

/// Redis (6 or later) or Valkey as the remote store: one server, the one that sentinels know, or a
/// cluster.
///
/// ```
/// # fn main() -> Result<(), cached_response::StoreError> {
/// use cached_response::{RedisStore, StoreErrorKind};
///
/// // Nobody need be there yet.
/// let store = RedisStore::open("redis://cache:secret@127.0.0.1:6379/1")?;
/// // What is secret stays so.
/// assert_eq!(format!("{store:?}"), "RedisStore(127.0.0.1:6379)");
///
/// let error = RedisStore::open("127.0.0.1:6379").unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
/// # Ok(())
/// # }
/// ```
///
/// Connections are made when they are first needed, and again when they were lost; while the server
/// is gone, a call fails within 250 ms. There are three to a server: one for what requests wait for,
/// one for what goes on behind them, one that listens; and, but in a cluster, one for each worker that
/// looks something up for its requests.
///
/// What a user of the server must be allowed, for a cache in the namespace `shop`:
///
/// ```text
/// ACL SETUSER cache on >secret ~shop:* &shop:bus +getrange +mget +set +pttl +pexpire +pexpireat
///     +unlink +wait +publish +subscribe +time +info +select
/// ```
///
/// and in a cluster `+cluster|slots +asking` (Redis 6: `+cluster`). Without `info` it is not known
/// whether there are replicas, and no invalidation waits for one; without `time` what is written by
/// a server that is slow to do it lives longer by as much.
#[derive(Debug)]
pub struct RedisStore(Servers);

impl RedisStore {
    /// One server: `redis://user:password@host:port/database`, or `rediss://..` for TLS (feature
    /// `redis-tls`), by the certificates that this machine trusts; `valkey://` and `valkeys://` are the
    /// same. Only the host is required: the port is 6379 and the database 0 unless they are given. In a
    /// user or a password write `%40` for `@`, `%2F` for `/`, `%3F` for `?` and `%23` for `#`.
    ///
    /// ```
    /// use cached_response::{RedisStore, StoreErrorKind};
    ///
    /// let error = RedisStore::open("redis://127.0.0.1/-1").unwrap_err();
    /// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
    /// assert!(error.to_string().contains("write `redis://host:6379/1`"));
    /// ```
    ///
    /// # Errors
    /// If the URL has a mistake, which the message names with what to write: an unknown scheme, no
    /// host, a port or a database that is no number or too large, a user without a password,
    /// parameters after a `?`, or a fragment; or if it is one of TLS without the feature for it. Nothing
    /// is connected to yet.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let target = Target::Fixed(Address::parse(url)?);
        Ok(Self(Servers::One(Arc::new(Node::new(target)))))
    }

    /// A cluster, of which some nodes are named: the others are found by them. User, password and
    /// whether it is TLS are the same for all, as the first says it.
    ///
    /// Nonces that are read along with a response are asked for after it, so that a look-up takes
    /// two round trips; and names are deleted one after the other.
    ///
    /// ```
    /// # fn main() -> Result<(), cached_response::StoreError> {
    /// use cached_response::RedisStore;
    ///
    /// let store = RedisStore::cluster(["redis://10.0.0.1:7000", "redis://10.0.0.2:7000"])?;
    /// assert_eq!(format!("{store:?}"), "RedisStore([10.0.0.1:7000, 10.0.0.2:7000])");
    /// assert!(RedisStore::cluster([]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect), or if there is no address, or one has a database other than 0,
    /// which is the only one of a cluster.
    pub fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self, StoreError> {
        Ok(Self(Servers::Cluster(Cluster::new(addresses(urls)?)?)))
    }

    /// The server that sentinels know by this name, at whatever place it is. User, password,
    /// database and whether it is TLS are those of the server; the password is told to a sentinel
    /// only if that asks for one.
    ///
    /// ```
    /// # fn main() -> Result<(), cached_response::StoreError> {
    /// use cached_response::RedisStore;
    ///
    /// let sentinels = ["redis://:secret@10.0.0.1:26379", "redis://:secret@10.0.0.2:26379"];
    /// let store = RedisStore::sentinel(sentinels, "mymaster")?;
    /// assert!(!format!("{store:?}").contains("secret"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect), or if there is no address, or the name is empty.
    pub fn sentinel<'a>(
        urls: impl IntoIterator<Item = &'a str>,
        primary: &str,
    ) -> Result<Self, StoreError> {
        if primary.is_empty() {
            let unnamed = "the primary has no name: write the one that the sentinels monitor it by, such as \
                           \"mymaster\"";
            return Err(StoreError::new(StoreErrorKind::InvalidAddress, unnamed));
        }
        let target = Target::Moving(Sentinels::new(addresses(urls)?, primary));
        Ok(Self(Servers::One(Arc::new(Node::new(target)))))
    }
}

fn addresses<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Vec<Address>, StoreError> {
    let addresses: Vec<_> = urls
        .into_iter()
        .map(Address::parse)
        .collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        let none = "there is no address of a Redis server: write one at least, such as \
                    \"redis://127.0.0.1:6379\"";
        return Err(StoreError::new(StoreErrorKind::InvalidAddress, none));
    }
    Ok(addresses)
}

impl Store for RedisStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let order = Order::Ask(whole(name, limit, 0));
            Ok(looked_up((self.0.answers(name, &order).await?, Vec::new()))?.0)
        })
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + FOR_EVER);
        let order = Order::Set(name.to_owned(), bytes, deadline);
        Box::pin(async move {
            let answers = self.0.answers(name, &order).await?;
            let refusal = answers.iter().find_map(Answer::refusal);
            refusal.map_or(Ok(()), |refusal| Err(error::refusal(refusal)))
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.0.remove(&[name.to_owned()]).await })
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move { self.0.shorts(names).await })
    }

    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, (Option<StoredValue>, Vec<Option<Bytes>>)> {
        Box::pin(async move {
            let whole = whole(name, limit, with.len());
            looked_up(self.0.answers_in_order(name, whole, with).await?)
        })
    }

    fn look_up_promptly(&self, question: Question<'_>) -> Option<Prompt> {
        let prepared = question.memo.get(|| lookup::prepared(&question))?;
        let asked = self.0.ask_promptly(prepared, question.on_a_worker)?;
        Some(Prompt {
            begun: asked.begun().clone(),
            found: Arc::new(PendingLookup::new(asked, &question)),
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(small_values::add(&self.0, name, bytes, timeout))
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(small_values::ensure(&self.0, values, life))
    }

    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        Box::pin(self.0.remove(names))
    }

    fn bus(&self) -> Option<&dyn Bus> {
        Some(self)
    }
}

impl Bus for RedisStore {
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let node = self.0.speaker(channel).await?;
            let order = Order::Publish(channel.to_owned(), message);
            let answers = node.answers(&order, false).await?;
            answers
                .into_iter()
                .try_for_each(|answer| answer.number().map(drop))
        })
    }

    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>> {
        Box::pin(async move {
            let node = self.0.speaker(channel).await?;
            let listener = Listener::new(node.listen(channel).await?);
            Ok(Box::new(listener) as Box<dyn Subscription>)
        })
    }
}

/// As good as for ever, where the clock cannot say so.
const FOR_EVER: Duration = Duration::from_secs(86_400 * 365);
