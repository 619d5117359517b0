//! The bytes that all copies share.

use crate::response::tee::CopyBudget;
use std::sync::Arc;

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
