//! How long one request may still wait for the remote store.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// No wait is longer, whatever the budget.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The time that all calls of one request may take together, in which it awaits them: what it does
/// between them costs nothing. Of calls that go on at the same time each costs its own.
///
/// It is the machine's time, not that of the cache's clock: a store is outside, where no clock is
/// turned by hand.
#[derive(Debug)]
pub(crate) struct Budget {
    budget: Duration,
    spent: AtomicU64,
}

impl Budget {
    pub(crate) fn new(budget: Duration) -> Self {
        Self {
            budget: budget.min(LONGEST),
            spent: AtomicU64::new(0),
        }
    }

    /// What has not been spent yet.
    pub(crate) fn left(&self) -> Duration {
        let spent = Duration::from_nanos(self.spent.load(Relaxed));
        self.budget.saturating_sub(spent)
    }

    /// Begins to spend, until this is dropped; `None` if nothing is left.
    pub(crate) fn spend(&self) -> Option<BudgetGuard<'_>> {
        let left = self.left();
        (!left.is_zero()).then(|| BudgetGuard {
            allowance: self,
            began: Instant::now(),
            ended: None,
            left,
        })
    }
}

/// A call that is being awaited.
#[derive(Debug)]
pub(crate) struct BudgetGuard<'a> {
    allowance: &'a Budget,
    began: Instant,
    ended: Option<Instant>,
    left: Duration,
}

impl BudgetGuard<'_> {
    /// When it began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// How long it may take.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// It has ended then: whoever knows need not look at the clock twice.
    pub(crate) fn end(&mut self, now: Instant) {
        self.ended = Some(now);
    }

    /// Whether a call that takes longer is slow. One that began with less than half of the budget has
    /// only come late.
    pub(crate) fn is_fair(&self) -> bool {
        self.left >= self.allowance.budget / 2
    }
}

impl Drop for BudgetGuard<'_> {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        let spent = ended.saturating_duration_since(self.began);
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let sum = |before: u64| Some(before.saturating_add(spent));
        // It orders nothing.
        let _ = self.allowance.spent.fetch_update(Relaxed, Relaxed, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(budget: Duration, spent: Duration) -> Budget {
        let allowance = Budget::new(budget);
        let nanos = u64::try_from(spent.as_nanos()).unwrap();
        allowance.spent.store(nanos, Relaxed);
        allowance
    }

    #[test]
    fn what_calls_take_is_spent_and_what_lies_between_them_is_not() {
        let allowance = Budget::new(Duration::from_secs(3_600));
        assert_eq!(allowance.left(), Duration::from_secs(3_600));
        let mut before = allowance.left();
        for _ in 0..2 {
            let spending = allowance.spend().unwrap();
            assert_eq!(allowance.left(), before);
            while spending.began.elapsed().is_zero() {}
            drop(spending);
            assert!(allowance.left() < before);
            before = allowance.left();
        }
    }

    #[test]
    fn nothing_begins_when_all_is_spent() {
        let second = Duration::from_secs(1);
        assert!(
            spent(second, Duration::from_nanos(999_999_999))
                .spend()
                .is_some()
        );
        assert!(spent(second, second).spend().is_none());
        assert!(spent(second, second * 2).spend().is_none());
        assert!(Budget::new(Duration::ZERO).spend().is_none());
    }

    #[test]
    fn a_call_with_half_of_the_budget_is_given_a_fair_time() {
        let ms = Duration::from_millis;
        assert!(spent(ms(50), ms(25)).spend().unwrap().is_fair());
        assert!(!spent(ms(50), ms(26)).spend().unwrap().is_fair());
    }

    #[test]
    fn no_budget_is_too_long_for_the_clock() {
        let allowance = Budget::new(Duration::MAX);
        let end = Instant::now().checked_add(allowance.spend().unwrap().left());
        assert!(end.unwrap() > Instant::now());
    }
}
