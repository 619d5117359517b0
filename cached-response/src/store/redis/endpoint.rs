//! The server, the sentinels or the cluster that connections are made to. The sentinels know the server that
//! is the primary.

use crate::store::{
    StoreError, StoreErrorKind,
    redis::{
        address::Address,
        cluster::{self, Cluster},
        reply::{ServerInfo, client_error, report_commands, unreachable},
        wire::{
            CONNECT_TIMEOUT, RESPONSE_TIMEOUT, RedisSubscription, Wire, ensure_crypto_provider,
        },
    },
};
use futures_util::{FutureExt, future::select_ok};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, RedisError, RedisResult, TlsMode,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use std::{
    fmt,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::timeout;

/// The time that finding the nodes of a cluster takes at most, and connecting to them.
const CLUSTER_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The remote side of a store's connections.
pub(crate) struct Endpoint {
    topology: Topology,
    /// The number of times that a server was found to be a replica. Connections that were opened before
    /// are replaced: a replica may hold what was invalidated.
    demotions: AtomicU64,
}

enum Topology {
    Server(Client),
    Sentinels(Sentinels),
    Cluster(Box<Cluster>),
}

impl Endpoint {
    fn new(topology: Topology) -> Self {
        Self {
            topology,
            demotions: AtomicU64::new(0),
        }
    }

    pub(crate) fn server(client: Client) -> Self {
        Self::new(Topology::Server(client))
    }

    pub(crate) fn sentinels(sentinels: Sentinels) -> Self {
        Self::new(Topology::Sentinels(sentinels))
    }

    pub(crate) fn cluster(cluster: Cluster) -> Self {
        Self::new(Topology::Cluster(Box::new(cluster)))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.topology, Topology::Cluster(_))
    }

    pub(crate) fn demotions(&self) -> u64 {
        self.demotions.load(Ordering::Relaxed)
    }

    /// Replaces all open connections.
    pub(crate) fn demote(&self) {
        self.demotions.fetch_add(1, Ordering::Relaxed);
    }

    /// Connects. The runtime that it is called on drives the connection.
    ///
    /// # Errors
    /// Where nothing is reached in time, or a replica is.
    pub(crate) async fn open(&self) -> Result<(Wire, ServerInfo), StoreError> {
        let Topology::Cluster(cluster) = &self.topology else {
            return self.in_time(CONNECT_TIMEOUT, self.primary()).await;
        };
        let connecting = cluster.connect(None);
        let connection = self.in_time(CLUSTER_CONNECT_TIMEOUT, connecting).await?;
        Ok((Wire::Cluster(connection), ServerInfo::unknown()))
    }

    async fn primary(&self) -> Result<(Wire, ServerInfo), StoreError> {
        let client = self.client().await?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connected = client.get_multiplexed_async_connection_with_config(&config);
        let wire = Wire::Server(connected.await.map_err(|error| client_error(&error))?);
        let replies = wire.send("", &report_commands()).await;
        let info = ServerInfo::from_replies(replies.map_err(|error| client_error(&error))?)?;
        if info.is_replica {
            let address = client.get_connection_info().addr();
            return Err(StoreError::new(
                StoreErrorKind::Refused,
                format!("READONLY: {address} is a replica; connect to the primary"),
            ));
        }
        Ok((wire, info))
    }

    /// The client of the server that is the primary now.
    async fn client(&self) -> Result<Client, StoreError> {
        let client = match &self.topology {
            Topology::Server(client) => client.clone(),
            Topology::Sentinels(sentinels) => sentinels.primary().await?,
            Topology::Cluster(_) => {
                return Err(unreachable("a cluster has several primaries"));
            }
        };
        if matches!(
            client.get_connection_info().addr(),
            ConnectionAddr::TcpTls { .. }
        ) {
            ensure_crypto_provider();
        }
        Ok(client)
    }

    /// Connects, and subscribes to `channel`.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<RedisSubscription, StoreError> {
        if let Topology::Cluster(cluster) = &self.topology {
            let subscribing = cluster::subscribe(cluster, channel);
            return self.in_time(CLUSTER_CONNECT_TIMEOUT, subscribing).await;
        }
        let subscribing = async {
            let client = self.client().await?;
            let subscribed = async {
                let mut connection = client.get_async_pubsub().await?;
                connection.subscribe(channel).await?;
                Ok(RedisSubscription::of_server(connection))
            };
            subscribed.await.map_err(|error| client_error(&error))
        };
        self.in_time(CONNECT_TIMEOUT, subscribing).await
    }

    async fn in_time<T>(
        &self,
        limit: Duration,
        connecting: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let slow = || {
            unreachable(format_args!(
                "connecting to {self:?} timed out: check the address, and that nothing on the way drops packets"
            ))
        };
        let connected = timeout(limit, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(slow()));
        connected.map_err(|error| match error.kind() {
            StoreErrorKind::Timeout => slow(),
            _ => error,
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.topology {
            Topology::Server(client) => write!(f, "{}", client.get_connection_info().addr()),
            Topology::Sentinels(sentinels) => sentinels.fmt(f),
            Topology::Cluster(cluster) => cluster.fmt(f),
        }
    }
}

/// Sentinels, and the name by which they monitor the primary.
#[derive(Debug)]
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    primary: String,
}

impl Sentinels {
    /// There is at least one address.
    pub(crate) fn new(addresses: Vec<Address>, primary: &str) -> Self {
        Self {
            addresses,
            primary: primary.to_owned(),
        }
    }

    /// A client of the primary, by the first sentinel that names one. All are asked at a time, each by a
    /// client of its own: asked by one client, a sentinel that is stopped delays the others.
    pub(crate) async fn primary(&self) -> Result<Client, StoreError> {
        let asked = self.addresses.iter().map(|it| self.ask(it).boxed());
        match select_ok(asked).await {
            Ok((client, _)) => Ok(client),
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn ask(&self, address: &Address) -> RedisResult<Client> {
        match self.ask_as(address, false).await {
            // The password is the servers' own, and is not shown to a sentinel that has not asked for it.
            Err(error) if error.code() == Some("NOAUTH") && address.password().is_some() => {
                self.ask_as(address, true).await
            }
            answer => answer,
        }
    }

    async fn ask_as(&self, address: &Address, with_password: bool) -> RedisResult<Client> {
        let sentinel = [address.addr().clone()];
        let server = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(sentinel, &self.primary, server)?
            .set_client_to_redis_db(address.database());
        if address.is_tls() {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(user) = address.user() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = address.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if with_password {
            if let Some(user) = address.user() {
                builder = builder.set_client_to_sentinel_username(user);
            }
            if let Some(password) = address.password() {
                builder = builder.set_client_to_sentinel_password(password);
            }
        }
        builder.build()?.async_get_client().await
    }

    fn explain(&self, error: &RedisError) -> StoreError {
        if error.kind() == ErrorKind::MasterNameNotFoundBySentinel {
            let message = format!(
                "the sentinels know no primary `{}` that is up",
                self.primary
            );
            return StoreError::new(StoreErrorKind::Refused, message);
        }
        client_error(error)
    }
}
