//! Timeouts of remote calls, on a timer thread of their own.
//!
//! The timers are tokio's; only their driver is not the caller's: a call may be awaited on any executor,
//! or on a thread that is busy, and its timeout holds all the same. A timer of the worker's runtime that
//! expires before all others of it costs that worker a system call for each look-up; here it costs one
//! for all look-ups of a timeout's length.

use crate::util::sync::{Mutex, lock};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::{Future, pending},
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Handle},
    time::Sleep,
};

/// Runtime whose thread drives the timers.
static TIMER: OnceLock<Handle> = OnceLock::new();

/// Starts the timer thread unless it runs.
///
/// # Errors
/// If it cannot be started. The next call tries again.
pub(crate) fn start() -> io::Result<()> {
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

/// Returns a timer, or `None` before the thread was [started](start): such a wait has no end.
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
mod tests {
    use super::*;
    use std::{
        cell::Cell,
        future::{poll_fn, ready},
        pin::pin,
        sync::atomic::{AtomicU32, Ordering::SeqCst},
        task::Waker,
    };

    const TIMEOUT: Duration = Duration::from_millis(20);

    /// Blocks this thread until then.
    fn busy_until(end: Instant) {
        while Instant::now() < end {}
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_result_that_is_ready_does_not_time_out() {
        assert_eq!(timeout(Duration::ZERO, ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn a_wait_ends_with_its_timeout() {
        start().unwrap();
        let started_at = Instant::now();
        assert_eq!(timeout(TIMEOUT, pending::<()>()).await, None);
        assert!(started_at.elapsed() >= TIMEOUT);
    }

    #[tokio::test]
    async fn a_short_wait_is_not_behind_a_long_one() {
        start().unwrap();
        let long = timeout(Duration::from_secs(600), pending::<()>());
        let mut long = pin!(long);
        assert!(poll(long.as_mut()).is_pending());
        assert_eq!(timeout(TIMEOUT, pending::<()>()).await, None);
        assert!(poll(long.as_mut()).is_pending());
    }

    /// The store has answered in time, and the thread that reads the reply was busy.
    #[test]
    fn a_thread_that_was_busy_polls_the_reply_once_more() {
        start().unwrap();
        let (arrived, now) = (Cell::new(false), Instant::now());
        let reply = poll_fn(|_| {
            if arrived.get() {
                Poll::Ready("in time")
            } else {
                Poll::Pending
            }
        });
        let mut call = pin!(WithTimeout::new(reply, None, TIMEOUT, now));
        assert!(poll(call.as_mut()).is_pending());
        busy_until(now + TIMEOUT + 2 * GRACE);
        assert!(poll(call.as_mut()).is_pending());
        arrived.set(true);
        assert_eq!(poll(call.as_mut()), Poll::Ready(Some("in time")));
    }

    #[test]
    fn the_grace_period_is_granted_once() {
        start().unwrap();
        let mut call = pin!(timeout(TIMEOUT, pending::<()>()));
        assert!(poll(call.as_mut()).is_pending());
        for _ in 0..2 {
            busy_until(Instant::now() + TIMEOUT + 2 * GRACE);
            if poll(call.as_mut()).is_ready() {
                return;
            }
        }
        panic!("the wait has not ended");
    }

    #[test]
    fn a_batch_starts_once() {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let start = BatchStart::new(move || {
            counted.fetch_add(1, SeqCst);
        });
        let guard = start.guard();
        assert_eq!(start.started_at(), None);
        start.start();
        let started_at = start.started_at();
        assert!(started_at.is_some());
        start.start();
        drop(guard);
        assert_eq!((start.started_at(), count.load(SeqCst)), (started_at, 1));
    }
}
