//! Shared handles whose count is one of the steps: loom has no weak ones.

use std::ops::Deref;
use std::sync;

use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// A strong handle. The shared value lives a little longer than its count, which no test observes.
#[derive(Debug)]
pub(crate) struct Arc<T: ?Sized>(sync::Arc<T>, Count);

/// A weak one.
#[derive(Debug)]
pub(crate) struct Weak<T: ?Sized>(sync::Arc<T>, Count);

type Count = sync::Arc<AtomicU64>;

impl<T: ?Sized> Arc<T> {
    fn first(shared: sync::Arc<T>) -> Self {
        Self(shared, sync::Arc::new(AtomicU64::new(1)))
    }

    pub(crate) fn ptr_eq(this: &Self, other: &Self) -> bool {
        sync::Arc::ptr_eq(&this.0, &other.0)
    }

    pub(crate) fn downgrade(this: &Self) -> Weak<T> {
        Weak(sync::Arc::clone(&this.0), sync::Arc::clone(&this.1))
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Self::first(sync::Arc::default())
    }
}

impl<T> Default for Arc<[T]> {
    fn default() -> Self {
        Self::first(sync::Arc::default())
    }
}

impl<T> FromIterator<T> for Arc<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::first(values.into_iter().collect())
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.1.fetch_add(1, Relaxed);
        Self(sync::Arc::clone(&self.0), sync::Arc::clone(&self.1))
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, AcqRel);
    }
}

impl<T: ?Sized> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        let one_more = |count| (count > 0).then(|| count + 1);
        let revived = self.1.fetch_update(Acquire, Relaxed, one_more);
        revived
            .ok()
            .map(|_| Arc(sync::Arc::clone(&self.0), sync::Arc::clone(&self.1)))
    }

    pub(crate) fn strong_count(&self) -> u64 {
        self.1.load(Relaxed)
    }
}
