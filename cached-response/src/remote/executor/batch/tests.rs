use std::{future::ready, time::Instant};

use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError, unbounded_channel};

use super::*;

type Taken = UnboundedReceiver<Vec<Job>>;

fn jobs() -> (Jobs, Taken) {
    unbounded_channel()
}

fn nothing() -> Job {
    Box::pin(ready(()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// On a thread of its own: an outbox is for the one queue of the process.
fn on_a_new_thread(test: impl FnOnce(&Jobs, &mut Taken) + Send) {
    let (jobs, mut taken) = jobs();
    std::thread::scope(|scope| {
        scope.spawn(|| test(&jobs, &mut taken)).join().unwrap();
    });
}

#[test]
fn what_is_ready_together_goes_together() {
    on_a_new_thread(|jobs, taken| {
        runtime().block_on(async {
            let posting = (0..5).map(|_| {
                let jobs = jobs.clone();
                tokio::spawn(async move { post(&jobs, nothing()).unwrap() })
            });
            for posting in posting.collect::<Vec<_>>() {
                posting.await.unwrap();
            }
            assert_eq!(taken.recv().await.unwrap().len(), 5);
        });
    });
}

#[test]
fn a_job_begins_when_it_goes() {
    on_a_new_thread(|jobs, taken| {
        runtime().block_on(async {
            let before = Instant::now();
            let begun = post(jobs, nothing()).unwrap();
            assert_eq!(begun.when(), None);
            assert!(matches!(taken.try_recv(), Err(TryRecvError::Empty)));
            taken.recv().await.unwrap();
            assert!(begun.when().unwrap() >= before);
            let next = post(jobs, nothing()).unwrap();
            assert_eq!(next.when(), None, "it is of another batch");
            assert_eq!(taken.recv().await.unwrap().len(), 1);
        });
    });
}

/// A runtime may be left alone with a task in it, and its thread go on with another.
#[test]
fn who_has_waited_for_too_long_has_it_go() {
    on_a_new_thread(|jobs, taken| {
        let left_alone = runtime();
        let entered = left_alone.enter();
        let begun = post(jobs, nothing()).unwrap();
        drop(entered);
        begun.go();
        assert_eq!(taken.try_recv().unwrap().len(), 1);
        runtime().block_on(async {
            post(jobs, nothing()).unwrap();
            assert_eq!(taken.recv().await.unwrap().len(), 1);
        });
    });
}

#[test]
fn outside_of_a_runtime_it_goes_at_once() {
    on_a_new_thread(|jobs, taken| {
        assert!(post(jobs, nothing()).unwrap().when().is_some());
        assert_eq!(taken.try_recv().unwrap().len(), 1);
    });
}

#[test]
fn what_waits_goes_though_its_runtime_ends() {
    on_a_new_thread(|jobs, taken| {
        let runtime = runtime();
        let entered = runtime.enter();
        for _ in 0..2 {
            post(jobs, nothing()).unwrap();
        }
        assert!(taken.try_recv().is_err());
        drop(entered);
        drop(runtime);
        assert_eq!(taken.try_recv().unwrap().len(), 2);
    });
}

#[test]
fn a_thread_that_has_ended_takes_no_more_jobs() {
    on_a_new_thread(|jobs, taken| {
        taken.close();
        assert!(post(jobs, nothing()).is_err());
        // Within a runtime its job tells.
        runtime().block_on(async { post(jobs, nothing()).map(drop).unwrap() });
    });
}
