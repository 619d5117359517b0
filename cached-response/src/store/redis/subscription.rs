//! A subscription to a channel.

use crate::store::{StoreFuture, Subscription, redis::error};
use actix_web::web::Bytes;
use futures_util::StreamExt;
use redis::{
    Msg, PushInfo, PushKind,
    aio::{PubSub, PubSubStream},
    cluster_async::ClusterConnection,
};
use tokio::sync::mpsc::UnboundedReceiver;

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
            let message =
                message.ok_or_else(|| error::unreachable("the subscription has ended"))?;
            Ok(Bytes::copy_from_slice(message.get_payload_bytes()))
        })
    }
}
