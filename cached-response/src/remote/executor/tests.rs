use super::*;
use crate::testing::mock_store::wait_for;
use std::{
    cell::Cell,
    future::{pending, poll_fn, ready},
    panic::resume_unwind,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    task::Waker,
    time::Instant,
};
use tokio::sync::mpsc::error::TryRecvError;

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
fn the_thread_drives_timers() {
    let nothing = Duration::ZERO;
    let slept = spawn(async move { tokio::time::sleep(nothing).await }).unwrap();
    assert_eq!(wait_for(slept), Ok(()));
}

#[test]
fn a_panic_ends_its_task_and_not_the_thread() {
    let task = spawn(async { resume_unwind(Box::new("a store's panic")) }).unwrap();
    let ended: Result<(), JoinError> = wait_for(task);
    assert_eq!(ended, Err(JoinError::Panicked));
    assert_eq!(wait_for(spawn(async { 7 }).unwrap()), Ok(7));
}

#[test]
fn a_dropped_task_drops_its_future_on_the_thread() {
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
fn a_task_ends_with_its_thread() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let (sender, result) = oneshot::channel();
    runtime.spawn(run(pending::<()>(), sender));
    drop(runtime);
    let batch = BatchStart::started();
    assert_eq!(wait_for(Task { result, batch }), Err(JoinError::Ended));
}

#[test]
fn tasks_that_arrive_while_the_thread_is_busy_start_together() {
    let jobs = start().unwrap();
    let (send, mut received) = unbounded_channel();
    let connection = spawn_on(&jobs, async move {
        let mut together = usize::from(received.recv().await.is_some());
        while received.try_recv().is_ok() {
            together += 1;
        }
        together
    });
    let (started, has_started) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let busy = spawn_on(&jobs, async move {
        started.send(()).unwrap();
        gate.recv().unwrap();
    });
    has_started.recv().unwrap();
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let send = send.clone();
            spawn_on(&jobs, async move { send.send(()).unwrap() })
        })
        .collect();
    open.send(()).unwrap();
    assert_eq!(wait_for(busy.unwrap()), Ok(()));
    assert_eq!(wait_for(connection.unwrap()), Ok(5));
    drop(tasks);
}

#[test]
fn a_failed_start_is_an_error_and_is_tried_again() {
    let thread = IoThread::new();
    let refused = thread.jobs(|| Err(io::Error::other("no more threads")));
    assert_eq!(refused.unwrap_err().to_string(), "no more threads");
    assert!(thread.jobs(start).is_ok());
    let once = thread.jobs(|| unreachable!("it runs already"));
    assert!(once.is_ok());
}

type Queue = UnboundedReceiver<Vec<Job>>;

fn jobs() -> (Jobs, Queue) {
    unbounded_channel()
}

fn empty_job() -> Job {
    Box::pin(ready(()))
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Runs the test on a thread of its own: a thread's batch belongs to one queue.
fn on_a_new_thread(test: impl FnOnce(&Jobs, &mut Queue) + Send) {
    let (jobs, mut queue) = jobs();
    thread::scope(|scope| {
        scope.spawn(|| test(&jobs, &mut queue)).join().unwrap();
    });
}

#[test]
fn tasks_that_are_ready_together_are_sent_together() {
    on_a_new_thread(|jobs, queue| {
        runtime().block_on(async {
            let spawned = (0..5).map(|_| {
                let jobs = jobs.clone();
                tokio::spawn(async move { send_batched(&jobs, empty_job()).unwrap() })
            });
            for spawned in spawned.collect::<Vec<_>>() {
                spawned.await.unwrap();
            }
            assert_eq!(queue.recv().await.unwrap().len(), 5);
        });
    });
}

#[test]
fn a_job_starts_when_its_batch_is_sent() {
    on_a_new_thread(|jobs, queue| {
        runtime().block_on(async {
            let before = Instant::now();
            let start = send_batched(jobs, empty_job()).unwrap();
            assert_eq!(start.started_at(), None);
            assert!(matches!(queue.try_recv(), Err(TryRecvError::Empty)));
            queue.recv().await.unwrap();
            assert!(start.started_at().unwrap() >= before);
            let next = send_batched(jobs, empty_job()).unwrap();
            assert_eq!(next.started_at(), None, "it belongs to another batch");
            assert_eq!(queue.recv().await.unwrap().len(), 1);
        });
    });
}

/// A thread may abandon a runtime with a task in it and go on with another.
#[test]
fn a_batch_is_sent_when_its_oldest_request_times_out() {
    on_a_new_thread(|jobs, queue| {
        let abandoned = runtime();
        let entered = abandoned.enter();
        let start = send_batched(jobs, empty_job()).unwrap();
        drop(entered);
        start.start();
        assert_eq!(queue.try_recv().unwrap().len(), 1);
        runtime().block_on(async {
            send_batched(jobs, empty_job()).unwrap();
            assert_eq!(queue.recv().await.unwrap().len(), 1);
        });
    });
}

#[test]
fn outside_of_a_runtime_a_job_is_sent_at_once() {
    on_a_new_thread(|jobs, queue| {
        assert!(
            send_batched(jobs, empty_job())
                .unwrap()
                .started_at()
                .is_some()
        );
        assert_eq!(queue.try_recv().unwrap().len(), 1);
    });
}

#[test]
fn a_pending_batch_is_sent_when_its_runtime_ends() {
    on_a_new_thread(|jobs, queue| {
        let runtime = runtime();
        let entered = runtime.enter();
        for _ in 0..2 {
            send_batched(jobs, empty_job()).unwrap();
        }
        assert!(queue.try_recv().is_err());
        drop(entered);
        drop(runtime);
        assert_eq!(queue.try_recv().unwrap().len(), 2);
    });
}

#[test]
fn a_thread_that_has_ended_accepts_no_jobs() {
    on_a_new_thread(|jobs, queue| {
        queue.close();
        assert!(send_batched(jobs, empty_job()).is_err());
        // Within a runtime the dropped job ends its task.
        runtime().block_on(async { send_batched(jobs, empty_job()).map(drop).unwrap() });
    });
}

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
    start_timer().unwrap();
    let started_at = Instant::now();
    assert_eq!(timeout(TIMEOUT, pending::<()>()).await, None);
    assert!(started_at.elapsed() >= TIMEOUT);
}

#[tokio::test]
async fn a_short_wait_is_not_behind_a_long_one() {
    start_timer().unwrap();
    let long = timeout(Duration::from_secs(600), pending::<()>());
    let mut long = pin!(long);
    assert!(poll(long.as_mut()).is_pending());
    assert_eq!(timeout(TIMEOUT, pending::<()>()).await, None);
    assert!(poll(long.as_mut()).is_pending());
}

/// The store has answered in time, and the thread that reads the reply was busy.
#[test]
fn a_thread_that_was_busy_polls_the_reply_once_more() {
    start_timer().unwrap();
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
    start_timer().unwrap();
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
