//! The memory budget that all copies of a process share.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

/// The budget for copies in progress and unread chunks, in bytes, unless it is set.
const DEFAULT_BYTES: usize = 32 * 1024 * 1024;

/// A bound, in bytes, on the memory of streamed bodies that are being sent.
#[derive(Debug)]
pub(crate) struct CopyBudget {
    bytes: usize,
    used: AtomicUsize,
}

impl CopyBudget {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            used: AtomicUsize::new(0),
        }
    }

    /// The budget of all caches of this process: 32 MiB.
    pub(crate) fn of_the_process() -> &'static Arc<Self> {
        static BUDGET: LazyLock<Arc<CopyBudget>> =
            LazyLock::new(|| Arc::new(CopyBudget::new(DEFAULT_BYTES)));
        &BUDGET
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A share of the budget, empty at first.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// The share of one body in the budget, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<CopyBudget>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more; returns false where there is no room for them.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let limit = self.budget.bytes;
        let grown = |used: usize| used.checked_add(bytes).filter(|used| *used <= limit);
        let taken = self
            .budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    /// Returns `bytes` to the budget, or as many as it has.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_refused_past_the_bound_and_returned_on_drop() {
        let budget = Arc::new(CopyBudget::new(10));
        let mut one = budget.share();
        let mut two = budget.share();
        assert!(one.grow(6));
        assert!(!two.grow(5));
        assert!(two.grow(4));
        assert_eq!(budget.used(), 10);
        one.shrink(100);
        assert_eq!(budget.used(), 4);
        drop(two);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_share_that_would_overflow_is_refused() {
        let budget = Arc::new(CopyBudget::new(usize::MAX));
        let mut share = budget.share();
        assert!(share.grow(1));
        assert!(!share.grow(usize::MAX));
        assert_eq!(budget.used(), 1);
    }
}
