//! A cluster: many servers, each with a part of the names.

use crate::{
    store::{
        StoreError, StoreErrorKind,
        redis::{
            address::Address,
            reply::{client_error, text},
            wire::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, RedisSubscription, ensure_crypto_provider},
        },
    },
    util::sync::lock,
};
use redis::{
    ConnectionAddr, ConnectionInfo, ProtocolVersion, PushInfo, RedisResult, Value,
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
    io::tcp::TcpSettings,
};
use std::{collections::BTreeSet, fmt, sync::Mutex};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The number of times that a command is sent again: to another node after a redirect, or after a pause.
const RETRIES: u32 = 8;

/// The longest of these pauses, in milliseconds.
const MAX_RETRY_WAIT_MILLIS: u64 = 64;

/// A client of a cluster.
pub(crate) struct Cluster {
    client: Mutex<ClusterClient>,
    /// The nodes that were named, `None` for a client that was built elsewhere.
    named: Option<Named>,
}

/// The nodes by which the others are found.
struct Named {
    addresses: Vec<Address>,
    infos: Vec<ConnectionInfo>,
    /// Those that were found. Connections that are opened later may begin with them, too.
    found: Mutex<BTreeSet<(String, u16)>>,
}

impl Cluster {
    /// A client that finds the cluster by these nodes, of which there is at least one. User, password and
    /// TLS are those of the first.
    ///
    /// # Errors
    /// If an address has a database other than 0, or is a Unix socket.
    pub(crate) fn new(addresses: Vec<Address>) -> Result<Self, StoreError> {
        let infos = addresses.iter().map(|it| it.in_cluster_of(&addresses[0]));
        let infos = infos.collect::<Result<Vec<_>, _>>()?;
        let client = client(infos.clone()).map_err(|error| {
            let message = format!("no addresses of a Redis cluster: {error}");
            StoreError::new(StoreErrorKind::InvalidAddress, message)
        })?;
        Ok(Self {
            client: Mutex::new(client),
            named: Some(Named {
                addresses,
                infos,
                found: Mutex::default(),
            }),
        })
    }

    /// A client that was built elsewhere.
    pub(crate) fn of_client(client: ClusterClient) -> Self {
        Self {
            client: Mutex::new(client),
            named: None,
        }
    }

    /// Connects to its nodes; what they push goes to `pushes`.
    pub(crate) async fn connect(
        &self,
        pushes: Option<UnboundedSender<PushInfo>>,
    ) -> Result<ClusterConnection, StoreError> {
        let is_plain = |named: &Named| !named.addresses.iter().any(Address::is_tls);
        if !self.named.as_ref().is_some_and(is_plain) {
            ensure_crypto_provider();
        }
        let mut config = ClusterConfig::new()
            .set_connection_timeout(CONNECT_TIMEOUT)
            .set_response_timeout(RESPONSE_TIMEOUT);
        if let Some(pushes) = pushes {
            config = config.set_push_sender(pushes);
        }
        let client = lock(&self.client).clone();
        let connected = client.get_async_connection_with_config(config).await;
        let mut connection = connected.map_err(|error| client_error(&error))?;
        if let Some(named) = &self.named {
            self.note_nodes(named, &mut connection).await;
        }
        Ok(connection)
    }

    /// Has later connections begin with all nodes that are known now: the named ones may be gone by then.
    async fn note_nodes(&self, named: &Named, connection: &mut ClusterConnection) {
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
        // Without it they begin as this one did.
        let Ok(slots) = connection.route_command(slots, route).await else {
            return;
        };
        let nodes = primaries(&slots);
        let mut found = lock(&named.found);
        if nodes.is_empty() || *found == nodes {
            return;
        }
        let others = nodes
            .iter()
            .map(|(host, port)| at(&named.infos[0], host, *port));
        let infos = named.infos.iter().cloned().chain(others);
        if let Ok(client) = client(infos.collect()) {
            *lock(&self.client) = client;
            *found = nodes;
        }
    }
}

fn client(infos: Vec<ConnectionInfo>) -> RedisResult<ClusterClient> {
    // A node that is gone without a word is noticed by the operating system.
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(RESPONSE_TIMEOUT);
    ClusterClient::builder(infos)
        .use_protocol(ProtocolVersion::RESP3)
        .retries(RETRIES)
        .min_retry_wait(1)
        .max_retry_wait(MAX_RETRY_WAIT_MILLIS)
        .overall_response_timeout(Some(RESPONSE_TIMEOUT))
        .tcp_settings(settings)
        .build()
}

/// The same with another host and port.
fn at(info: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let mut addr = info.addr().clone();
    match &mut addr {
        ConnectionAddr::Tcp(its_host, its_port)
        | ConnectionAddr::TcpTls {
            host: its_host,
            port: its_port,
            ..
        } => {
            host.clone_into(its_host);
            *its_port = port;
        }
        _ => {}
    }
    info.clone().set_addr(addr)
}

/// The primaries in the reply to `CLUSTER SLOTS`, as far as it names their hosts.
fn primaries(slots: &Value) -> BTreeSet<(String, u16)> {
    let Value::Array(ranges) = slots else {
        return BTreeSet::new();
    };
    let primary = |range: &Value| {
        let Value::Array(range) = range else {
            return None;
        };
        let [_, _, Value::Array(node), ..] = range.as_slice() else {
            return None;
        };
        let [host, Value::Int(port), ..] = node.as_slice() else {
            return None;
        };
        let host = text(host).filter(|host| !matches!(*host, "" | "?"))?;
        Some((host.to_owned(), u16::try_from(*port).ok()?))
    };
    ranges.iter().filter_map(primary).collect()
}

/// Subscribes to `channel`, at the node that has its slot.
pub(crate) async fn subscribe(
    cluster: &Cluster,
    channel: &str,
) -> Result<RedisSubscription, StoreError> {
    let (sender, pushes) = unbounded_channel();
    let mut connection = cluster.connect(Some(sender)).await?;
    let subscribed = connection.subscribe(channel).await;
    subscribed.map_err(|error| client_error(&error))?;
    Ok(RedisSubscription::Cluster {
        pushes,
        _connection: connection,
    })
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            Some(named) => named.addresses.fmt(f),
            None => f.write_str("a cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use redis::parse_redis_value;

    #[test]
    fn the_primaries_of_a_cluster_are_found_in_its_slots() {
        let reply = b"*3\r\n\
            *4\r\n:0\r\n:9\r\n*2\r\n$1\r\na\r\n:7000\r\n*2\r\n$1\r\nr\r\n:7009\r\n\
            *3\r\n:10\r\n:19\r\n*3\r\n$1\r\nb\r\n:7001\r\n$2\r\nid\r\n\
            *3\r\n:20\r\n:29\r\n*2\r\n$0\r\n\r\n:7002\r\n";
        let found = primaries(&parse_redis_value(reply).unwrap());
        let expected = [("a".to_owned(), 7000), ("b".to_owned(), 7001)];
        assert_eq!(found, BTreeSet::from(expected));
    }

    proptest! {
        #[test]
        fn any_reply_names_primaries_or_none(reply in any::<Vec<u8>>()) {
            if let Ok(reply) = parse_redis_value(&reply) {
                let _ = primaries(&reply);
            }
        }
    }
}
