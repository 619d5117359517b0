//! Client of a remote store: calls within a request's [`Budget`], guarded by the circuit breaker, on the
//! I/O thread or on a connection of the worker.
//!
//! A call is a closure, since the future of a store borrows it:
//! `client.call(&budget, |store| Box::pin(async move { store.delete(&name).await }))`.

use crate::{
    metrics::{event::TARGET, stats::RemoteStats},
    remote::{
        CallError,
        breaker::CallPermit,
        entry_key::RemoteKey,
        executor::{self, JoinError, Task, WithTimeout},
        health::{CallEvent, Health, Recovery},
    },
    store::{LookedUp, Store, StoreErrorKind, StoreFuture},
};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, Span};

/// Maximum number of concurrent calls. A call that timed out counts until the store's future is
/// dropped, except a look-up on the worker's connection.
const MAX_CALLS: usize = 1_024;

/// Client of one cache. A clone is a handle to the same client.
#[derive(Clone)]
pub(crate) struct RemoteClient {
    health: Arc<Health>,
    slots: Arc<Semaphore>,
}

impl RemoteClient {
    /// Creates the client of `store`. While the store is unwell `probe_name` is read in the background;
    /// when it answers, `recoveries` run in their order before any call goes through.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        probe_name: String,
        recoveries: Vec<Recovery>,
    ) -> Self {
        Self {
            health: Health::new(store, probe_name, recoveries),
            slots: Arc::new(Semaphore::new(MAX_CALLS)),
        }
    }

    /// Makes a call and waits for it within the budget, on any executor. The call is dropped with this
    /// future or at its timeout.
    pub(crate) async fn call<T, C>(&self, budget: &Budget, call: C) -> Result<T, CallError>
    where
        T: Send + 'static,
        C: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let permit = self.permit()?;
        let Some(charge) = budget.charge() else {
            return Err(self.refused(CallError::Timeout));
        };
        let slot = self.slot()?;
        let running = self.start(slot, charge.remaining(), call)?;
        let result = running.result().instrument(call_span()).await;
        self.end(permit, result, charge)
    }

    /// Looks up the entry of a key and its companions.
    pub(crate) fn look_up(
        &self,
        budget: &Budget,
        key: &Arc<RemoteKey>,
        limit: usize,
    ) -> impl Future<Output = Result<LookedUp, CallError>> {
        let span = tracing::debug_span!(target: TARGET, "remote look-up");
        self.look_up_entry(budget, key, limit).instrument(span)
    }

    /// Looks up an entry on this thread where the store has a connection here, else as any other call.
    async fn look_up_entry(
        &self,
        budget: &Budget,
        key: &Arc<RemoteKey>,
        limit: usize,
    ) -> Result<LookedUp, CallError> {
        let permit = self.permit()?;
        if let Some(charge) = budget.charge() {
            let _slot = self.slot()?;
            let store = self.health.store();
            if let Some(found) = store.look_up_here(&key.name, limit, key.companions()) {
                self.health.count(CallEvent::Call);
                let timeout = charge.remaining();
                let found = WithTimeout::new(found, None, timeout, charge.started_at()).await;
                let found = match found {
                    Some(found) => found.map_err(CallError::Failed),
                    None => Err(CallError::Timeout),
                };
                if !found.as_ref().is_err_and(is_retried) {
                    return self.end(permit, found, charge);
                }
            }
        }
        let key = Arc::clone(key);
        let look_up = self.call(budget, move |store| {
            Box::pin(async move { store.look_up(&key.name, limit, key.companions()).await })
        });
        // Boxed, so that the future of every look-up has no room for it.
        Box::pin(look_up).await
    }

    /// Makes a call that no request waits for, as soon as there is a slot. A call that the breaker
    /// refuses is not counted.
    pub(crate) async fn call_in_background<C>(
        &self,
        timeout: Duration,
        call: C,
    ) -> Result<(), CallError>
    where
        C: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Err(CallError::TooManyCalls);
        };
        let permit = self.health.permit().ok_or(CallError::BreakerOpen)?;
        let running = self.start(slot, timeout, call)?;
        let result = running.result().instrument(call_span()).await;
        self.end_at(Instant::now(), permit, result, true)
    }

    /// Returns whether the circuit breaker is open.
    pub(crate) fn is_open(&self) -> bool {
        self.health.is_open()
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.health.stats()
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    fn permit(&self) -> Result<CallPermit, CallError> {
        let permit = self.health.permit();
        permit.ok_or_else(|| self.refused(CallError::BreakerOpen))
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, CallError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        slot.map_err(|_| self.refused(CallError::TooManyCalls))
    }

    fn refused(&self, error: CallError) -> CallError {
        self.health.report(&error);
        error
    }

    fn start<T, C>(
        &self,
        slot: OwnedSemaphorePermit,
        timeout: Duration,
        call: C,
    ) -> Result<RunningCall<T>, CallError>
    where
        T: Send + 'static,
        C: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, T> + Send + 'static,
    {
        let store = Arc::clone(self.health.store());
        let task = executor::spawn(async move {
            // Released when the store's future is dropped, not when the caller has left.
            let _slot = slot;
            // Here as well as in the caller, whose thread may be blocked.
            match executor::timeout(timeout, call(store)).await {
                Some(result) => result.map_err(CallError::Failed),
                None => Err(CallError::Timeout),
            }
        });
        // Without a thread nothing is known of the store.
        let task = task.map_err(|error| {
            let message = format!("the I/O thread cannot be started: {error}");
            self.refused(CallError::failed(StoreErrorKind::Unreachable, message))
        })?;
        self.health.count(CallEvent::Call);
        Ok(RunningCall { task, timeout })
    }

    fn end<T>(
        &self,
        permit: CallPermit,
        result: Result<T, CallError>,
        mut charge: BudgetGuard<'_>,
    ) -> Result<T, CallError> {
        let now = Instant::now();
        charge.end(now);
        self.end_at(now, permit, result, charge.is_fair())
    }

    fn end_at<T>(
        &self,
        now: Instant,
        permit: CallPermit,
        result: Result<T, CallError>,
        is_fair: bool,
    ) -> Result<T, CallError> {
        let error = result.as_ref().err();
        self.health.settle(permit, error, is_fair, now);
        result
    }
}

impl fmt::Debug for RemoteClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteClient")
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}

fn call_span() -> Span {
    tracing::debug_span!(target: TARGET, "remote call")
}

/// Call that was given to the I/O thread.
struct RunningCall<T> {
    task: Task<Result<T, CallError>>,
    timeout: Duration,
}

impl<T> RunningCall<T> {
    async fn result(self) -> Result<T, CallError> {
        let batch = self.task.batch().clone();
        let task = WithTimeout::new(self.task, Some(batch), self.timeout, Instant::now());
        match task.await {
            Some(Ok(result)) => result,
            Some(Err(JoinError::Panicked)) => Err(CallError::failed(
                StoreErrorKind::Protocol,
                "the store panicked",
            )),
            Some(Err(ended @ JoinError::Ended)) => Err(CallError::failed(
                StoreErrorKind::Unreachable,
                ended.to_string(),
            )),
            None => Err(CallError::Timeout),
        }
    }
}

/// Returns whether a look-up on the worker's connection is repeated as an ordinary call: the server may
/// have closed that connection long ago, which shows when it is used; or it is out of step.
fn is_retried(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Failed(error)
            if matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Protocol)
    )
}

/// Upper bound of every budget.
const MAX_BUDGET: Duration = Duration::from_secs(24 * 60 * 60);

/// Time that the calls of one request may take together. Only the time in which a call is awaited is
/// charged; concurrent calls are charged each.
///
/// It is measured on the machine's clock and not on the cache's: no test clock moves a remote store.
#[derive(Debug)]
pub(crate) struct Budget {
    total: Duration,
    spent_nanos: AtomicU64,
}

impl Budget {
    pub(crate) fn new(total: Duration) -> Self {
        Self {
            total: total.min(MAX_BUDGET),
            spent_nanos: AtomicU64::new(0),
        }
    }

    /// Returns the time that has not been spent yet.
    pub(crate) fn remaining(&self) -> Duration {
        let spent = Duration::from_nanos(self.spent_nanos.load(Relaxed));
        self.total.saturating_sub(spent)
    }

    /// Starts to charge time until the guard is dropped; `None` if the budget is used up.
    pub(crate) fn charge(&self) -> Option<BudgetGuard<'_>> {
        let remaining = self.remaining();
        (!remaining.is_zero()).then(|| BudgetGuard {
            budget: self,
            started_at: Instant::now(),
            ended_at: None,
            remaining,
        })
    }
}

/// Call that is being awaited at the expense of a budget.
#[derive(Debug)]
pub(crate) struct BudgetGuard<'a> {
    budget: &'a Budget,
    started_at: Instant,
    ended_at: Option<Instant>,
    remaining: Duration,
}

impl BudgetGuard<'_> {
    pub(crate) fn started_at(&self) -> Instant {
        self.started_at
    }

    /// Returns the time that the call may take.
    pub(crate) fn remaining(&self) -> Duration {
        self.remaining
    }

    /// Sets the end of the call to a clock reading that the caller has already.
    pub(crate) fn end(&mut self, now: Instant) {
        self.ended_at = Some(now);
    }

    /// Returns whether a timeout of this call says anything about the store: the call started with at
    /// least half of the budget.
    pub(crate) fn is_fair(&self) -> bool {
        self.remaining >= self.budget.total / 2
    }
}

impl Drop for BudgetGuard<'_> {
    fn drop(&mut self) {
        let ended_at = self.ended_at.unwrap_or_else(Instant::now);
        let spent = ended_at.saturating_duration_since(self.started_at);
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let sum = |before: u64| Some(before.saturating_add(spent));
        // A plain count: it orders no other memory.
        let _ = self.budget.spent_nanos.fetch_update(Relaxed, Relaxed, sum);
    }
}

#[cfg(test)]
mod tests;
