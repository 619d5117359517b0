//! Time budget of one request for all of its calls to the remote store.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Upper bound of every budget.
const MAX_BUDGET: Duration = Duration::from_secs(24 * 60 * 60);

/// Time that the calls of one request may take together. Only the time in which a call is awaited is
/// charged; concurrent calls are charged each.
///
/// It is measured on the machine's clock and not on the cache's: no test clock moves a remote store.
#[derive(Debug)]
pub(crate) struct Budget {
    total: Duration,
    spent_nanos: AtomicU64,
}

impl Budget {
    pub(crate) fn new(total: Duration) -> Self {
        Self {
            total: total.min(MAX_BUDGET),
            spent_nanos: AtomicU64::new(0),
        }
    }

    /// Returns the time that has not been spent yet.
    pub(crate) fn remaining(&self) -> Duration {
        let spent = Duration::from_nanos(self.spent_nanos.load(Relaxed));
        self.total.saturating_sub(spent)
    }

    /// Starts to charge time until the guard is dropped; `None` if the budget is used up.
    pub(crate) fn charge(&self) -> Option<BudgetGuard<'_>> {
        let remaining = self.remaining();
        (!remaining.is_zero()).then(|| BudgetGuard {
            budget: self,
            started_at: Instant::now(),
            ended_at: None,
            remaining,
        })
    }
}

/// Call that is being awaited at the expense of a budget.
#[derive(Debug)]
pub(crate) struct BudgetGuard<'a> {
    budget: &'a Budget,
    started_at: Instant,
    ended_at: Option<Instant>,
    remaining: Duration,
}

impl BudgetGuard<'_> {
    pub(crate) fn started_at(&self) -> Instant {
        self.started_at
    }

    /// Returns the time that the call may take.
    pub(crate) fn remaining(&self) -> Duration {
        self.remaining
    }

    /// Sets the end of the call to a clock reading that the caller has already.
    pub(crate) fn end(&mut self, now: Instant) {
        self.ended_at = Some(now);
    }

    /// Returns whether a timeout of this call says anything about the store: the call started with at
    /// least half of the budget.
    pub(crate) fn is_fair(&self) -> bool {
        self.remaining >= self.budget.total / 2
    }
}

impl Drop for BudgetGuard<'_> {
    fn drop(&mut self) {
        let ended_at = self.ended_at.unwrap_or_else(Instant::now);
        let spent = ended_at.saturating_duration_since(self.started_at);
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let sum = |before: u64| Some(before.saturating_add(spent));
        // A plain count: it orders no other memory.
        let _ = self.budget.spent_nanos.fetch_update(Relaxed, Relaxed, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(total: Duration, spent: Duration) -> Budget {
        let budget = Budget::new(total);
        let nanos = u64::try_from(spent.as_nanos()).unwrap();
        budget.spent_nanos.store(nanos, Relaxed);
        budget
    }

    #[test]
    fn time_in_calls_is_spent_and_time_between_them_is_not() {
        let budget = Budget::new(Duration::from_secs(3_600));
        assert_eq!(budget.remaining(), Duration::from_secs(3_600));
        let mut before = budget.remaining();
        for _ in 0..2 {
            let guard = budget.charge().unwrap();
            assert_eq!(budget.remaining(), before);
            while guard.started_at.elapsed().is_zero() {}
            drop(guard);
            assert!(budget.remaining() < before);
            before = budget.remaining();
        }
    }

    #[test]
    fn no_call_starts_when_the_budget_is_used_up() {
        let second = Duration::from_secs(1);
        let nearly = spent(second, Duration::from_nanos(999_999_999));
        assert!(nearly.charge().is_some());
        assert!(spent(second, second).charge().is_none());
        assert!(spent(second, second * 2).charge().is_none());
        assert!(Budget::new(Duration::ZERO).charge().is_none());
    }

    #[test]
    fn a_call_with_half_of_the_budget_has_a_fair_time() {
        let ms = Duration::from_millis;
        assert!(spent(ms(50), ms(25)).charge().unwrap().is_fair());
        assert!(!spent(ms(50), ms(26)).charge().unwrap().is_fair());
    }

    #[test]
    fn no_budget_overflows_the_clock() {
        let budget = Budget::new(Duration::MAX);
        let end = Instant::now().checked_add(budget.charge().unwrap().remaining());
        assert!(end.unwrap() > Instant::now());
    }
}
