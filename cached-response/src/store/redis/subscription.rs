//! Somebody who listens to a server.

use actix_web::web::Bytes;
use futures_core::Stream;
use redis::aio::{PubSub, PubSubStream};
use std::{future::poll_fn, pin::Pin};

use crate::store::{bus::Subscription, error::StoreFuture, redis::error};

/// What is heard on a connection of its own, until that is lost: nobody could say what was missed
/// then.
pub(crate) struct Listener(PubSubStream);

impl Listener {
    pub(crate) fn new(listener: PubSub) -> Self {
        Self(listener.into_on_message())
    }
}

impl Subscription for Listener {
    fn next(&mut self) -> StoreFuture<'_, Bytes> {
        Box::pin(async {
            let message = poll_fn(|cx| Pin::new(&mut self.0).poll_next(cx)).await;
            let message = message.ok_or_else(|| error::unreachable("the subscription is over"))?;
            Ok(Bytes::copy_from_slice(message.get_payload_bytes()))
        })
    }
}
