//! Which server a connection is made to.

use redis::aio::PubSub;
use std::{fmt, future::Future, time::Duration};
use tokio::time::timeout;

use crate::store::{
    error::StoreError,
    redis::{
        address::Address,
        error,
        primary::Primary,
        sentinel::Sentinels,
        wire::{Side, Wire},
    },
};

/// How long connecting may take, all of it.
pub(crate) const CONNECTING: Duration = Duration::from_millis(250);

/// One server: always the same, or the one that is the primary now.
pub(crate) enum Target {
    Fixed(Address),
    Moving(Sentinels),
}

impl Target {
    /// Its host, as far as that is always the same.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Fixed(address) => address.host(),
            Self::Moving(_) => "",
        }
    }

    /// Connects to it.
    pub(crate) async fn open(&self, side: Side) -> Result<Primary, StoreError> {
        let opening = async { Primary::open(&self.address().await?, side).await };
        in_time(opening).await
    }

    /// Listens to it on `channel`.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PubSub, StoreError> {
        let listening = async { Wire::listen(&self.address().await?, channel).await };
        in_time(listening).await
    }

    async fn address(&self) -> Result<Address, StoreError> {
        match self {
            Self::Fixed(address) => Ok(address.clone()),
            Self::Moving(sentinels) => sentinels.primary().await,
        }
    }
}

async fn in_time<T>(
    connecting: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let connected = timeout(CONNECTING, connecting).await;
    connected.unwrap_or_else(|_| Err(error::unreachable("connecting took too long")))
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(address) => address.fmt(f),
            Self::Moving(sentinels) => sentinels.fmt(f),
        }
    }
}
