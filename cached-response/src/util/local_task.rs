//! Futures that are not `Send` and outlive their request, on this worker.

use std::{
    cell::Cell,
    future::ready,
    marker::PhantomData,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    rc::Rc,
    thread,
};

use actix_web::rt::System;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
};

/// A boxed future that stays on its thread.
pub(crate) type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs `future` as a task of its own on this thread.
///
/// Where no local runtime can take it the future is given back, unpolled: outside a runtime, in a
/// plain `#[tokio::test]`, while the thread is unwinding.
pub(crate) fn spawn(future: LocalBoxFuture<()>) -> Result<(), LocalBoxFuture<()>> {
    if !could_take_it() {
        return Err(future);
    }
    // `spawn_local` panics without a local runtime. That is excluded but for a future that is blocked
    // on inside a task; the cell keeps it out of that panic's reach.
    let cell = Rc::new(Cell::new(Some(future)));
    let taken = Rc::clone(&cell);
    let task = async move {
        if let Some(future) = taken.take() {
            future.await;
        }
    };
    let spawned = panic::catch_unwind(AssertUnwindSafe(|| {
        task::spawn_local(task);
    }));
    match (spawned, cell.take()) {
        (Err(_), Some(future)) => {
            REFUSED.set(true);
            Err(future)
        }
        (_, future) => {
            cell.set(future);
            Ok(())
        }
    }
}

thread_local! {
    /// `spawn_local` has panicked on this thread: each panic runs the panic hook, which prints, so
    /// that one is enough.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a local runtime can take a future here, found out without a panic.
///
/// A task of a runtime with one thread is one of a local runtime: of a server's worker, with or without a
/// `System`, or of a `LocalSet`; unless it was spawned as one that is `Send`, which only values are asked
/// for by. None of the workers of a runtime with several threads can take what is not. The future that a
/// runtime blocks on is no task; there a `System` that is alive is the sign, and in a bare `LocalSet`
/// there is none.
pub(crate) fn could_take_it() -> bool {
    if thread::panicking() || REFUSED.get() {
        return false;
    }
    let Ok(runtime) = Handle::try_current() else {
        return false;
    };
    is_local(&runtime.runtime_flavor(), task::try_id().is_some()) || has_system()
}

/// Returns true for a task of a runtime with one thread.
fn is_local(flavor: &RuntimeFlavor, is_task: bool) -> bool {
    *flavor == RuntimeFlavor::CurrentThread && is_task
}

/// Whether a `System` is alive on this thread: one that has ended stays registered, and its arbiter
/// takes no more futures.
fn has_system() -> bool {
    System::try_current().is_some_and(|system| system.arbiter().spawn(ready(())))
}

/// How many runs of each kind a worker carries at once that no client waits for.
const PLACES: usize = 64;

/// The kinds of runs that no client waits for. Each has places of its own, so that none of them
/// keeps the others from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A run, or the copy of a body, whose client has left or has its answer from elsewhere.
    HandOver,
    /// A run behind an answer.
    Refresh,
}

thread_local! {
    static DETACHED: [Cell<usize>; 2] = const { [Cell::new(0), Cell::new(0)] };
}

/// A place among the runs of this worker that no client waits for. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct DetachedPermit {
    kind: Kind,
    /// The count is this thread's.
    _here: PhantomData<*const ()>,
}

impl DetachedPermit {
    /// Whether there is a place of this kind left.
    pub(crate) fn is_free(kind: Kind) -> bool {
        DETACHED.with(|taken| taken[kind as usize].get()) < PLACES
    }

    /// Takes a place, unless all 64 of this kind are taken on this worker.
    pub(crate) fn claim(kind: Kind) -> Option<Self> {
        if !Self::is_free(kind) {
            return None;
        }
        DETACHED.with(|taken| {
            let taken = &taken[kind as usize];
            taken.set(taken.get() + 1);
        });
        Some(Self {
            kind,
            _here: PhantomData,
        })
    }
}

impl Drop for DetachedPermit {
    fn drop(&mut self) {
        // A runtime may drop its tasks after the thread's locals are gone; then so is the count.
        let _ = DETACHED.try_with(|taken| {
            let taken = &taken[self.kind as usize];
            taken.set(taken.get() - 1);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::oneshot, task::LocalSet};

    use super::*;

    #[actix_web::test]
    async fn a_future_runs_beside_the_one_that_spawned_it() {
        let (done, landed) = oneshot::channel();
        let spawned = spawn(Box::pin(async { done.send(7).unwrap() }));
        assert!(spawned.is_ok());
        assert_eq!(landed.await, Ok(7));
    }

    #[test]
    fn a_task_of_a_local_set_without_a_system_takes_a_future() {
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            LocalSet::new().block_on(&runtime.unwrap(), async {
                let request = task::spawn_local(async {
                    let (done, landed) = oneshot::channel();
                    assert!(spawn(Box::pin(async { done.send(7).unwrap() })).is_ok());
                    assert_eq!(landed.await, Ok(7));
                });
                request.await.unwrap();
            });
        })
        .join()
        .unwrap();
    }

    #[tokio::test]
    async fn outside_a_local_runtime_the_future_comes_back_whole() {
        let (done, mut landed) = oneshot::channel();
        let given_back = spawn(Box::pin(async { done.send(7).unwrap() })).unwrap_err();
        assert!(landed.try_recv().is_err());
        given_back.await;
        assert_eq!(landed.await, Ok(7));
    }

    #[test]
    fn a_thread_without_a_local_runtime_is_known_without_a_panic() {
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                assert!(!could_take_it());
                assert!(spawn(Box::pin(async {})).is_err());
                assert!(!REFUSED.get(), "it was asked, and panicked");
            });
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_task_of_a_runtime_with_several_threads_is_not_local() {
        assert!(is_local(&RuntimeFlavor::CurrentThread, true));
        assert!(!is_local(&RuntimeFlavor::CurrentThread, false));
        assert!(!is_local(&RuntimeFlavor::MultiThread, true));
        assert!(!is_local(&RuntimeFlavor::MultiThread, false));
    }

    #[test]
    fn a_system_that_has_ended_is_no_local_runtime() {
        thread::spawn(|| {
            System::new().block_on(async { assert!(could_take_it()) });
            assert!(System::is_registered(), "it stays registered");
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                assert!(!could_take_it());
                assert!(spawn(Box::pin(async {})).is_err());
                assert!(!REFUSED.get(), "it was asked, and panicked");
            });
        })
        .join()
        .unwrap();
    }

    #[test]
    fn outside_any_runtime_the_future_comes_back() {
        thread::spawn(|| {
            assert!(spawn(Box::pin(async {})).is_err());
            assert!(!REFUSED.get(), "it was asked, and panicked");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_worker_has_64_places_for_each_kind_of_detached_runs() {
        for (kind, other) in [
            (Kind::HandOver, Kind::Refresh),
            (Kind::Refresh, Kind::HandOver),
        ] {
            let claim = || DetachedPermit::claim(kind);
            let places: Vec<_> = (0..64).map(|_| claim().unwrap()).collect();
            assert!(claim().is_none() && !DetachedPermit::is_free(kind));
            assert!(
                DetachedPermit::claim(other).is_some(),
                "{other:?} has its own"
            );
            drop(places);
            assert!(claim().is_some());
        }
    }

    #[test]
    fn places_are_counted_by_worker() {
        let claim = || DetachedPermit::claim(Kind::HandOver);
        let _here: Vec<_> = (0..64).map(|_| claim().unwrap()).collect();
        let elsewhere = thread::spawn(move || claim().is_some());
        assert!(elsewhere.join().unwrap());
    }
}
