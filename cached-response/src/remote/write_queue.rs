//! Bounded queue of background writes to a remote store.
//!
//! Writes start in the order of their arrival, a few at a time, and each has a timeout of a second. The
//! queue is bounded in bytes: a write that does not fit is dropped. While the circuit breaker is open
//! all writes are dropped, so that none pile up.

use crate::{
    remote::{
        client::RemoteClient,
        executor,
        health::{CallEvent, Warning},
    },
    store::{Store, StoreFuture},
    util::sync::{Mutex, lock},
};
use std::{collections::VecDeque, fmt, mem, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Bound on the bytes of all writes that are queued or running.
const MAX_BYTES: usize = 8 << 20;

const MAX_WORKERS: usize = 16;

const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

type Write = Box<dyn FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send>;

/// Write queue of one cache. A clone is a handle to the same queue. Queued writes are done although the
/// last handle is dropped.
#[derive(Clone)]
pub(crate) struct WriteQueue(Arc<SharedQueue>);

struct SharedQueue {
    client: RemoteClient,
    timeout: Duration,
    state: Mutex<State>,
    became_idle: Notify,
}

#[derive(Default)]
struct State {
    queued: VecDeque<QueuedWrite>,
    /// Bytes of queued and of running writes.
    bytes: usize,
    workers: usize,
}

struct QueuedWrite {
    bytes: usize,
    write: Write,
}

impl WriteQueue {
    pub(crate) fn new(client: RemoteClient) -> Self {
        Self::with_timeout(client, WRITE_TIMEOUT)
    }

    fn with_timeout(client: RemoteClient, timeout: Duration) -> Self {
        Self(Arc::new(SharedQueue {
            client,
            timeout,
            state: Mutex::default(),
            became_idle: Notify::new(),
        }))
    }

    /// Queues a write, or drops it if it does not fit. `bytes` is the memory that it holds.
    pub(crate) fn push<W>(&self, bytes: usize, write: W)
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        if self.0.client.is_open() {
            return self.0.count(CallEvent::Dropped);
        }
        match self.0.enqueue(bytes, write) {
            Enqueued::Full => {
                self.0.count(CallEvent::Dropped);
                self.0.client.health().warn(Warning::WriteQueueFull);
            }
            Enqueued::ForRunningWorkers => {}
            Enqueued::ForNewWorker => {
                if executor::spawn_detached(Arc::clone(&self.0).work()).is_err() {
                    self.0.abandon();
                }
            }
        }
    }

    /// Ready when all writes that were pushed are done or dropped.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn idle(&self) {
        loop {
            // Registered before the state is read, so that no notification is missed.
            let became_idle = self.0.became_idle.notified();
            if lock(&self.0.state).workers == 0 {
                return;
            }
            became_idle.await;
        }
    }
}

/// Outcome of adding a write to the queue.
enum Enqueued {
    /// It does not fit.
    Full,
    ForRunningWorkers,
    /// Another worker is to be started.
    ForNewWorker,
}

impl SharedQueue {
    fn enqueue<W>(&self, bytes: usize, write: W) -> Enqueued
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        let mut state = lock(&self.state);
        let sum = state.bytes.checked_add(bytes);
        let Some(sum) = sum.filter(|sum| *sum <= MAX_BYTES) else {
            return Enqueued::Full;
        };
        state.bytes = sum;
        let write = Box::new(write);
        state.queued.push_back(QueuedWrite { bytes, write });
        if state.workers == MAX_WORKERS {
            return Enqueued::ForRunningWorkers;
        }
        state.workers += 1;
        Enqueued::ForNewWorker
    }

    async fn work(self: Arc<Self>) {
        while let Some(QueuedWrite { bytes, write }) = self.next() {
            let written = self.client.call_in_background(self.timeout, write).await;
            self.count(written.map_or(CallEvent::Dropped, |()| CallEvent::Written));
            lock(&self.state).bytes -= bytes;
        }
    }

    /// Returns the next write; if there is none, the worker ends.
    fn next(&self) -> Option<QueuedWrite> {
        let mut state = lock(&self.state);
        let next = state.queued.pop_front();
        if next.is_none() {
            self.end_worker(&mut state);
        }
        next
    }

    /// Drops all queued writes in place of a worker that cannot be started.
    fn abandon(&self) {
        let mut state = lock(&self.state);
        let queued = mem::take(&mut state.queued);
        state.bytes -= queued.iter().map(|write| write.bytes).sum::<usize>();
        self.end_worker(&mut state);
        drop(state);
        for _ in queued {
            self.count(CallEvent::Dropped);
        }
    }

    fn end_worker(&self, state: &mut State) {
        state.workers -= 1;
        if state.workers == 0 {
            self.became_idle.notify_waiters();
        }
    }

    fn count(&self, count: CallEvent) {
        self.client.health().count(count);
    }
}

impl fmt::Debug for WriteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        f.debug_struct("WriteQueue")
            .field("queued", &state.queued.len())
            .field("bytes", &state.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
