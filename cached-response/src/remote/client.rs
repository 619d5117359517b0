//! Calls a remote store: on the I/O thread, only while it is well, and never for longer than whoever
//! waits may wait.
//!
//! A call is made of a closure, since a future of a store borrows it:
//! `calls.call(&allowance, |store| Box::pin(async move { store.delete(&name).await }))`.

mod probe;

use self::probe::Probing;
use crate::{
    remote::{
        breaker::{Pass, Turned},
        budget::{Budget, BudgetGuard},
        deadline::{Looking, Within},
        entry_key::RemoteKey,
        error::Fault,
        executor::{self, JoinError, Task},
        health::Health,
        in_flight_read,
        log::Warning,
        stats::{Count, RemoteStats},
        timer,
    },
    store::{
        Store,
        error::{LookedUp, Prompt, StoreError, StoreErrorKind, StoreFuture},
    },
};

pub(crate) use self::probe::Recovery;
pub(crate) use crate::remote::error::CallError;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many calls may be under way: those that were given up count until the store has let go of them,
/// but for look-ups on a connection at hand, which are bytes in its mailbox then.
const CAP: usize = 1_024;

/// The calls of one cache to its remote store. A clone is a handle on the same.
#[derive(Clone)]
pub(crate) struct RemoteClient(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    slots: Arc<Semaphore>,
    pub(crate) health: Health,
    pub(crate) probing: Probing,
}

impl RemoteClient {
    /// Calls to `store`. Where it has failed too often it is asked for the name `probe`, in the
    /// background, and when it answers `recoveries` are run, in their order, before anything else goes
    /// through.
    pub(crate) fn new(store: Arc<dyn Store>, probe: String, recoveries: Vec<Recovery>) -> Self {
        Self(Arc::new(Inner {
            store,
            slots: Arc::new(Semaphore::new(CAP)),
            health: Health::new(),
            probing: Probing::new(probe, recoveries),
        }))
    }

    /// Makes a call, and waits for it no longer than the allowance has left. It is dropped with this
    /// future, and when its time is over. On any executor.
    pub(crate) async fn call<T, W>(&self, allowance: &Budget, what: W) -> Result<T, CallError>
    where
        T: Send + 'static,
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let line = &self.0;
        let pass = line.pass()?;
        let Some(spending) = allowance.spend() else {
            line.health.report(&Fault::Slow);
            return Err(CallError::Slow);
        };
        let slot = line.slot()?;
        let under_way = line.begin(slot, spending.left(), what)?;
        let outcome = under_way.outcome().await;
        line.end(pass, outcome, spending)
    }

    /// Looks up what lies under the name of an errand, and beside it: at once, where the store can from any thread, and
    /// else as any other call.
    pub(crate) async fn look_up(
        &self,
        allowance: &Budget,
        errand: &Arc<RemoteKey>,
        limit: usize,
        in_passing: bool,
    ) -> Result<LookedUp, CallError> {
        let line = &self.0;
        let pass = line.pass()?;
        if let Some(spending) = allowance.spend() {
            let _slot = line.slot()?;
            if let Some(Prompt { begun, found }) =
                in_flight_read::look_up(&*line.store, errand, limit, in_passing)
            {
                line.health.tally().count(Count::Call);
                let found = Within::new(
                    Looking::new(found),
                    begun,
                    spending.left(),
                    spending.began(),
                )
                .await;
                let found = found.map_or(Err(Fault::Slow), |found| found.map_err(Fault::Failed));
                if !found.as_ref().is_err_and(may_be_asked_again) {
                    return line.end(pass, found, spending);
                }
            }
        }
        let errand = Arc::clone(errand);
        let look_up = self.call(allowance, move |store| {
            Box::pin(async move { store.look_up(&errand.name, limit, errand.beside()).await })
        });
        // Boxed: there is no room for it in each look-up.
        let (kept, beside) = Box::pin(look_up).await?;
        Ok((kept, beside.into()))
    }

    /// Makes a call for which no request waits, as soon as there is a place for it. It is not counted
    /// where it is not made.
    pub(crate) async fn call_behind<W>(&self, limit: Duration, what: W) -> Result<(), CallError>
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        let line = &self.0;
        let Ok(slot) = Arc::clone(&line.slots).acquire_owned().await else {
            return Err(CallError::Crowded);
        };
        let pass = line.health.pass().ok_or(CallError::Open)?;
        let under_way = line.begin(slot, limit, what)?;
        let outcome = under_way.outcome().await;
        line.end_at(Instant::now(), pass, outcome, true)
    }

    /// Whether nothing is asked of the store now.
    pub(crate) fn is_open(&self) -> bool {
        self.0.health.is_open()
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.0.health.tally().read()
    }

    pub(crate) fn health(&self) -> &Health {
        &self.0.health
    }
}

impl Inner {
    fn pass(&self) -> Result<Pass, CallError> {
        self.health.pass().ok_or_else(|| {
            self.health.tally().count(Count::Refused);
            CallError::Open
        })
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, CallError> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            self.health.tally().count(Count::Crowded);
            self.health.warn(Warning::Crowded);
            CallError::Crowded
        })
    }

    fn begin<T, W>(
        &self,
        slot: OwnedSemaphorePermit,
        limit: Duration,
        what: W,
    ) -> Result<UnderWay<T>, CallError>
    where
        T: Send + 'static,
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let task = executor::spawn(async move {
            // Given back when the call is not only over, but gone.
            let _slot = slot;
            // Whoever waits may be on a thread that is stuck, and neither look nor leave.
            match timer::by(Instant::now() + limit, what(store)).await {
                Some(answer) => answer.map_err(Fault::Failed),
                None => Err(Fault::Slow),
            }
        });
        let task = task.map_err(|error| {
            // That there is no thread says nothing about the store.
            let fault = Fault::Failed(StoreError::new(
                StoreErrorKind::Unreachable,
                format!("the I/O thread cannot be started: {error}"),
            ));
            self.health.report(&fault);
            CallError::from(fault)
        })?;
        self.health.tally().count(Count::Call);
        Ok(UnderWay { task, limit })
    }

    fn end<T>(
        self: &Arc<Self>,
        pass: Pass,
        outcome: Result<T, Fault>,
        mut spending: BudgetGuard<'_>,
    ) -> Result<T, CallError> {
        let now = Instant::now();
        spending.end(now);
        self.end_at(now, pass, outcome, spending.is_fair())
    }

    fn end_at<T>(
        self: &Arc<Self>,
        now: Instant,
        pass: Pass,
        outcome: Result<T, Fault>,
        is_fair: bool,
    ) -> Result<T, CallError> {
        let fault = outcome.as_ref().err();
        let turned = self.health.settle(pass, fault, is_fair, now);
        if turned == Turned::Open {
            self.probing.start(Arc::downgrade(self));
        }
        outcome.map_err(CallError::from)
    }
}

/// A call that was begun.
struct UnderWay<T> {
    task: Task<Result<T, Fault>>,
    limit: Duration,
}

impl<T> UnderWay<T> {
    async fn outcome(self) -> Result<T, Fault> {
        let begun = self.task.begun().clone();
        match Within::new(self.task, begun, self.limit, Instant::now()).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(JoinError::Panicked)) => {
                Err(failed(StoreErrorKind::Protocol, "the store panicked"))
            }
            Some(Err(lost @ JoinError::Ended)) => Err(failed(StoreErrorKind::Unreachable, lost)),
            None => Err(Fault::Slow),
        }
    }
}

/// Whether a look-up on the connection at hand that ended so says nothing of the store yet. The connection
/// may have been closed long since, which is seen when it is used; or one value beside the response is too
/// long to be read so, which the store reads in another way.
fn may_be_asked_again(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Failed(error)
            if matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Protocol)
    )
}

fn failed(kind: StoreErrorKind, why: impl fmt::Display) -> Fault {
    Fault::Failed(StoreError::new(kind, why.to_string()))
}

impl fmt::Debug for RemoteClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("health", &self.0.health)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
