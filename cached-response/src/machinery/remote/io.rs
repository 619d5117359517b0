//! The thread that talks to remote stores: one for the process, started when it is first needed.
//!
//! A connection that is made on an actix worker stops when the worker is busy, and ends with it. So
//! whatever touches a store runs here, and whoever wants to know how it ended awaits a [`Task`], on
//! any executor.

use std::{
    fmt,
    future::{Future, pending},
    io,
    pin::Pin,
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    task::{Context, Poll, ready},
    thread,
};
use tokio::{
    runtime::{Builder, Handle},
    task::{JoinError, JoinHandle},
};

/// Runs `future` on the I/O thread. Nothing in it may block.
///
/// # Errors
/// If there is no such thread and none can be started. The next call tries again.
pub(crate) fn spawn<F>(future: F) -> io::Result<Task<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    Ok(Task(THREAD.handle(start)?.spawn(future)))
}

/// Runs `future` there to its end, for nobody.
///
/// # Errors
/// As [`spawn`].
pub(super) fn spawn_alone(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    THREAD.handle(start)?.spawn(future);
    Ok(())
}

static THREAD: Thread = Thread::new();

/// Something that runs on the I/O thread. Dropping it ends that at its next await, and drops it there.
#[must_use = "a task that is dropped is ended"]
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(ended.map_err(|error| Lost::from(&error)))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a task came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It has panicked.
    Panicked,
    /// The thread has ended, as it does with the process.
    Ended,
}

impl From<&JoinError> for Lost {
    fn from(error: &JoinError) -> Self {
        if error.is_panic() {
            Self::Panicked
        } else {
            Self::Ended
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "it panicked",
            Self::Ended => "the I/O thread has ended",
        })
    }
}

/// A thread that is started once, by whoever comes first, or by the next one where that failed.
struct Thread {
    handle: OnceLock<Handle>,
    starting: Mutex<()>,
}

impl Thread {
    const fn new() -> Self {
        Self {
            handle: OnceLock::new(),
            starting: Mutex::new(()),
        }
    }

    fn handle(&self, start: impl FnOnce() -> io::Result<Handle>) -> io::Result<&Handle> {
        if let Some(handle) = self.handle.get() {
            return Ok(handle);
        }
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = self.handle.get() {
            return Ok(handle);
        }
        let started = start()?;
        Ok(self.handle.get_or_init(|| started))
    }
}

fn start() -> io::Result<Handle> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("cached-response-io".into())
        .spawn(move || {
            // Made where it lives: what it opens is closed on the same thread.
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            if tell.send(Ok(runtime.handle().clone())).is_ok() {
                runtime.block_on(pending::<()>());
            }
        })?;
    told.recv()
        .unwrap_or_else(|_| Err(io::Error::other("the I/O thread has ended at its start")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;
    use tokio::sync::oneshot;

    /// An executor without a runtime.
    fn wait_for<F: Future>(future: F) -> F::Output {
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = std::sync::Arc::new(Unpark(thread::current())).into();
        let mut future = std::pin::pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    async fn name_of_the_thread() -> (thread::ThreadId, Option<String>) {
        tokio::task::yield_now().await;
        let thread = thread::current();
        (thread.id(), thread.name().map(Into::into))
    }

    #[test]
    fn all_tasks_of_the_process_run_on_one_thread() {
        let here = || wait_for(spawn(name_of_the_thread()).unwrap()).unwrap();
        let elsewhere = thread::spawn(here).join().unwrap();
        assert_eq!(here(), elsewhere);
        assert_eq!(here().1.as_deref(), Some("cached-response-io"));
    }

    #[tokio::test]
    async fn a_task_is_awaited_inside_a_runtime_as_well() {
        let (id, _) = spawn(name_of_the_thread()).unwrap().await.unwrap();
        assert_ne!(id, thread::current().id());
    }

    #[test]
    fn there_is_time_on_the_thread() {
        let nothing = std::time::Duration::ZERO;
        let slept = spawn(async move { tokio::time::sleep(nothing).await }).unwrap();
        assert_eq!(wait_for(slept), Ok(()));
    }

    #[test]
    fn a_task_that_panics_says_so_and_the_thread_goes_on() {
        let task = spawn(async { resume_unwind(Box::new("a store's panic")) }).unwrap();
        let ended: Result<(), Lost> = wait_for(task);
        assert_eq!(ended, Err(Lost::Panicked));
        assert_eq!(wait_for(spawn(async { 7 }).unwrap()), Ok(7));
    }

    #[test]
    fn a_task_that_is_dropped_ends_on_the_thread() {
        struct Guard(Option<oneshot::Sender<Option<String>>>);
        impl Drop for Guard {
            fn drop(&mut self) {
                let name = thread::current().name().map(Into::into);
                self.0.take().unwrap().send(name).unwrap();
            }
        }
        let (dropped, was_dropped) = oneshot::channel();
        let (began, has_begun) = oneshot::channel();
        let task = spawn(async {
            let _guard = Guard(Some(dropped));
            began.send(()).unwrap();
            pending::<()>().await;
        });
        wait_for(has_begun).unwrap();
        drop(task);
        let where_it_was = wait_for(was_dropped).unwrap();
        assert_eq!(where_it_was.as_deref(), Some("cached-response-io"));
    }

    #[test]
    fn a_task_whose_thread_has_ended_says_so() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(wait_for(Task(handle.spawn(async {}))), Err(Lost::Ended));
    }

    #[test]
    fn a_thread_that_cannot_be_started_is_an_error_and_tried_again() {
        let thread = Thread::new();
        let refused = thread.handle(|| Err(io::Error::other("no more threads")));
        assert_eq!(refused.unwrap_err().to_string(), "no more threads");
        assert!(thread.handle(start).is_ok());
        let once = thread.handle(|| unreachable!("it runs already"));
        assert!(once.is_ok());
    }
}
