//! Work that many wait for and that is done once.

use std::sync::Mutex;
use tokio::{runtime::Handle, sync::watch};

use crate::{
    store::{error::StoreError, redis::error},
    util::sync::lock,
};

type Outcome<T> = Option<Result<T, StoreError>>;

/// Work on a task of its own, which goes on though nobody waits for it any more.
pub(crate) struct Joint<T> {
    current: Mutex<Option<watch::Receiver<Outcome<T>>>>,
}

impl<T> Default for Joint<T> {
    fn default() -> Self {
        Self {
            current: Mutex::default(),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Joint<T> {
    /// Waits for the work that is under way. Where none is, `work` is begun.
    pub(crate) async fn outcome<F>(&self, work: F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut outcome = self.begin(work)?;
        let done = outcome.wait_for(Option::is_some).await;
        let over = |_| error::unreachable("the runtime that was connecting is gone");
        // `wait_for` ends with what it waited for.
        done.map_err(over)?
            .clone()
            .unwrap_or_else(|| Err(error::protocol_error()))
    }

    /// Begins `work`, unless some is under way.
    pub(crate) fn begin<F>(&self, work: F) -> Result<watch::Receiver<Outcome<T>>, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut current = lock(&self.current);
        let under_way = current.as_ref().filter(|outcome| {
            // A runtime that has ended took its tasks with it.
            outcome.borrow().is_none() && outcome.has_changed().is_ok()
        });
        if let Some(under_way) = under_way {
            return Ok(under_way.clone());
        }
        let runtime = Handle::try_current().map_err(error::unreachable)?;
        let (done, outcome) = watch::channel(None);
        runtime.spawn(async move {
            let result = work.await;
            // Nobody may be waiting any more.
            done.send_replace(Some(result));
        });
        *current = Some(outcome.clone());
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use tokio::{runtime::Builder, sync::Notify, time::timeout};

    use super::Joint;
    use crate::store::error::StoreErrorKind;

    #[tokio::test]
    async fn those_who_wait_at_a_time_share_what_is_done() {
        let joint = Arc::new(Joint::default());
        let gate = Arc::new(Notify::new());
        let begun = Arc::new(AtomicU32::new(0));
        let wait = || {
            let (joint, gate, begun) = (Arc::clone(&joint), Arc::clone(&gate), Arc::clone(&begun));
            async move {
                let work = async move {
                    gate.notified().await;
                    Ok(begun.fetch_add(1, Ordering::Relaxed) + 1)
                };
                joint.outcome(work).await
            }
        };
        // This one is dropped, and what it began goes on.
        assert!(timeout(Duration::from_millis(1), wait()).await.is_err());
        let waiting = [tokio::spawn(wait()), tokio::spawn(wait())];
        gate.notify_one();
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Ok(1));
        }
        gate.notify_one();
        assert_eq!(wait().await, Ok(2));
    }

    #[test]
    fn what_ended_with_its_runtime_is_begun_again() {
        let joint = Joint::default();
        let first = Builder::new_current_thread().build().unwrap();
        first.block_on(async { joint.begin(pending()).map(drop).unwrap() });
        drop(first);
        let second = Builder::new_current_thread().build().unwrap();
        assert_eq!(second.block_on(joint.outcome(async { Ok(5) })), Ok(5));
    }

    #[test]
    fn without_a_runtime_nobody_is_reached() {
        let joint = Joint::<()>::default();
        let error = joint.begin(async { Ok(()) }).map(drop).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    }
}
