//! Locks and atomics.
//!
//! Coalescing, the generations and the bus import all shared state from here, so that their source can be
//! compiled unchanged against the types of a model checker.

use std::sync::{MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicU64, Ordering},
};

/// Hasher with a random seed: clients cannot choose keys or names that collide.
pub(crate) use foldhash::quality::RandomState;

/// Hasher with a fixed seed, for stripes: two names that share one cost a run, and no more.
pub(crate) use foldhash::quality::FixedState;

/// Number of stripes for the tags of handlers; a model checker has fewer.
///
/// An invalidation of another tag in the same stripe prevents that a run is stored, which costs one more run.
/// Stored responses depend on the whole tag.
pub(crate) const STRIPES: usize = 64;

/// Number of stripes for the names of invalidations, see [`LastBumps`](crate::invalidation::registry::LastBumps).
pub(crate) const NAME_STRIPES: usize = 1024;

/// Locks a mutex although it is poisoned, for data that a panic cannot leave inconsistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading, as [`lock`] does.
pub(crate) fn read<T>(shared: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    shared.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing, as [`lock`] does.
pub(crate) fn write<T>(shared: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    shared.write().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test; a model checker runs it once for each order of its steps.
#[cfg(test)]
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    test();
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::{Mutex, RwLock, lock, read, write};

    #[test]
    fn a_poisoned_lock_is_locked_all_the_same() {
        let mutex = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock(&mutex);
            resume_unwind(Box::new("with the lock held"))
        }));
        assert!(panicked.is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
        let shared = RwLock::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = write(&shared);
            resume_unwind(Box::new("with the lock held"))
        }));
        assert!(panicked.is_err() && shared.is_poisoned());
        *write(&shared) += 1;
        assert_eq!(*read(&shared), 2);
    }
}
