//! Tasks for futures that are not `Send` and outlive their request, on this worker.

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

/// Boxed future that stays on its thread.
pub(crate) type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs `future` as a task of its own on this thread.
///
/// Where no local runtime can run it, the future is returned unpolled: outside a runtime, in a plain
/// `#[tokio::test]`, while the thread is unwinding.
pub(crate) fn spawn(future: LocalBoxFuture<()>) -> Result<(), LocalBoxFuture<()>> {
    if !can_spawn() {
        return Err(future);
    }
    // `spawn_local` panics without a local runtime. That is excluded except for a future that is blocked on
    // inside a task; the cell keeps it out of reach of that panic.
    let cell = Rc::new(Cell::new(Some(future)));
    let in_task = Rc::clone(&cell);
    let task = async move {
        if let Some(future) = in_task.take() {
            future.await;
        }
    };
    let spawned = panic::catch_unwind(AssertUnwindSafe(|| {
        task::spawn_local(task);
    }));
    match (spawned, cell.take()) {
        (Err(_), Some(future)) => {
            HAS_PANICKED.set(true);
            Err(future)
        }
        (_, future) => {
            cell.set(future);
            Ok(())
        }
    }
}

thread_local! {
    /// True after a panic of `spawn_local` on this thread: it is not called again, since each panic runs
    /// the panic hook, which prints.
    static HAS_PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether a local runtime can run a future here, without a panic.
///
/// A task of a runtime with one thread belongs to a local runtime: a server's worker, with or without a
/// `System`, or a `LocalSet`; unless it was spawned as `Send`, as only callers of values are. Workers of a
/// runtime with several threads cannot run it. The future that a runtime blocks on is no task; there a live
/// `System` is the sign, and in a bare `LocalSet` there is none.
pub(crate) fn can_spawn() -> bool {
    if thread::panicking() || HAS_PANICKED.get() {
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

/// Returns whether a `System` is alive on this thread: one that has ended stays registered, and its arbiter
/// accepts no futures.
fn has_system() -> bool {
    System::try_current().is_some_and(|system| system.arbiter().spawn(ready(())))
}

/// Maximum number of detached runs of each kind on a worker.
const MAX_DETACHED: usize = 64;

/// Kinds of detached runs, which no client waits for. Each has a limit of its own, so that one cannot block
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Run, or copy of a body, whose client has left or was answered otherwise.
    HandOver,
    /// Refresh in the background.
    Refresh,
}

thread_local! {
    static DETACHED: [Cell<usize>; 2] = const { [Cell::new(0), Cell::new(0)] };
}

/// Permit for a detached run on this worker. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct DetachedPermit {
    kind: Kind,
    /// The count belongs to this thread.
    _here: PhantomData<*const ()>,
}

impl DetachedPermit {
    /// Returns whether a permit of this kind is left.
    pub(crate) fn is_free(kind: Kind) -> bool {
        DETACHED.with(|taken| taken[kind as usize].get()) < MAX_DETACHED
    }

    /// Takes a permit, unless all 64 of this kind are taken on this worker.
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
        // A runtime may drop its tasks after the thread's locals; then the count is gone as well.
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
        let (done, is_done) = oneshot::channel();
        let spawned = spawn(Box::pin(async { done.send(7).unwrap() }));
        assert!(spawned.is_ok());
        assert_eq!(is_done.await, Ok(7));
    }

    #[test]
    fn a_task_of_a_local_set_without_a_system_spawns_a_future() {
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            LocalSet::new().block_on(&runtime.unwrap(), async {
                let request = task::spawn_local(async {
                    let (done, is_done) = oneshot::channel();
                    assert!(spawn(Box::pin(async { done.send(7).unwrap() })).is_ok());
                    assert_eq!(is_done.await, Ok(7));
                });
                request.await.unwrap();
            });
        })
        .join()
        .unwrap();
    }

    #[tokio::test]
    async fn outside_a_local_runtime_the_future_is_returned_unpolled() {
        let (done, mut is_done) = oneshot::channel();
        let returned = spawn(Box::pin(async { done.send(7).unwrap() })).unwrap_err();
        assert!(is_done.try_recv().is_err());
        returned.await;
        assert_eq!(is_done.await, Ok(7));
    }

    fn assert_cannot_spawn_in_a_plain_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            assert!(!can_spawn());
            assert!(spawn(Box::pin(async {})).is_err());
            assert!(!HAS_PANICKED.get(), "`spawn_local` was called and panicked");
        });
    }

    #[test]
    fn a_thread_without_a_local_runtime_is_detected_without_a_panic() {
        thread::spawn(|| {
            assert_cannot_spawn_in_a_plain_runtime();
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
            System::new().block_on(async { assert!(can_spawn()) });
            assert!(System::is_registered(), "it stays registered");
            assert_cannot_spawn_in_a_plain_runtime();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn outside_any_runtime_the_future_is_returned() {
        thread::spawn(|| {
            assert!(spawn(Box::pin(async {})).is_err());
            assert!(!HAS_PANICKED.get(), "`spawn_local` was called and panicked");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_worker_has_64_permits_for_each_kind_of_detached_runs() {
        for (kind, other) in [
            (Kind::HandOver, Kind::Refresh),
            (Kind::Refresh, Kind::HandOver),
        ] {
            let claim = || DetachedPermit::claim(kind);
            let permits: Vec<_> = (0..64).map(|_| claim().unwrap()).collect();
            assert!(claim().is_none() && !DetachedPermit::is_free(kind));
            assert!(
                DetachedPermit::claim(other).is_some(),
                "{other:?} has permits of its own"
            );
            drop(permits);
            assert!(claim().is_some());
        }
    }

    #[test]
    fn permits_are_counted_by_worker() {
        let claim = || DetachedPermit::claim(Kind::HandOver);
        let _here: Vec<_> = (0..64).map(|_| claim().unwrap()).collect();
        let elsewhere = thread::spawn(move || claim().is_some());
        assert!(elsewhere.join().unwrap());
    }
}
