//! The server, the sentinels or the cluster that connections are made to.

use crate::store::{
    StoreError, StoreErrorKind,
    redis::{
        cluster::{self, Cluster},
        error,
        sentinel::Sentinels,
        server_info::{self, ServerInfo},
        subscription::RedisSubscription,
        wire::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, Wire, ensure_crypto_provider},
    },
};
use redis::{AsyncConnectionConfig, Client, ConnectionAddr};
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
            return in_time(CONNECT_TIMEOUT, self.primary()).await;
        };
        let connection = in_time(CLUSTER_CONNECT_TIMEOUT, cluster.connect(None)).await?;
        Ok((Wire::Cluster(connection), ServerInfo::unknown()))
    }

    async fn primary(&self) -> Result<(Wire, ServerInfo), StoreError> {
        let client = self.client().await?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connected = client.get_multiplexed_async_connection_with_config(&config);
        let wire = Wire::Server(connected.await.map_err(|error| error::of(&error))?);
        let replies = wire.send("", &server_info::commands()).await;
        let info = ServerInfo::from_replies(replies.map_err(|error| error::of(&error))?)?;
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
                return Err(error::unreachable("a cluster has several primaries"));
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
            return in_time(
                CLUSTER_CONNECT_TIMEOUT,
                cluster::subscribe(cluster, channel),
            )
            .await;
        }
        let subscribing = async {
            let client = self.client().await?;
            let subscribed = async {
                let mut connection = client.get_async_pubsub().await?;
                connection.subscribe(channel).await?;
                Ok(RedisSubscription::of_server(connection))
            };
            subscribed.await.map_err(|error| error::of(&error))
        };
        in_time(CONNECT_TIMEOUT, subscribing).await
    }
}

async fn in_time<T>(
    limit: Duration,
    connecting: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let connected = timeout(limit, connecting).await;
    let connected = connected.unwrap_or_else(|_| Err(error::unreachable("connecting timed out")));
    connected.map_err(|error| match error.kind() {
        StoreErrorKind::Timeout => error::unreachable("connecting timed out"),
        _ => error,
    })
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
