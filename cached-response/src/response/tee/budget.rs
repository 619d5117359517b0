//! The memory that all copies of a process share.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

/// What copies under way and unread tails may hold together, unless it is set.
const DEFAULT: usize = 32 * 1024 * 1024;

/// A bound, in bytes, on what streamed bodies may keep in memory on their way.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            used: AtomicUsize::new(0),
        }
    }

    /// The one that every cache of this process uses: 32 MiB.
    pub(crate) fn of_the_process() -> &'static Arc<Self> {
        static BUDGET: LazyLock<Arc<Budget>> = LazyLock::new(|| Arc::new(Budget::new(DEFAULT)));
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

/// What one body holds of the budget. Dropping it gives everything back.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more, or nothing where there is no room for them.
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

    /// Gives back `bytes`, or as many as there are.
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
    fn shares_are_refused_past_the_bound_and_given_back_on_drop() {
        let budget = Arc::new(Budget::new(10));
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
        let budget = Arc::new(Budget::new(usize::MAX));
        let mut share = budget.share();
        assert!(share.grow(1));
        assert!(!share.grow(usize::MAX));
        assert_eq!(budget.used(), 1);
    }
}
