//! TLS, without the feature for it: it cannot be had.

use std::convert::Infallible;
use tokio::net::TcpStream;

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::socket::Socket,
};

/// How to speak TLS, which nothing can.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Infallible);

impl Tls {
    pub(crate) fn new() -> Result<Self, StoreError> {
        Err(StoreError::new(
            StoreErrorKind::InvalidAddress,
            "rediss:// is TLS: enable the feature `redis-tls` of cached-response",
        ))
    }

    #[expect(clippy::unused_async, reason = "it waits where there is TLS")]
    pub(crate) async fn wrap(&self, _: &str, _: TcpStream) -> Result<Socket, StoreError> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{error::StoreErrorKind, redis::RedisStore};

    #[test]
    fn an_address_of_tls_says_which_feature_is_missing() {
        let error = RedisStore::open("rediss://me:secret@host").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InvalidAddress);
        assert!(error.to_string().contains("`redis-tls`"), "{error}");
    }
}
