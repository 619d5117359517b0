//! Asks a store that has failed whether it is well again.

use crate::{
    remote::{
        breaker::Outcome,
        client::Inner,
        executor::{self, Task},
    },
    store::{
        Store,
        error::{StoreError, StoreFuture},
    },
    util::sync::{Mutex, lock},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::{error::Elapsed, sleep, timeout};

/// A store that takes longer to answer is not well.
const LIMIT: Duration = Duration::from_millis(250);

/// What is to be done before anything else may take longer.
const RECOVERY_LIMIT: Duration = Duration::from_secs(1);

/// What is to be done when the store answers, before anything else goes through. If it fails, the
/// store is not well.
pub(crate) type Recovery = Box<dyn Fn(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + Sync>;

/// Asks as long as the calls have an owner.
pub(crate) struct Probing {
    name: Arc<str>,
    recoveries: Arc<[Recovery]>,
    task: Mutex<Option<Task<()>>>,
}

impl Probing {
    pub(crate) fn new(name: String, recoveries: Vec<Recovery>) -> Self {
        Self {
            name: name.into(),
            recoveries: recoveries.into(),
            task: Mutex::new(None),
        }
    }

    /// Begins to ask, until the store is well.
    pub(crate) fn start(&self, line: Weak<Inner>) {
        // The thread has made the calls that failed, so that it need not be started any more.
        *lock(&self.task) = executor::spawn_at_once(until_well(line)).ok();
    }

    fn attempt(&self, store: &Arc<dyn Store>) -> Attempt {
        Attempt {
            store: Arc::clone(store),
            name: Arc::clone(&self.name),
            recoveries: Arc::clone(&self.recoveries),
        }
    }
}

async fn until_well(line: Weak<Inner>) {
    while let Some(rest) = line.upgrade().and_then(|line| line.health.rest()) {
        sleep(rest).await;
        let begin =
            |line: Arc<Inner>| Some((line.health.probe()?, line.probing.attempt(&line.store)));
        let Some((probe, attempt)) = line.upgrade().and_then(begin) else {
            continue;
        };
        // Nothing of the cache is held meanwhile: it may go.
        let outcome = attempt.outcome().await;
        if let Some(line) = line.upgrade() {
            line.health.probed(probe, outcome);
        }
    }
}

struct Attempt {
    store: Arc<dyn Store>,
    name: Arc<str>,
    recoveries: Arc<[Recovery]>,
}

impl Attempt {
    async fn outcome(self) -> Outcome {
        // In a task of its own, since a store may panic.
        let Ok(task) = executor::spawn(self.run()) else {
            return Outcome::Failure;
        };
        match task.await {
            Ok(Ok(Ok(()))) => Outcome::Success,
            failed => {
                tracing::debug!(?failed, "the remote store is not well yet");
                Outcome::Failure
            }
        }
    }

    async fn run(self) -> Result<Result<(), StoreError>, Elapsed> {
        let asked = timeout(LIMIT, self.store.get(&self.name, 64)).await?;
        if let Err(error) = asked {
            return Ok(Err(error));
        }
        for recovery in &*self.recoveries {
            let done = timeout(RECOVERY_LIMIT, recovery(Arc::clone(&self.store))).await?;
            if done.is_err() {
                return Ok(done);
            }
        }
        Ok(Ok(()))
    }
}
