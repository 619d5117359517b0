use super::*;
use crate::testing::mock_store::wait_for;
use std::{future::pending, panic::resume_unwind};

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
    let ended: Result<(), JoinError> = wait_for(task);
    assert_eq!(ended, Err(JoinError::Panicked));
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
    let (tell, told) = oneshot::channel();
    runtime.spawn(run(pending::<()>(), Sender(Some(tell))));
    drop(runtime);
    let begun = BatchStart::now();
    assert_eq!(wait_for(Task { told, begun }), Err(JoinError::Ended));
}

#[test]
fn what_tasks_ask_that_came_while_the_thread_was_busy_is_sent_together() {
    let jobs = start().unwrap();
    let (ask, mut asked) = unbounded_channel();
    let connection = spawn_on(&jobs, async move {
        let mut together = usize::from(asked.recv().await.is_some());
        while asked.try_recv().is_ok() {
            together += 1;
        }
        together
    });
    let (tell, told) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let busy = spawn_on(&jobs, async move {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    });
    told.recv().unwrap();
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let ask = ask.clone();
            spawn_on(&jobs, async move { ask.send(()).unwrap() })
        })
        .collect();
    open.send(()).unwrap();
    assert_eq!(wait_for(busy.unwrap()), Ok(()));
    assert_eq!(wait_for(connection.unwrap()), Ok(5));
    drop(tasks);
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error_and_tried_again() {
    let thread = Thread::new();
    let refused = thread.jobs(|| Err(io::Error::other("no more threads")));
    assert_eq!(refused.unwrap_err().to_string(), "no more threads");
    assert!(thread.jobs(start).is_ok());
    let once = thread.jobs(|| unreachable!("it runs already"));
    assert!(once.is_ok());
}
