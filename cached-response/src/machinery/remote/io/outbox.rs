//! What one thread begins at a time goes to the I/O thread together.
//!
//! A worker that is woken finds many requests, and asks the store for each. If the first woke the I/O
//! thread, that would ask for it alone, where they share a processor in place of the worker. So jobs wait until
//! the worker has looked at all that is ready.

use super::{Job, Jobs, send};
use crate::ground::{
    store::Begun,
    sync::{Mutex, lock},
};
use std::{cell::RefCell, io, mem, sync::Arc};
use tokio::runtime::Handle;

thread_local! {
    static OUTBOX: RefCell<Option<Arc<Outbox>>> = const { RefCell::new(None) };
}

/// The jobs of one thread that wait.
struct Outbox {
    jobs: Jobs,
    waiting: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    begun: Begun,
}

/// Has `job` run, together with what else this thread posts until it has nothing else to do. Outside
/// of a runtime, at once.
pub(super) fn post(jobs: &Jobs, job: Job) -> io::Result<Begun> {
    let Ok(runtime) = Handle::try_current() else {
        send(jobs, vec![job])?;
        let begun = Begun::default();
        begun.begin();
        return Ok(begun);
    };
    let outbox = OUTBOX.try_with(|outbox| {
        let mut outbox = outbox.borrow_mut();
        let of_this_thread = outbox.get_or_insert_with(|| Outbox::new(jobs));
        Arc::clone(of_this_thread)
    });
    // A thread that ends has no outbox any more.
    let outbox = outbox.unwrap_or_else(|_| Outbox::new(jobs));
    let mut waiting = lock(&outbox.waiting);
    let is_first = waiting.jobs.is_empty();
    waiting.jobs.push(job);
    let begun = waiting.begun.clone();
    drop(waiting);
    if is_first {
        let sending = Sending(outbox);
        // Behind all tasks that are ready; or at once, where the runtime ends.
        drop(runtime.spawn(async move { drop(sending) }));
    }
    Ok(begun)
}

impl Outbox {
    fn new(jobs: &Jobs) -> Arc<Self> {
        Arc::new(Self {
            jobs: jobs.clone(),
            waiting: Mutex::default(),
        })
    }
}

/// Sends what waits when it is dropped, as it is in any case.
struct Sending(Arc<Outbox>);

impl Drop for Sending {
    fn drop(&mut self) {
        let batch = mem::take(&mut *lock(&self.0.waiting));
        batch.begun.begin();
        // Where the thread has ended, those who wait are told so by their jobs.
        drop(send(&self.0.jobs, batch.jobs));
    }
}

#[cfg(test)]
mod tests;
