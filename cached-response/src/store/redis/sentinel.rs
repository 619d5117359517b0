//! The sentinels, which know the server that is the primary.

use crate::store::{
    StoreError, StoreErrorKind,
    redis::{address::Address, error},
};
use futures_util::{FutureExt, future::select_ok};
use redis::{
    Client, ErrorKind, RedisError, RedisResult, TlsMode,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

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
        error::of(error)
    }
}
