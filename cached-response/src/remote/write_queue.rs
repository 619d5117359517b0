//! Writes to a remote store for which nobody waits.
//!
//! They are begun in the order in which they came, a few at a time, and each has a second. What waits
//! is bounded, in bytes: what comes when there is no room is dropped. While the store is not well all
//! of it is dropped, so that nothing piles up.

use crate::{
    remote::{client::RemoteClient, executor, log::Warning, stats::Count},
    store::{Store, error::StoreFuture},
    util::sync::{Mutex, lock},
};
use std::{collections::VecDeque, fmt, mem, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// The bytes of all writes that wait or are under way.
const ROOM: usize = 8 << 20;

const AT_A_TIME: usize = 16;

const LIMIT: Duration = Duration::from_secs(1);

type Write = Box<dyn FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send>;

/// The writes of one cache. A clone is a handle on the same. What waits when the last is dropped is
/// written all the same.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Backlog>);

struct Backlog {
    calls: RemoteClient,
    limit: Duration,
    state: Mutex<State>,
    is_idle: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Of those that wait, and those under way.
    bytes: usize,
    workers: usize,
}

struct Job {
    bytes: usize,
    write: Write,
}

impl Queue {
    pub(crate) fn new(calls: RemoteClient) -> Self {
        Self::with_limit(calls, LIMIT)
    }

    fn with_limit(calls: RemoteClient, limit: Duration) -> Self {
        Self(Arc::new(Backlog {
            calls,
            limit,
            state: Mutex::default(),
            is_idle: Notify::new(),
        }))
    }

    /// Writes behind the scenes, or not at all. `bytes` is what the write holds in memory.
    pub(crate) fn push<W>(&self, bytes: usize, write: W)
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        if self.0.calls.is_open() {
            return self.0.count(Count::Dropped);
        }
        match self.0.take_in(bytes, write) {
            Slot::None => {
                self.0.count(Count::Dropped);
                self.0.calls.health().warn(Warning::Full);
            }
            Slot::Waits => {}
            Slot::ForAWorker => {
                if executor::spawn_alone(Arc::clone(&self.0).work()).is_err() {
                    self.0.give_up();
                }
            }
        }
    }

    /// When all that was pushed is done, or dropped.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn idle(&self) {
        loop {
            // It hears from now on.
            let is_idle = self.0.is_idle.notified();
            if lock(&self.0.state).workers == 0 {
                return;
            }
            is_idle.await;
        }
    }
}

/// What there is for a write that comes.
enum Slot {
    None,
    Waits,
    /// It waits, and somebody more may work.
    ForAWorker,
}

impl Backlog {
    fn take_in<W>(&self, bytes: usize, write: W) -> Slot
    where
        W: FnOnce(Arc<dyn Store>) -> StoreFuture<'static, ()> + Send + 'static,
    {
        let mut state = lock(&self.state);
        let Some(sum) = state.bytes.checked_add(bytes).filter(|sum| *sum <= ROOM) else {
            return Slot::None;
        };
        state.bytes = sum;
        let write = Box::new(write);
        state.waiting.push_back(Job { bytes, write });
        if state.workers == AT_A_TIME {
            return Slot::Waits;
        }
        state.workers += 1;
        Slot::ForAWorker
    }

    async fn work(self: Arc<Self>) {
        while let Some(Job { bytes, write }) = self.next() {
            let written = self.calls.call_behind(self.limit, write).await;
            self.count(written.map_or(Count::Dropped, |()| Count::Written));
            lock(&self.state).bytes -= bytes;
        }
    }

    /// The next write, or an end to this worker's work.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        let next = state.waiting.pop_front();
        if next.is_none() {
            self.leave(&mut state);
        }
        next
    }

    /// There is nobody to work.
    fn give_up(&self) {
        let mut state = lock(&self.state);
        let waiting = mem::take(&mut state.waiting);
        state.bytes -= waiting.iter().map(|job| job.bytes).sum::<usize>();
        self.leave(&mut state);
        drop(state);
        for _ in waiting {
            self.count(Count::Dropped);
        }
    }

    fn leave(&self, state: &mut State) {
        state.workers -= 1;
        if state.workers == 0 {
            self.is_idle.notify_waiters();
        }
    }

    fn count(&self, count: Count) {
        self.calls.health().tally().count(count);
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        f.debug_struct("Queue")
            .field("waiting", &state.waiting.len())
            .field("bytes", &state.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
