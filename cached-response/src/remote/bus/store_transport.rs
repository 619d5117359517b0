//! The line to the other processes, by way of the store.

use crate::{
    remote::{
        bus::transport::{Answer, Transport},
        client::RemoteClient,
    },
    store::{
        Store,
        bus::{Bus, Subscription},
        error::{StoreError, StoreErrorKind},
    },
};
use actix_web::web::Bytes;
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::timeout;

/// A store and the channel of one cache on its bus. Polled on the I/O thread only.
pub(crate) struct StoreTransport {
    store: Arc<dyn Store>,
    calls: RemoteClient,
    channel: Arc<str>,
    budget: Duration,
    /// The store answers again, and is told what it has missed before anything else.
    recovering: AtomicBool,
}

impl StoreTransport {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        calls: &RemoteClient,
        channel: &str,
        budget: Duration,
    ) -> Self {
        Self {
            store: store.clone(),
            calls: calls.clone(),
            channel: channel.into(),
            budget,
            recovering: AtomicBool::new(false),
        }
    }

    /// Has the store told what it is told although nothing else is asked of it, until the guard goes.
    pub(crate) fn recover(&self) -> Recovering<'_> {
        self.recovering.store(true, SeqCst);
        Recovering(self)
    }

    /// Has the store do something, in time.
    fn tell<T, F>(&self, what: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static) -> Answer<T>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let (store, budget) = (self.store.clone(), self.budget);
        let refused = self.calls.is_open() && !self.recovering.load(SeqCst);
        Box::pin(async move {
            if refused {
                let kind = StoreErrorKind::Unreachable;
                return Err(StoreError::new(kind, "the store has not answered lately"));
            }
            let late = |_| {
                StoreError::new(
                    StoreErrorKind::Timeout,
                    "the store has not answered in time",
                )
            };
            timeout(budget, what(store)).await.map_err(late)?
        })
    }
}

/// The store is told what it has missed.
#[must_use = "it is over when this is dropped"]
pub(crate) struct Recovering<'a>(&'a StoreTransport);

impl Drop for Recovering<'_> {
    fn drop(&mut self) {
        self.0.recovering.store(false, SeqCst);
    }
}

fn bus(store: &dyn Store) -> Result<&dyn Bus, StoreError> {
    let none = || StoreError::new(StoreErrorKind::Refused, "the store has no bus");
    store.bus().ok_or_else(none)
}

impl Transport for StoreTransport {
    fn delete(&self, names: Vec<String>) -> Answer<()> {
        self.tell(|store| async move { store.delete_many(&names).await })
    }

    fn has_bus(&self) -> bool {
        self.store.bus().is_some()
    }

    fn publish(&self, message: Bytes) -> Answer<()> {
        let channel = self.channel.clone();
        self.tell(move |store| async move { bus(&*store)?.publish(&channel, message).await })
    }

    fn subscribe(&self) -> Answer<Box<dyn Subscription>> {
        let channel = self.channel.clone();
        self.tell(move |store| async move { bus(&*store)?.subscribe(&channel).await })
    }
}

impl fmt::Debug for StoreTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
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
    async fn a_store_that_is_not_well_is_told_something_in_a_recovery_only() {
        let (store, _told) = MockStore::new(Behaviour::Fail(StoreErrorKind::Unreachable));
        let calls = RemoteClient::new(store.clone(), "the probe".into(), Vec::new());
        let line: Arc<dyn Store> = store.clone();
        let wire = StoreTransport::new(&line, &calls, "bus", Duration::from_secs(30));
        let allowance = Budget::new(Duration::from_secs(30));
        while !calls.is_open() {
            let delete = |store: Arc<dyn Store>| -> crate::StoreFuture<'static, ()> {
                Box::pin(async move { store.delete("in vain").await })
            };
            assert!(calls.call(&allowance, delete).await.is_err());
        }
        store.be(Behaviour::Hold);
        store.let_go(2);
        let told = || wire.delete(vec!["name".to_owned()]);
        assert!(told().await.is_err());
        let recovering = wire.recover();
        assert_eq!(told().await, Ok(()));
        drop(recovering);
        assert!(told().await.is_err());
    }
}
