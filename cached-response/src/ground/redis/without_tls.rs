//! TLS, without the feature for it: it cannot be had.

use std::convert::Infallible;
use tokio::net::TcpStream;

use super::socket::Socket;
use crate::ground::store::{StoreError, StoreErrorKind};

/// How to speak TLS, which nothing can.
#[derive(Clone, Debug)]
pub(super) struct Tls(Infallible);

impl Tls {
    pub(super) fn new() -> Result<Self, StoreError> {
        Err(StoreError::new(
            StoreErrorKind::Address,
            "rediss:// is TLS: enable the feature `redis-tls` of cached-response",
        ))
    }

    #[expect(clippy::unused_async, reason = "it waits where there is TLS")]
    pub(super) async fn wrap(&self, _: &str, _: TcpStream) -> Result<Socket, StoreError> {
        match self.0 {}
    }
}
