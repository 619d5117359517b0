//! The line to the other processes, by way of the store.

use super::{
    calls::Calls,
    line::{Answer, Line},
};
use crate::ground::store::{Bus, Store, StoreError, StoreErrorKind, Subscription};
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
pub(crate) struct Wire {
    store: Arc<dyn Store>,
    calls: Calls,
    channel: Arc<str>,
    budget: Duration,
    /// The store answers again, and is told what it has missed before anything else.
    recovering: AtomicBool,
}

impl Wire {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        calls: &Calls,
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

    /// Whether the store is told anything although nothing else is asked of it.
    pub(crate) fn recover(&self, recovering: bool) {
        self.recovering.store(recovering, SeqCst);
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
            let late =
                |_| StoreError::new(StoreErrorKind::Slow, "the store has not answered in time");
            timeout(budget, what(store)).await.map_err(late)?
        })
    }
}

fn bus(store: &dyn Store) -> Result<&dyn Bus, StoreError> {
    let none = || StoreError::new(StoreErrorKind::Refused, "the store has no bus");
    store.bus().ok_or_else(none)
}

impl Line for Wire {
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

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
