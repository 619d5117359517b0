//! Transport of invalidations to the store and to other processes.

use crate::{
    remote::client::RemoteClient,
    store::{Bus, Store, StoreError, StoreErrorKind, Subscription},
};
use actix_web::web::Bytes;
use futures_util::FutureExt as _;
use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::timeout;

/// Future of a call.
pub(crate) type TransportFuture<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Store and channel of one cache. Each call ends within the time that an invalidation may take, and
/// fails at once while the circuit breaker is open.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Deletes these names, in their order.
    fn delete(&self, names: Vec<String>) -> TransportFuture<()>;

    /// Returns whether there is a bus, for the two calls below.
    fn has_bus(&self) -> bool;

    /// Publishes a message to all subscribers.
    fn publish(&self, message: Bytes) -> TransportFuture<()>;

    /// Subscribes; when it is ready, all messages that are published from then on are received.
    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>>;
}

/// Returns the result of `call`, or an error if the store panics.
pub(crate) async fn catch_panic<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let result = AssertUnwindSafe(call).catch_unwind().await;
    result.unwrap_or_else(|_| {
        Err(StoreError::new(
            StoreErrorKind::Protocol,
            "the store panicked",
        ))
    })
}

/// Transport over the bus of a [`Store`]. Polled on the I/O thread only.
pub(crate) struct StoreTransport {
    store: Arc<dyn Store>,
    client: RemoteClient,
    channel: Arc<str>,
    timeout: Duration,
    /// True while calls go through although the breaker is open.
    is_recovering: AtomicBool,
}

impl StoreTransport {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        client: &RemoteClient,
        channel: &str,
        timeout: Duration,
    ) -> Self {
        Self {
            store: store.clone(),
            client: client.clone(),
            channel: channel.into(),
            timeout,
            is_recovering: AtomicBool::new(false),
        }
    }

    /// Lets calls through although the breaker is open, until the guard is dropped.
    pub(crate) fn recover(&self) -> RecoveryGuard<'_> {
        self.is_recovering.store(true, SeqCst);
        RecoveryGuard(self)
    }

    fn call<T, F>(
        &self,
        call: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> TransportFuture<T>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let (store, limit) = (self.store.clone(), self.timeout);
        let is_refused = self.client.is_open() && !self.is_recovering.load(SeqCst);
        Box::pin(async move {
            if is_refused {
                let kind = StoreErrorKind::Unreachable;
                let message = "the store is not called until it answers a probe";
                return Err(StoreError::new(kind, message));
            }
            let result = timeout(limit, call(store)).await;
            result.unwrap_or_else(|_| {
                let message = "the store has not answered in time";
                Err(StoreError::new(StoreErrorKind::Timeout, message))
            })
        })
    }
}

/// Guard of a recovery.
#[must_use = "the recovery ends when it is dropped"]
pub(crate) struct RecoveryGuard<'a>(&'a StoreTransport);

impl Drop for RecoveryGuard<'_> {
    fn drop(&mut self) {
        self.0.is_recovering.store(false, SeqCst);
    }
}

fn bus(store: &dyn Store) -> Result<&dyn Bus, StoreError> {
    let none = || StoreError::new(StoreErrorKind::Refused, "the store has no bus");
    store.bus().ok_or_else(none)
}

impl Transport for StoreTransport {
    fn delete(&self, names: Vec<String>) -> TransportFuture<()> {
        self.call(|store| async move { store.delete_many(&names).await })
    }

    fn has_bus(&self) -> bool {
        self.store.bus().is_some()
    }

    fn publish(&self, message: Bytes) -> TransportFuture<()> {
        let channel = self.channel.clone();
        self.call(move |store| async move { bus(&*store)?.publish(&channel, message).await })
    }

    fn subscribe(&self) -> TransportFuture<Box<dyn Subscription>> {
        let channel = self.channel.clone();
        self.call(move |store| async move { bus(&*store)?.subscribe(&channel).await })
    }
}

impl fmt::Debug for StoreTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreTransport")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        remote::budget::Budget,
        testing::mock_store::{Behaviour, MockStore},
    };

    #[tokio::test]
    async fn calls_to_an_unwell_store_go_through_in_a_recovery_only() {
        let (store, _events) = MockStore::new(Behaviour::Fail(StoreErrorKind::Unreachable));
        let client = RemoteClient::new(store.clone(), "the probe".into(), Vec::new());
        let any_store: Arc<dyn Store> = store.clone();
        let transport = StoreTransport::new(&any_store, &client, "bus", Duration::from_secs(30));
        let budget = Budget::new(Duration::from_secs(30));
        while !client.is_open() {
            let delete = |store: Arc<dyn Store>| -> crate::StoreFuture<'static, ()> {
                Box::pin(async move { store.delete("in vain").await })
            };
            assert!(client.call(&budget, delete).await.is_err());
        }
        store.set_behaviour(Behaviour::Hold);
        store.release(2);
        let delete = || transport.delete(vec!["name".to_owned()]);
        assert!(delete().await.is_err());
        let recovery = transport.recover();
        assert_eq!(delete().await, Ok(()));
        drop(recovery);
        assert!(delete().await.is_err());
    }
}
