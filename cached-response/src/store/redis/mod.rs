//! Redis or Valkey as the remote store.

pub(crate) mod address;
pub(crate) mod backend;
pub(crate) mod cluster;
pub(crate) mod endpoint;
pub(crate) mod pipelines;
pub(crate) mod reply;
pub(crate) mod shared_connection;
pub(crate) mod wire;
pub(crate) mod workers;

use self::{
    address::Address,
    backend::Backend,
    cluster::Cluster,
    endpoint::{Endpoint, Sentinels},
    reply::client_error,
};
use crate::store::{
    Bus, LookedUp, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue, Subscription,
};
use actix_web::web::Bytes;
use redis::{Client, cluster::ClusterClient};
use std::time::{Duration, Instant};

/// Redis (6 or later) or Valkey as the remote store, by the client of the crate `redis`: one server, the
/// one that sentinels name, or a cluster.
///
/// ```
/// # fn main() -> Result<(), cached_response::StoreError> {
/// use cached_response::{RedisStore, StoreErrorKind};
///
/// // Nothing is connected yet, and the server need not run.
/// let store = RedisStore::open("redis://cache:secret@127.0.0.1:6379/1")?;
/// // The password is not shown.
/// assert_eq!(format!("{store:?}"), "RedisStore(127.0.0.1:6379)");
///
/// let error = RedisStore::open("127.0.0.1:6379").unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
/// # Ok(())
/// # }
/// ```
///
/// Connections are opened when they are first used, and again when they were lost; while the server
/// is gone, a call fails within 250 ms (a second in a cluster). There are three to a server: for look-ups,
/// for writes, and for the subscription; and one for each worker that looks something up for its requests. A
/// connection that does not reply within 500 ms after a call was given up is replaced.
///
/// The permissions that a user of the server needs, for a cache in the namespace `shop`:
///
/// ```text
/// ACL SETUSER cache on >secret ~shop:* &shop:bus +getrange +mget +set +pttl +pexpire +pexpireat
///     +unlink +wait +publish +subscribe +time +info +select
/// ```
///
/// and in a cluster `+cluster|slots +asking +ping` (Redis 6: `+cluster`). Without `info` it is not known
/// whether there are replicas, and no invalidation waits for one; without `time` an entry that the server
/// stores late lives longer by as much.
#[derive(Debug)]
pub struct RedisStore(Backend);

impl RedisStore {
    /// A store on one server: `redis://user:password@host:port/database`; `rediss://..` for TLS (feature
    /// `redis-tls`), by the certificates that this machine trusts; or a Unix socket,
    /// `unix:///run/redis.sock?user=..&pass=..&db=..`. `valkey://`, `valkeys://` and `redis+unix://` are
    /// the same. Only the host (or the path) is required: the port is 6379 and the database 0 unless they
    /// are given. In a user or a password write `%40` for `@`, `%2F` for `/`, `%3F` for `?` and `%23` for
    /// `#`. Nothing is connected yet.
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
    /// [`InvalidAddress`](StoreErrorKind::InvalidAddress) if the URL has a mistake, which the message names
    /// with what to write: an unknown scheme, no host, a port or a database that is no number or too large,
    /// a user without a password, unknown parameters after a `?`, or a fragment; or if it is one of TLS
    /// without the feature for it.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let info = Address::parse(url)?.into_info();
        let client = Client::open(info).map_err(|error| client_error(&error))?;
        Ok(Self::from_client(client))
    }

    /// A store on the server of a client, with whatever the crate `redis` (1.8 or a later 1.x) can build: roots and client
    /// certificates of one's own (`redis::Client::build_with_tls`), TCP settings, RESP3. Nothing is
    /// connected yet.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cached_response::RedisStore;
    ///
    /// let client = redis::Client::open("redis://:secret@127.0.0.1:6379")?;
    /// let store = RedisStore::from_client(client);
    /// assert_eq!(format!("{store:?}"), "RedisStore(127.0.0.1:6379)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client(client: Client) -> Self {
        Self(Backend::new(Endpoint::server(client)))
    }

    /// A store on a cluster, of which some nodes are named: the others are found by them. User, password
    /// and TLS are the same for all, as the first URL has them. Nothing is connected yet.
    ///
    /// Nonces that are read along with a response are read after it, so that a look-up takes two round
    /// trips; and names are deleted one after the other.
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
    /// As [`open`](Self::open), or if there is no address, or one is a Unix socket or has a database other
    /// than 0, which is the only one of a cluster.
    pub fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self, StoreError> {
        let cluster = Cluster::new(addresses(urls)?)?;
        Ok(Self(Backend::new(Endpoint::cluster(cluster))))
    }

    /// A store on the cluster of a client. Build it for RESP3
    /// (`use_protocol(redis::ProtocolVersion::RESP3)`): without it processes do not learn of each other's
    /// invalidations at once. Nothing is connected yet.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cached_response::RedisStore;
    /// use redis::{ProtocolVersion, cluster::ClusterClient};
    ///
    /// let client = ClusterClient::builder(["redis://10.0.0.1:7000"])
    ///     .use_protocol(ProtocolVersion::RESP3)
    ///     .build()?;
    /// let store = RedisStore::from_cluster_client(client);
    /// assert_eq!(format!("{store:?}"), "RedisStore(a cluster)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_cluster_client(client: ClusterClient) -> Self {
        Self(Backend::new(Endpoint::cluster(Cluster::of_client(client))))
    }

    /// A store on the server that sentinels monitor by this name, wherever it is. User, password,
    /// database and TLS are those of the server; the password is sent to a sentinel only if that requires
    /// one. Nothing is connected yet.
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
    /// As [`open`](Self::open), or if there is no address, or one is a Unix socket, or the name is empty.
    pub fn sentinel<'a>(
        urls: impl IntoIterator<Item = &'a str>,
        primary: &str,
    ) -> Result<Self, StoreError> {
        if primary.is_empty() {
            let unnamed = "the primary has no name: write the one that the sentinels monitor it by, such as \
                           \"mymaster\"";
            return Err(StoreError::new(StoreErrorKind::InvalidAddress, unnamed));
        }
        let addresses = addresses(urls)?.into_iter().map(Address::of_sentinel);
        let sentinels = Sentinels::new(addresses.collect::<Result<_, _>>()?, primary);
        Ok(Self(Backend::new(Endpoint::sentinels(sentinels))))
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

/// The lifetime of an entry whose end the clock cannot express.
const MAX_LIFETIME: Duration = Duration::from_secs(86_400 * 365);

impl Store for RedisStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move { Ok(self.0.look_up(name, limit, &[]).await?.0) })
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + MAX_LIFETIME);
        Box::pin(async move { self.0.set(name, &bytes, deadline).await })
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.0.remove(&[name.to_owned()]).await })
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(self.0.small_values(names))
    }

    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, LookedUp> {
        Box::pin(self.0.look_up(name, limit, with))
    }

    fn look_up_here(
        &self,
        name: &str,
        limit: usize,
        with: &[String],
    ) -> Option<StoreFuture<'static, LookedUp>> {
        Some(Box::pin(self.0.look_up_here(name, limit, with)?))
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(self.0.add(name, bytes, timeout))
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(self.0.ensure(values, life))
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
        Box::pin(async move { self.0.publish(channel, &message).await })
    }

    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>> {
        Box::pin(async move {
            let subscription = self.0.subscribe(channel).await?;
            Ok(Box::new(subscription) as Box<dyn Subscription>)
        })
    }
}
