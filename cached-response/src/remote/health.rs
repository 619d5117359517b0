//! Health of a remote store: circuit breaker, counters, warnings, and the probes while it is unwell.

use crate::{
    metrics::observers::TARGET,
    metrics::stats::RemoteStats,
    remote::{
        breaker::{Breaker, CallPermit, Outcome, ProbePermit, Transition},
        call_counters::{CallEvent, RemoteCounters},
        error::{CallError, Warning, Warnings},
        executor::{self, Task},
    },
    store::{Store, StoreError, StoreErrorKind, StoreFuture},
    util::sync::{Mutex, lock},
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tokio::time::{error::Elapsed, sleep, timeout};

/// Maximum time of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_millis(250);

/// Maximum time of one recovery step after a probe that succeeded.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(1);

/// Step to be done when the store answers again, before any call goes through. If it fails, the store
/// stays unwell.
pub(crate) type Recovery = Box<dyn Fn(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + Sync>;

/// A store and its health. Probes go on for as long as an owner is left.
pub(crate) struct Health {
    store: Arc<dyn Store>,
    breaker: Mutex<Breaker>,
    created_at: Instant,
    counters: RemoteCounters,
    warnings: Warnings,
    /// Name that probes read.
    probe_name: Arc<str>,
    recoveries: Arc<[Recovery]>,
    prober: Mutex<Option<Task<()>>>,
}

impl Health {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        probe_name: String,
        recoveries: Vec<Recovery>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            breaker: Mutex::new(Breaker::new()),
            created_at: Instant::now(),
            counters: RemoteCounters::default(),
            warnings: Warnings::default(),
            probe_name: probe_name.into(),
            recoveries: recoveries.into(),
            prober: Mutex::new(None),
        })
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        RemoteStats {
            is_open: self.is_open(),
            ..self.counters.read()
        }
    }

    pub(crate) fn count(&self, count: CallEvent) {
        self.counters.count(count);
    }

    /// Returns a permit for a call, or `None` while the breaker is open.
    pub(crate) fn permit(&self) -> Option<CallPermit> {
        lock(&self.breaker).permit()
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.breaker).is_open()
    }

    /// Counts and logs the outcome of a call and records it in the breaker; starts to probe if that
    /// opens it.
    ///
    /// A refusal is an answer: a full store that refuses writes can still be read. A timeout counts
    /// only if the call had a [fair](crate::remote::budget::BudgetGuard::is_fair) time.
    pub(crate) fn settle(
        self: &Arc<Self>,
        permit: CallPermit,
        error: Option<&CallError>,
        is_fair: bool,
        now: Instant,
    ) {
        let outcome = match error {
            None => Outcome::Success,
            Some(error) => {
                self.report(error);
                match error {
                    CallError::Failed(error) if error.kind() == StoreErrorKind::Refused => return,
                    CallError::Timeout if !is_fair => return,
                    _ => Outcome::Failure,
                }
            }
        };
        let now = now.saturating_duration_since(self.created_at);
        let transition = lock(&self.breaker).record(permit, outcome, now, random);
        if transition == Transition::Opened {
            self.counters.count(CallEvent::Opened);
            self.warn(Warning::BreakerOpened);
            // The I/O thread runs: it has made the calls that failed.
            let probing = probe_until_well(Arc::downgrade(self));
            *lock(&self.prober) = executor::spawn_at_once(probing).ok();
        }
    }

    /// Counts and logs a call without a result.
    pub(crate) fn report(&self, error: &CallError) {
        match error {
            CallError::BreakerOpen => self.counters.count(CallEvent::Refused),
            CallError::TooManyCalls => {
                self.counters.count(CallEvent::OverMaxCalls);
                self.warn(Warning::TooManyCalls);
            }
            CallError::Timeout => {
                self.counters.count(CallEvent::Slow);
                self.warn(Warning::Timeout);
            }
            CallError::Failed(error) => {
                self.counters.count(CallEvent::Failed(error.kind()));
                let warning = Warning::Failed(error.kind());
                self.warnings.warn(warning, Some(error), self.now());
            }
        }
    }

    pub(crate) fn warn(&self, warning: Warning) {
        self.warnings.warn(warning, None, self.now());
    }

    fn until_probe(&self) -> Option<Duration> {
        lock(&self.breaker).until_probe(self.now())
    }

    /// Returns the due probe and the permit for it. The probe holds no part of the cache.
    fn next_probe(&self) -> Option<(ProbePermit, Probe)> {
        let permit = lock(&self.breaker).permit_probe(self.now(), random())?;
        let probe = Probe {
            store: Arc::clone(&self.store),
            name: Arc::clone(&self.probe_name),
            recoveries: Arc::clone(&self.recoveries),
        };
        Some((permit, probe))
    }

    fn record_probe(&self, permit: ProbePermit, outcome: Outcome) {
        if lock(&self.breaker).record_probe(permit, outcome) == Transition::Closed {
            Warnings::recovered();
        }
    }

    fn now(&self) -> Duration {
        self.created_at.elapsed()
    }
}

/// Returns a number from a hasher that the system seeds anew.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

async fn probe_until_well(health: Weak<Health>) {
    while let Some(delay) = health.upgrade().and_then(|health| health.until_probe()) {
        sleep(delay).await;
        let next = health.upgrade().and_then(|health| health.next_probe());
        let Some((permit, probe)) = next else {
            continue;
        };
        let outcome = probe.outcome().await;
        if let Some(health) = health.upgrade() {
            health.record_probe(permit, outcome);
        }
    }
}

/// One probe and the recovery steps after it.
struct Probe {
    store: Arc<dyn Store>,
    name: Arc<str>,
    recoveries: Arc<[Recovery]>,
}

impl Probe {
    async fn outcome(self) -> Outcome {
        // In a task of its own, since a store may panic.
        let Ok(task) = executor::spawn(self.run()) else {
            return Outcome::Failure;
        };
        match task.await {
            Ok(Ok(Ok(()))) => Outcome::Success,
            failed => {
                tracing::debug!(target: TARGET, ?failed, "the remote store is still unwell");
                Outcome::Failure
            }
        }
    }

    async fn run(self) -> Result<Result<(), StoreError>, Elapsed> {
        let answer = timeout(PROBE_TIMEOUT, self.store.get(&self.name, 64)).await?;
        if let Err(error) = answer {
            return Ok(Err(error));
        }
        for recovery in &*self.recoveries {
            let step = timeout(RECOVERY_TIMEOUT, recovery(Arc::clone(&self.store))).await?;
            if step.is_err() {
                return Ok(step);
            }
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests;
