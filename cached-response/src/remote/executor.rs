//! The thread that talks to remote stores: one for the process, started when it is first needed.
//!
//! A connection that is made on an actix worker stops when the worker is busy, and ends with it. So
//! whatever touches a store runs here, and whoever wants to know how it ended awaits a [`Task`], on
//! any executor.

pub(crate) mod batch;

use crate::{remote::timer, util::batch::BatchStart};
use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    task::{Context, Poll},
    thread,
};
use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

/// Runs `future` on the I/O thread, together with what else this thread begins now. Nothing in it may
/// block.
///
/// # Errors
/// If there is no such thread and none can be started. The next call tries again.
pub(crate) fn spawn<F>(future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let jobs = THREAD.jobs(start)?;
    let (job, told) = job(future);
    let begun = batch::post(jobs, job)?;
    Ok(Task { told, begun })
}

/// As [`spawn`], and begins at once: for what nobody waits for who would have it begin.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_at_once<F>(future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    spawn_on(THREAD.jobs(start)?, future)
}

fn spawn_on<F>(jobs: &Jobs, future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (job, told) = job(future);
    send(jobs, vec![job])?;
    let begun = BatchStart::now();
    Ok(Task { told, begun })
}

/// Runs `future` there to its end, for nobody, and begins at once.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_alone(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    send(THREAD.jobs(start)?, vec![Box::pin(future)])
}

static THREAD: Thread = Thread::new();

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the thread takes jobs from, those that were begun together at a time.
type Jobs = UnboundedSender<Vec<Job>>;

/// Jobs go to the thread by a queue of our own, since a runtime is woken anew for each task that it is
/// given from outside. So those that come while it is busy cost no call of the system, and start
/// together: what they ask goes to the store in one go.
fn send(jobs: &Jobs, job: Vec<Job>) -> io::Result<()> {
    jobs.send(job)
        .map_err(|_| io::Error::other(JoinError::Ended.to_string()))
}

type Told<T> = oneshot::Receiver<Result<T, JoinError>>;

fn job<F>(future: F) -> (Job, Told<F::Output>)
where
    F: Future<Output: Send> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    (Box::pin(run(future, Sender(Some(tell)))), told)
}

/// Runs `future` as long as anybody wants to know how it ends.
async fn run<F: Future>(future: F, mut teller: Sender<F::Output>) {
    let mut future = pin!(future);
    let ended = poll_fn(|cx| match teller.poll_unwanted(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    });
    if let Some(output) = ended.await {
        teller.tell(Ok(output));
    }
}

/// Tells how a task has ended, whatever becomes of it.
struct Sender<T>(Option<oneshot::Sender<Result<T, JoinError>>>);

impl<T> Sender<T> {
    fn poll_unwanted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(tell) => tell.poll_closed(cx),
            None => Poll::Ready(()),
        }
    }

    fn tell(&mut self, outcome: Result<T, JoinError>) {
        if let Some(tell) = self.0.take() {
            // Nobody may want to know any more.
            drop(tell.send(outcome));
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.tell(Err(if thread::panicking() {
            JoinError::Panicked
        } else {
            JoinError::Ended
        }));
    }
}

/// Something that runs on the I/O thread. Dropping it ends that at its next await, and drops it there.
#[must_use = "a task that is dropped is ended"]
#[derive(Debug)]
pub(crate) struct Task<T> {
    told: Told<T>,
    begun: BatchStart,
}

impl<T> Task<T> {
    /// When it was given to the I/O thread.
    pub(crate) fn begun(&self) -> &BatchStart {
        &self.begun
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = Pin::new(&mut self.told).poll(cx);
        told.map(|told| told.unwrap_or(Err(JoinError::Ended)))
    }
}

/// Why a task came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// It has panicked.
    Panicked,
    /// The thread has ended, as it does with the process.
    Ended,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "it panicked",
            Self::Ended => "the I/O thread has ended",
        })
    }
}

/// A thread that is started once, by whoever comes first, or by the next one where that failed.
struct Thread {
    jobs: OnceLock<Jobs>,
    starting: Mutex<()>,
}

impl Thread {
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
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        let started = start()?;
        Ok(self.jobs.get_or_init(|| started))
    }
}

fn start() -> io::Result<Jobs> {
    // Nobody waits for this thread without it.
    timer::start()?;
    let (tell, told) = mpsc::sync_channel(1);
    let (jobs, taken) = unbounded_channel();
    thread::Builder::new()
        .name("cached-response-io".into())
        .spawn(move || {
            // Made where it lives: what it opens is closed on the same thread.
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            if tell.send(Ok(())).is_ok() {
                runtime.block_on(take(taken));
            }
        })?;
    let started = told.recv();
    started.unwrap_or_else(|_| Err(io::Error::other("the I/O thread has ended at its start")))?;
    Ok(jobs)
}

/// Starts all jobs that come.
async fn take(mut jobs: UnboundedReceiver<Vec<Job>>) {
    while let Some(jobs) = jobs.recv().await {
        for job in jobs {
            tokio::spawn(job);
        }
    }
}

#[cfg(test)]
mod tests;
