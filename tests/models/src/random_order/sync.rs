//! shuttle's types under the names that the collapse asks for.

use std::hash::{BuildHasherDefault, DefaultHasher};

use shuttle::sync::MutexGuard;

pub(crate) use shuttle::sync::{Arc, Mutex};

/// Without a seed: an order of steps must lead to the same place each time.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, 10);
}
