//! What one thread begins at a time goes to the I/O thread together.
//!
//! A worker that is woken finds many requests, and asks the store for each. If the first woke the I/O
//! thread, that would ask for it alone, where they share a processor in place of the worker. So jobs wait until
//! the worker has looked at all that is ready.

use crate::{
    remote::executor::{Job, Jobs, send},
    util::{
        batch::BatchStart,
        sync::{Mutex, lock},
    },
};
use std::{cell::RefCell, io, sync::Arc};
use tokio::runtime::Handle;

thread_local! {
    static OUTBOX: RefCell<Option<Arc<SpawnBatch>>> = const { RefCell::new(None) };
}

/// The jobs of one thread that wait.
struct SpawnBatch {
    jobs: Jobs,
    waiting: Mutex<Option<Batch>>,
}

struct Batch {
    jobs: Vec<Job>,
    begun: BatchStart,
}

/// Has `job` run, together with what else this thread posts until it has nothing else to do. Outside
/// of a runtime, at once.
pub(crate) fn post(jobs: &Jobs, job: Job) -> io::Result<BatchStart> {
    let Ok(runtime) = Handle::try_current() else {
        send(jobs, vec![job])?;
        return Ok(BatchStart::now());
    };
    let outbox = OUTBOX.try_with(|outbox| {
        let mut outbox = outbox.borrow_mut();
        let of_this_thread = outbox.get_or_insert_with(|| SpawnBatch::new(jobs));
        Arc::clone(of_this_thread)
    });
    // A thread that ends has no outbox any more.
    let outbox = outbox.unwrap_or_else(|_| SpawnBatch::new(jobs));
    let mut waiting = lock(&outbox.waiting);
    if let Some(batch) = &mut *waiting {
        batch.jobs.push(job);
        return Ok(batch.begun.clone());
    }
    let of = Arc::clone(&outbox);
    let begun = BatchStart::by(move || of.send());
    *waiting = Some(Batch {
        jobs: vec![job],
        begun: begun.clone(),
    });
    drop(waiting);
    let guard = begun.guard();
    // Behind all tasks that are ready; or at once, where the runtime ends.
    drop(runtime.spawn(async move { drop(guard) }));
    Ok(begun)
}

impl SpawnBatch {
    fn new(jobs: &Jobs) -> Arc<Self> {
        Arc::new(Self {
            jobs: jobs.clone(),
            waiting: Mutex::default(),
        })
    }

    fn send(&self) {
        let batch = lock(&self.waiting).take();
        if let Some(batch) = batch {
            // Where the thread has ended, those who wait are told so by their jobs.
            drop(send(&self.jobs, batch.jobs));
        }
    }
}

#[cfg(test)]
mod tests;
