//! I/O thread of the remote stores: one for the process, started when it is first needed.
//!
//! A connection that is made on an actix worker stops while that worker is busy, and ends with it. All
//! else that a store does therefore runs here, and its result is awaited by a [`Task`], on any executor.
//!
//! Tasks that a worker spawns together are sent together, after it has polled all tasks that are ready:
//! if the first one woke the I/O thread, that thread would send a single command, and compete with the
//! worker for the processor.

use crate::{
    remote::timer::{self, BatchStart},
    util::sync::{Mutex, lock},
};
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use std::{
    cell::RefCell,
    fmt,
    future::Future,
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{Arc, OnceLock, mpsc},
    task::{Context, Poll},
    thread,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

/// Runs `future` on the I/O thread, in one batch with the other tasks that this thread spawns now.
/// Nothing in it may block.
///
/// # Errors
/// If the thread does not run and cannot be started. The next call tries again.
pub(crate) fn spawn<F>(future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let jobs = IO_THREAD.jobs(start)?;
    let (job, result) = job(future);
    let batch = send_batched(jobs, job)?;
    Ok(Task { result, batch })
}

/// Runs `future` as [`spawn`] does, and sends it at once.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_at_once<F>(future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    spawn_on(IO_THREAD.jobs(start)?, future)
}

fn spawn_on<F>(jobs: &Jobs, future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (job, result) = job(future);
    send(jobs, vec![job])?;
    let batch = BatchStart::started();
    Ok(Task { result, batch })
}

/// Runs `future` on the I/O thread to its end and sends it at once. Its result is not awaited.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_detached(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    send(IO_THREAD.jobs(start)?, vec![Box::pin(future)])
}

static IO_THREAD: IoThread = IoThread::new();

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Queue of the I/O thread, in batches.
///
/// It is not the runtime's own: that is woken anew for each task that is spawned from outside. Here
/// batches that arrive while the thread is busy cost no system call and start together.
type Jobs = UnboundedSender<Vec<Job>>;

fn send(jobs: &Jobs, batch: Vec<Job>) -> io::Result<()> {
    jobs.send(batch)
        .map_err(|_| io::Error::other(JoinError::Ended.to_string()))
}

type TaskResult<T> = oneshot::Receiver<Result<T, JoinError>>;

fn job<F>(future: F) -> (Job, TaskResult<F::Output>)
where
    F: Future<Output: Send> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    (Box::pin(run(future, sender)), receiver)
}

/// Runs `future` until it is ready, has panicked, or its task is dropped.
async fn run<F: Future>(future: F, mut sender: oneshot::Sender<Result<F::Output, JoinError>>) {
    let output = {
        let dropped = pin!(sender.closed());
        let future = pin!(AssertUnwindSafe(future).catch_unwind());
        match select(dropped, future).await {
            Either::Left(_) => return,
            Either::Right((output, _)) => output,
        }
    };
    // The task may have been dropped meanwhile.
    let _ = sender.send(output.map_err(|_| JoinError::Panicked));
}

/// Task on the I/O thread. Dropping it drops its future there, at the next await.
#[must_use = "a task that is dropped is cancelled"]
#[derive(Debug)]
pub(crate) struct Task<T> {
    result: TaskResult<T>,
    batch: BatchStart,
}

impl<T> Task<T> {
    /// Returns the batch by which it is sent to the I/O thread.
    pub(crate) fn batch(&self) -> &BatchStart {
        &self.batch
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.result).poll(cx);
        result.map(|result| result.unwrap_or(Err(JoinError::Ended)))
    }
}

/// Reason why a task has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    Panicked,
    /// The I/O thread has ended, with the process.
    Ended,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "the task panicked",
            Self::Ended => "the I/O thread has ended",
        })
    }
}

/// Thread that is started by its first user, or by the next one if that failed.
struct IoThread {
    jobs: OnceLock<Jobs>,
    starting: Mutex<()>,
}

impl IoThread {
    const fn new() -> Self {
        Self {
            jobs: OnceLock::new(),
            starting: Mutex::new(()),
        }
    }

    fn jobs(&self, start: impl FnOnce() -> io::Result<Jobs>) -> io::Result<&Jobs> {
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        let _one_at_a_time = lock(&self.starting);
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        let started = start()?;
        Ok(self.jobs.get_or_init(|| started))
    }
}

fn start() -> io::Result<Jobs> {
    // No call is made without its timeout.
    timer::start()?;
    let (started, has_started) = mpsc::sync_channel(1);
    let (jobs, queue) = unbounded_channel();
    thread::Builder::new()
        .name("cached-response-io".into())
        .spawn(move || {
            // Built on its own thread, so that connections are closed on the thread that opens them.
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            if started.send(Ok(())).is_ok() {
                runtime.block_on(run_jobs(queue));
            }
        })?;
    let started = has_started.recv();
    started.unwrap_or_else(|_| Err(io::Error::other("the I/O thread has ended at its start")))?;
    Ok(jobs)
}

async fn run_jobs(mut queue: UnboundedReceiver<Vec<Job>>) {
    while let Some(batch) = queue.recv().await {
        for job in batch {
            tokio::spawn(job);
        }
    }
}

thread_local! {
    static BATCHES: RefCell<Option<Arc<SpawnBatch>>> = const { RefCell::new(None) };
}

/// Jobs of one thread that were not sent yet.
struct SpawnBatch {
    jobs: Jobs,
    pending: Mutex<Option<PendingBatch>>,
}

struct PendingBatch {
    jobs: Vec<Job>,
    start: BatchStart,
}

/// Adds `job` to the batch of this thread, which is sent when the thread has polled all tasks that are
/// ready. Outside of a runtime it is sent at once.
fn send_batched(jobs: &Jobs, job: Job) -> io::Result<BatchStart> {
    let Ok(runtime) = Handle::try_current() else {
        send(jobs, vec![job])?;
        return Ok(BatchStart::started());
    };
    let batch = BATCHES.try_with(|batches| {
        let mut batches = batches.borrow_mut();
        Arc::clone(batches.get_or_insert_with(|| SpawnBatch::new(jobs)))
    });
    // The thread's batch is gone while the thread ends.
    let batch = batch.unwrap_or_else(|_| SpawnBatch::new(jobs));
    let mut pending = lock(&batch.pending);
    if let Some(pending) = &mut *pending {
        pending.jobs.push(job);
        return Ok(pending.start.clone());
    }
    let sent = Arc::clone(&batch);
    let start = BatchStart::new(move || sent.send());
    *pending = Some(PendingBatch {
        jobs: vec![job],
        start: start.clone(),
    });
    drop(pending);
    let guard = start.guard();
    // Polled after all tasks that are ready, or dropped with the runtime.
    drop(runtime.spawn(async move { drop(guard) }));
    Ok(start)
}

impl SpawnBatch {
    fn new(jobs: &Jobs) -> Arc<Self> {
        Arc::new(Self {
            jobs: jobs.clone(),
            pending: Mutex::default(),
        })
    }

    fn send(&self) {
        let pending = lock(&self.pending).take();
        if let Some(pending) = pending {
            // If the thread has ended, the dropped jobs end their tasks.
            drop(send(&self.jobs, pending.jobs));
        }
    }
}

#[cfg(test)]
mod tests;
