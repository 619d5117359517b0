//! An open connection of the client, to one server or to the nodes of a cluster, and a subscription on a
//! connection of its own.

use crate::store::{StoreFuture, Subscription, redis::reply::unreachable};
use actix_web::web::Bytes;
use futures_util::{StreamExt, future::try_join_all};
use redis::{
    Cmd, Msg, Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub, PubSubStream},
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
};
use std::{error::Error, io, sync::Arc, time::Duration};
use tokio::sync::mpsc::UnboundedReceiver;

/// The time that connecting to a server takes at most, all of it.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// The time after which a request without a reply fails and its connection is replaced. Callers wait for a
/// shorter time: this ends requests that no caller waits for.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Commands, and the name that all of them are about.
pub(crate) type Group = (String, Pipeline);

/// A connection on which many requests are under way at a time. A clone uses the same connection.
///
/// A request that is dropped leaves the others as they are: its replies are thrown away.
#[derive(Clone)]
pub(crate) enum Wire {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Wire {
    /// Sends commands that are all about `name`, in one round trip.
    pub(crate) async fn send(&self, name: &str, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::Server(connection) => {
                let mut connection = connection.clone();
                connection
                    .send_packed_commands(commands, 0, commands.len())
                    .await
            }
            // Boxed: one server needs no room for it.
            Self::Cluster(connection) => {
                Box::pin(send_to_slot(connection.clone(), name, commands)).await
            }
        }
    }

    /// Sends several groups of commands, each about a name: to one server in one round trip and in
    /// their order, to a cluster all at a time.
    pub(crate) async fn send_all(&self, groups: &[Group]) -> RedisResult<Vec<Vec<Value>>> {
        if let [(name, commands)] = groups {
            return Ok(vec![self.send(name, commands).await?]);
        }
        let Self::Server(connection) = self else {
            let sent = groups.iter().map(|(name, group)| self.send(name, group));
            return try_join_all(sent).await;
        };
        let mut commands = Pipeline::new();
        for command in groups.iter().flat_map(|(_, group)| group.cmd_iter()) {
            commands.add_command(command.clone());
        }
        let mut connection = connection.clone();
        let replies = connection
            .send_packed_commands(&commands, 0, commands.len())
            .await?;
        let mut replies = replies.into_iter();
        let of_each = groups.iter().map(|(_, group)| group.len());
        Ok(of_each
            .map(|count| replies.by_ref().take(count).collect())
            .collect())
    }

    /// `true` where an error means that this connection is of no further use. A connection to a cluster
    /// repairs the connections to its nodes, unless the runtime that drove it has ended.
    pub(crate) fn is_broken_by(&self, error: &RedisError) -> bool {
        match self {
            Self::Server(_) => true,
            Self::Cluster(_) => is_broken_pipe(error),
        }
    }
}

/// Names the cryptography of TLS where the application has not: with two in the build there is no default,
/// and the client would panic.
pub(crate) fn ensure_crypto_provider() {
    #[cfg(feature = "redis-tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails where another thread was faster.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// `true` for the error of a connection whose task has ended.
fn is_broken_pipe(error: &RedisError) -> bool {
    let cause = error.source();
    let cause = cause.and_then(|cause| cause.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Sends to the node of a cluster that has the slot of `name`.
async fn send_to_slot(
    mut connection: ClusterConnection,
    name: &str,
    commands: &Pipeline,
) -> RedisResult<Vec<Value>> {
    let route = Route::with_key(name, SlotAddr::Master);
    let route = || SingleNodeRoutingInfo::SpecificNode(route);
    let sent = connection.route_pipeline(commands.clone(), 0, commands.len(), route());
    match sent.await {
        // While a slot moves, `ASKING` is needed before each command and is sent before a pipeline once.
        Err(error) if is_moving(&error) => one_by_one(connection, commands.cmd_iter(), route).await,
        replies => replies,
    }
}

fn is_moving(error: &RedisError) -> bool {
    matches!(error.code(), Some("ASK" | "MOVED" | "TRYAGAIN"))
}

async fn one_by_one(
    mut connection: ClusterConnection,
    commands: impl Iterator<Item = &Cmd>,
    route: impl Fn() -> SingleNodeRoutingInfo,
) -> RedisResult<Vec<Value>> {
    let mut replies = Vec::new();
    for command in commands {
        let route = RoutingInfo::SingleNode(route());
        replies.push(connection.route_command(command.clone(), route).await?);
    }
    Ok(replies)
}

/// A subscription on a connection of its own. It ends with the connection: messages may be missing then.
pub(crate) enum RedisSubscription {
    Server(PubSubStream),
    Cluster {
        pushes: UnboundedReceiver<PushInfo>,
        _connection: ClusterConnection,
    },
}

impl RedisSubscription {
    pub(crate) fn of_server(connection: PubSub) -> Self {
        Self::Server(connection.into_on_message())
    }

    /// The next message, `None` once messages may be missing.
    async fn message(&mut self) -> Option<Msg> {
        match self {
            Self::Server(messages) => messages.next().await,
            Self::Cluster { pushes, .. } => loop {
                let push = pushes.recv().await?;
                // The client subscribes again by itself, and does not know what it has missed.
                if push.kind == PushKind::Disconnection {
                    pushes.close();
                    return None;
                }
                if let Some(message) = Msg::from_push_info(push) {
                    return Some(message);
                }
            },
        }
    }
}

impl Subscription for RedisSubscription {
    fn next(&mut self) -> StoreFuture<'_, Bytes> {
        Box::pin(async {
            let message = self.message().await;
            let message = message.ok_or_else(|| unreachable("the subscription has ended"))?;
            Ok(Bytes::copy_from_slice(message.get_payload_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client keeps the cause of its error, which [`Wire::is_broken_by`] looks at, in an `Arc`.
    #[test]
    fn the_cause_of_an_error_is_found_in_it() {
        let error = RedisError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&error));
        let error = RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(!is_broken_pipe(&error));
    }
}
