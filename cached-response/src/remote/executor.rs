//! Threads of the remote stores, one I/O thread and one timer thread for the process, started when they are
//! first needed.
//!
//! A connection that is made on an actix worker stops while that worker is busy, and ends with it. All
//! else that a store does therefore runs on the I/O thread, and its result is awaited by a [`Task`], on any
//! executor.
//!
//! Tasks that a worker spawns together are sent together, after it has polled all tasks that are ready:
//! if the first one woke the I/O thread, that thread would send a single command, and compete with the
//! worker for the processor.
//!
//! The timers are tokio's; only their driver is not the caller's: a call may be awaited on any executor,
//! or on a thread that is busy, and its timeout holds all the same. A timer of the worker's runtime that
//! expires before all others of it costs that worker a system call for each look-up; on a thread of its own
//! it costs one for all look-ups of a timeout's length.

use crate::util::sync::{Mutex, lock};
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use pin_project_lite::pin_project;
use std::{
    cell::RefCell,
    fmt,
    future::{Future, pending},
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{Arc, OnceLock, mpsc},
    task::{Context, Poll, ready},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::Sleep,
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
    start_timer()?;
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

/// Runtime whose thread drives the timers.
static TIMER: OnceLock<Handle> = OnceLock::new();

/// Starts the timer thread unless it runs.
///
/// # Errors
/// If it cannot be started. The next call tries again.
fn start_timer() -> io::Result<()> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = lock(&STARTING);
    if TIMER.get().is_some() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("cached-response-timer".into())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    let _ = TIMER.set(handle);
    Ok(())
}

/// Returns a timer, or `None` before the thread was [started](start_timer): such a wait has no end.
fn sleep_until(end: Instant) -> Option<Sleep> {
    let _entered = TIMER.get()?.enter();
    Some(tokio::time::sleep_until(end.into()))
}

/// Grace period after a timeout that was noticed so late that the thread must have been busy.
const GRACE: Duration = Duration::from_millis(5);

pin_project! {
    /// Result of `future`, or `None` if it is not ready within the timeout from the start of its batch.
    ///
    /// A batch that a busy thread starts late says nothing about the store; one that has not started
    /// when the timeout expires is started here.
    pub(crate) struct WithTimeout<F> {
        #[pin]
        future: F,
        batch: Option<BatchStart>,
        timeout: Duration,
        end: Instant,
        #[pin]
        sleep: Option<Sleep>,
        is_grace: bool,
    }
}

impl<F> WithTimeout<F> {
    /// Starts to wait `now` for a call of this batch, or for one that has started already.
    pub(crate) fn new(
        future: F,
        batch: Option<BatchStart>,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        let end = now + timeout;
        Self {
            future,
            batch,
            timeout,
            end,
            sleep: sleep_until(end),
            is_grace: false,
        }
    }

    /// Returns the new end of the wait after its timer has expired; `None` if the call has timed out.
    fn extended(self: Pin<&mut Self>) -> Option<Instant> {
        let this = self.project();
        if let Some(batch) = this.batch {
            batch.start();
            *this.end = batch.started_at().unwrap_or_else(Instant::now) + *this.timeout;
        }
        let now = Instant::now();
        if *this.end > now {
            return Some(*this.end);
        }
        // A reply to a thread that was busy may have arrived in time and be unread: the connection that
        // this thread drives is polled first.
        if *this.is_grace || now < *this.end + GRACE {
            return None;
        }
        *this.is_grace = true;
        Some(now + GRACE)
    }
}

impl<F: Future> Future for WithTimeout<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.as_mut().project().future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        loop {
            let Some(sleep) = self.as_mut().project().sleep.as_pin_mut() else {
                return Poll::Pending;
            };
            ready!(sleep.poll(cx));
            let Some(end) = self.as_mut().extended() else {
                return Poll::Ready(None);
            };
            if let Some(sleep) = self.as_mut().project().sleep.as_pin_mut() {
                sleep.reset(end.into());
            }
        }
    }
}

/// Returns the result of `future`, or `None` if it is not ready within `timeout`.
pub(crate) fn timeout<F: Future>(timeout: Duration, future: F) -> WithTimeout<F> {
    WithTimeout::new(future, None, timeout, Instant::now())
}

/// Start of a batch: runs its callback once and records the time. The callback is run by a task behind all
/// tasks that are ready, or by a request that has timed out, whichever is first. A clone is a handle to the
/// same batch.
#[derive(Clone)]
pub(crate) struct BatchStart(Arc<BatchState>);

struct BatchState {
    started_at: OnceLock<Instant>,
    callback: Mutex<Option<Callback>>,
}

type Callback = Box<dyn FnOnce() + Send>;

impl BatchStart {
    /// Creates the start of a batch that `callback` sends.
    pub(crate) fn new(callback: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(BatchState {
            started_at: OnceLock::new(),
            callback: Mutex::new(Some(Box::new(callback))),
        }))
    }

    /// Creates the start of a batch that was sent already.
    pub(crate) fn started() -> Self {
        let start = Self::new(|| {});
        start.start();
        start
    }

    /// Returns the time of the start; `None` before it.
    pub(crate) fn started_at(&self) -> Option<Instant> {
        self.0.started_at.get().copied()
    }

    /// Starts the batch unless it has started.
    pub(crate) fn start(&self) {
        self.0.started_at.get_or_init(Instant::now);
        let callback = lock(&self.0.callback).take();
        if let Some(callback) = callback {
            callback();
        }
    }

    /// Returns a guard that starts the batch when it is dropped, if nothing else has.
    pub(crate) fn guard(&self) -> StartGuard {
        StartGuard(self.clone())
    }
}

pub(crate) struct StartGuard(BatchStart);

impl Drop for StartGuard {
    fn drop(&mut self) {
        self.0.start();
    }
}

impl fmt::Debug for BatchStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchStart")
            .field(&self.started_at())
            .finish()
    }
}

#[cfg(test)]
mod tests;
