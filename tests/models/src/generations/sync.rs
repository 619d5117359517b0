//! loom's types under the names that the generations import.

use std::hash::{BuildHasherDefault, DefaultHasher};

use loom::sync::MutexGuard;

pub(crate) use loom::sync::Mutex;
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

pub(crate) use super::handles::{Arc, Weak};

/// Without a seed: an order of steps must lead to the same place each time.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

pub(crate) type FixedState = BuildHasherDefault<DefaultHasher>;

/// Smallest number that shows the effect of several.
pub(crate) const STRIPES: usize = 2;

pub(crate) const NAME_STRIPES: usize = 2;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    loom::model(test);
}
