//! The locks and counts of the collapse and the generations, named in one place.
//!
//! They take what they share between threads from here and from nowhere else, so that their source
//! can be compiled as it stands against the types of a model checker.

use std::sync::{MutexGuard, PoisonError};

pub(crate) use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicU64, Ordering},
};

/// Seeds the hash of a key or a name, so that nobody can choose some that meet.
pub(crate) use foldhash::quality::RandomState;

/// The counts of tags that handlers name, of which a model checker has fewer.
///
/// A run is overtaken by a tag that it does not have if the two share a count: it is not stored
/// then, which costs one run more. What is stored is told apart by the whole tag.
pub(crate) const STRIPES: usize = 64;

/// Locks, poisoned or not: for what a panic cannot leave half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test; a model checker runs it once for each order of its steps.
#[cfg(test)]
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    test();
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::{Mutex, lock};

    #[test]
    fn a_lock_that_a_panic_poisoned_is_taken_all_the_same() {
        let mutex = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock(&mutex);
            resume_unwind(Box::new("with the lock held"))
        }));
        assert!(panicked.is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
    }
}
