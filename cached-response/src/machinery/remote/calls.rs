//! Calls a remote store: on the I/O thread, only while it is well, and never for longer than whoever
//! waits may wait.
//!
//! A call is made of a closure, since a future of a store borrows it:
//! `calls.call(&allowance, |store| Box::pin(async move { store.delete(&name).await }))`.

mod probe;

use self::probe::Probing;
pub(crate) use self::probe::Recovery;
pub(crate) use super::unavailable::Unavailable;
use super::{
    alarm,
    allowance::Allowance,
    breaker::{Pass, Turned},
    health::Health,
    io::{self, Lost, Task},
    tally::{Count, RemoteStats},
    unavailable::Fault,
    warnings::Trouble,
};
use crate::ground::store::{Store, StoreError, StoreErrorKind, StoreFuture};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many calls may be under way: those that were given up count until the store has let go of them.
const CAP: usize = 1_024;

/// The calls of one cache to its remote store. A clone is a handle on the same.
#[derive(Clone)]
pub(crate) struct Calls(Arc<Line>);

struct Line {
    store: Arc<dyn Store>,
    slots: Arc<Semaphore>,
    health: Health,
    probing: Probing,
}

impl Calls {
    /// Calls to `store`. Where it has failed too often it is asked for the name `probe`, in the
    /// background, and when it answers `recoveries` are run, in their order, before anything else goes
    /// through.
    pub(crate) fn new(store: Arc<dyn Store>, probe: String, recoveries: Vec<Recovery>) -> Self {
        Self(Arc::new(Line {
            store,
            slots: Arc::new(Semaphore::new(CAP)),
            health: Health::new(),
            probing: Probing::new(probe, recoveries),
        }))
    }

    /// Makes a call, and waits for it no longer than the allowance has left. It is dropped with this
    /// future, and when its time is over. On any executor.
    pub(crate) async fn call<T, W>(&self, allowance: &Allowance, what: W) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let line = &self.0;
        let pass = line.pass()?;
        let Some(spending) = allowance.spend() else {
            line.health.report(&Fault::Slow);
            return Err(Unavailable::Slow);
        };
        let slot = line.slot()?;
        let under_way = line.begin(slot, spending.left(), what)?;
        line.end(pass, under_way.outcome().await, spending.is_fair())
    }

    /// Makes a call for which no request waits, as soon as there is a place for it. It is not counted
    /// where it is not made.
    pub(super) async fn call_behind<W>(&self, limit: Duration, what: W) -> Result<(), Unavailable>
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        let line = &self.0;
        let Ok(slot) = Arc::clone(&line.slots).acquire_owned().await else {
            return Err(Unavailable::Crowded);
        };
        let pass = line.health.pass().ok_or(Unavailable::Open)?;
        let under_way = line.begin(slot, limit, what)?;
        line.end(pass, under_way.outcome().await, true)
    }

    /// Whether nothing is asked of the store now.
    pub(crate) fn is_open(&self) -> bool {
        self.0.health.is_open()
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.0.health.tally().read()
    }

    pub(super) fn health(&self) -> &Health {
        &self.0.health
    }
}

impl Line {
    fn pass(&self) -> Result<Pass, Unavailable> {
        self.health.pass().ok_or_else(|| {
            self.health.tally().count(Count::Refused);
            Unavailable::Open
        })
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            self.health.tally().count(Count::Crowded);
            self.health.warn(Trouble::Crowded);
            Unavailable::Crowded
        })
    }

    fn begin<T, W>(
        &self,
        slot: OwnedSemaphorePermit,
        limit: Duration,
        what: W,
    ) -> Result<UnderWay<T>, Unavailable>
    where
        T: Send + 'static,
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let task = io::spawn(async move {
            // Given back when the call is not only over, but gone.
            let _slot = slot;
            what(store).await.map_err(Fault::Failed)
        });
        let task = task.map_err(|error| {
            // That there is no thread says nothing about the store.
            let fault = Fault::Failed(StoreError::new(
                StoreErrorKind::Unreachable,
                format!("the I/O thread cannot be started: {error}"),
            ));
            self.health.report(&fault);
            Unavailable::from(fault)
        })?;
        self.health.tally().count(Count::Call);
        Ok(UnderWay { task, limit })
    }

    fn end<T>(
        self: &Arc<Self>,
        pass: Pass,
        outcome: Result<T, Fault>,
        is_fair: bool,
    ) -> Result<T, Unavailable> {
        let turned = self.health.settle(pass, outcome.as_ref().err(), is_fair);
        if turned == Turned::Open {
            self.probing.start(Arc::downgrade(self));
        }
        outcome.map_err(Unavailable::from)
    }
}

/// A call that was begun.
struct UnderWay<T> {
    task: Task<Result<T, Fault>>,
    limit: Duration,
}

impl<T> UnderWay<T> {
    async fn outcome(mut self) -> Result<T, Fault> {
        let mut end = Instant::now() + self.limit;
        loop {
            match alarm::by(end, &mut self.task).await {
                Some(Ok(outcome)) => return outcome,
                Some(Err(Lost::Panicked)) => {
                    return Err(failed(StoreErrorKind::Garbled, "the store panicked"));
                }
                Some(Err(lost @ Lost::Ended)) => {
                    return Err(failed(StoreErrorKind::Unreachable, lost));
                }
                None => {}
            }
            // What a thread that was busy has begun late says nothing about the store.
            let now = Instant::now();
            end = self.task.begun().unwrap_or(now) + self.limit;
            if end <= now {
                return Err(Fault::Slow);
            }
        }
    }
}

fn failed(kind: StoreErrorKind, why: impl fmt::Display) -> Fault {
    Fault::Failed(StoreError::new(kind, why.to_string()))
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("health", &self.0.health)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
