//! Health of a remote store: circuit breaker, counters, warnings, and the probes while it is unwell.

use crate::{
    metrics::{
        event::TARGET,
        stats::{ERROR_KINDS, RemoteStats},
    },
    remote::{
        CallError,
        breaker::{Breaker, CallOutcome, CallPermit, ProbePermit, Transition},
        executor::{self, Task},
    },
    store::{Store, StoreError, StoreErrorKind, StoreFuture},
    util::sync::{Mutex, lock},
};
use std::{
    array,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
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
    /// only if the call had a [fair](crate::remote::client::BudgetGuard::is_fair) time.
    pub(crate) fn settle(
        self: &Arc<Self>,
        permit: CallPermit,
        error: Option<&CallError>,
        is_fair: bool,
        now: Instant,
    ) {
        let outcome = match error {
            None => CallOutcome::Success,
            Some(error) => {
                self.report(error);
                match error {
                    CallError::Failed(error) if error.kind() == StoreErrorKind::Refused => return,
                    CallError::Timeout if !is_fair => return,
                    _ => CallOutcome::Failure,
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
    fn next_probe(&self) -> Option<(ProbePermit, StoreProbe)> {
        let permit = lock(&self.breaker).permit_probe(self.now(), random())?;
        let probe = StoreProbe {
            store: Arc::clone(&self.store),
            name: Arc::clone(&self.probe_name),
            recoveries: Arc::clone(&self.recoveries),
        };
        Some((permit, probe))
    }

    fn record_probe(&self, permit: ProbePermit, outcome: CallOutcome) {
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
struct StoreProbe {
    store: Arc<dyn Store>,
    name: Arc<str>,
    recoveries: Arc<[Recovery]>,
}

impl StoreProbe {
    async fn outcome(self) -> CallOutcome {
        // In a task of its own, since a store may panic.
        let Ok(task) = executor::spawn(self.run()) else {
            return CallOutcome::Failure;
        };
        match task.await {
            Ok(Ok(Ok(()))) => CallOutcome::Success,
            failed => {
                tracing::debug!(target: TARGET, ?failed, "the remote store is still unwell");
                CallOutcome::Failure
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

/// Counters of one cache's remote store. They are shared by all workers: a call costs far more than
/// the contention.
#[derive(Debug, Default)]
pub(crate) struct RemoteCounters([AtomicU64; COUNTS]);

/// One counted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallEvent {
    Call,
    Slow,
    OverMaxCalls,
    Refused,
    Opened,
    Written,
    Dropped,
    Failed(StoreErrorKind),
}

const PLAIN: usize = 7;
const COUNTS: usize = PLAIN + ERROR_KINDS.len();

impl CallEvent {
    fn index(self) -> usize {
        match self {
            Self::Call => 0,
            Self::Slow => 1,
            Self::OverMaxCalls => 2,
            Self::Refused => 3,
            Self::Opened => 4,
            Self::Written => 5,
            Self::Dropped => 6,
            Self::Failed(kind) => PLAIN + kind_index(kind),
        }
    }
}

fn kind_index(kind: StoreErrorKind) -> usize {
    match kind {
        StoreErrorKind::Unreachable => 0,
        StoreErrorKind::Timeout => 1,
        StoreErrorKind::Refused => 2,
        StoreErrorKind::Protocol => 3,
        StoreErrorKind::InvalidAddress => 4,
    }
}

impl RemoteCounters {
    pub(crate) fn count(&self, count: CallEvent) {
        self.0[count.index()].fetch_add(1, Relaxed);
    }

    fn total(&self, count: CallEvent) -> u64 {
        self.0[count.index()].load(Relaxed)
    }

    pub(crate) fn read(&self) -> RemoteStats {
        RemoteStats {
            calls: self.total(CallEvent::Call),
            slow: self.total(CallEvent::Slow),
            over_max_calls: self.total(CallEvent::OverMaxCalls),
            refused: self.total(CallEvent::Refused),
            opened: self.total(CallEvent::Opened),
            written: self.total(CallEvent::Written),
            dropped: self.total(CallEvent::Dropped),
            failed: array::from_fn(|kind| self.0[PLAIN + kind].load(Relaxed)),
            ..RemoteStats::default()
        }
    }
}

impl RemoteStats {
    /// Returns the number of calls that ended with an error of this kind. A panic of the store counts
    /// as [`Protocol`](StoreErrorKind::Protocol).
    ///
    /// ```
    /// use cached_response::{RemoteStats, StoreErrorKind};
    ///
    /// assert_eq!(RemoteStats::default().failed(StoreErrorKind::Timeout), 0);
    /// ```
    pub fn failed(&self, kind: StoreErrorKind) -> u64 {
        self.failed[kind_index(kind)]
    }
}

/// Minimum time between two warnings of one kind.
const WARN_INTERVAL: Duration = Duration::from_secs(1);

/// Kinds of warnings, each limited on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    Failed(StoreErrorKind),
    Timeout,
    TooManyCalls,
    BreakerOpened,
    WriteQueueFull,
}

impl Warning {
    /// Returns the log line: the fault, its effect, and the remedy.
    fn message(self) -> &'static str {
        match self {
            Self::Failed(StoreErrorKind::Unreachable) => {
                "the remote store cannot be reached: responses are computed again until it answers; \
                 check that it runs and that the network path to it is open"
            }
            Self::Timeout | Self::Failed(StoreErrorKind::Timeout) => {
                "the remote store is slow: responses that it does not return in time are computed \
                 again; check its load, and whether `remote_timeout` suits the network to it"
            }
            Self::Failed(StoreErrorKind::Refused) => {
                "the remote store refuses commands: responses are computed again; check whether it \
                 is full, read-only, or denies this user a permission"
            }
            Self::Failed(StoreErrorKind::Protocol) => {
                "the remote store sends invalid replies: responses are computed again; check that \
                 its address is that of such a store, and see the error for details"
            }
            Self::Failed(StoreErrorKind::InvalidAddress) => {
                "the remote store's address is invalid: responses are computed again; correct it"
            }
            Self::TooManyCalls => {
                "the maximum number of concurrent calls to the remote store is reached: responses \
                 are computed again; check its load"
            }
            Self::BreakerOpened => {
                "the remote store has failed too often: it is not called, and responses are computed \
                 again, until it answers a probe; `ResponseCache::stats` counts the failures"
            }
            Self::WriteQueueFull => {
                "responses are not written to the remote store because its write queue is full: \
                 other nodes compute them again; check its load"
            }
        }
    }
}

/// Time of the last warning of each kind.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Vec<(Warning, Duration)>>);

impl Warnings {
    /// Logs the warning unless one of its kind was logged within the last second.
    pub(crate) fn warn(&self, warning: Warning, error: Option<&StoreError>, now: Duration) {
        if self.is_due(warning, now) {
            let error = error.map(tracing::field::display);
            tracing::warn!(target: TARGET, error, "{}", warning.message());
        }
    }

    /// Logs the end of an outage.
    pub(crate) fn recovered() {
        tracing::info!(target: TARGET, "the remote store answers again");
    }

    fn is_due(&self, warning: Warning, now: Duration) -> bool {
        let mut logged = lock(&self.0);
        let Some((_, last)) = logged.iter_mut().find(|(known, _)| *known == warning) else {
            logged.push((warning, now));
            return true;
        };
        let is_due = now.saturating_sub(*last) >= WARN_INTERVAL;
        if is_due {
            *last = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests;
