use super::*;
use crate::testing::mock_store::{Behaviour, MockStore};

fn health() -> Arc<Health> {
    let (store, _events) = MockStore::new(Behaviour::Hang);
    Health::new(store, "the probe".into(), Vec::new())
}

fn failed(kind: StoreErrorKind) -> CallError {
    CallError::failed(kind, "for a test")
}

/// Returns whether so many calls with this error open the breaker.
fn opens(calls: usize, error: &CallError, is_fair: bool) -> bool {
    let health = health();
    let permit = health.permit().unwrap();
    for _ in 0..calls {
        health.settle(permit, Some(error), is_fair, Instant::now());
    }
    health.is_open()
}

#[test]
fn failures_open_the_breaker() {
    for kind in [
        StoreErrorKind::Unreachable,
        StoreErrorKind::Timeout,
        StoreErrorKind::Protocol,
        StoreErrorKind::InvalidAddress,
    ] {
        assert!(opens(3, &failed(kind), true), "{}", kind.as_str());
        assert!(opens(3, &failed(kind), false), "{}", kind.as_str());
    }
    assert!(opens(3, &CallError::Timeout, true));
}

#[test]
fn refusals_do_not_open_the_breaker() {
    assert!(!opens(99, &failed(StoreErrorKind::Refused), true));
}

#[test]
fn a_timeout_late_in_the_budget_does_not_count() {
    assert!(!opens(99, &CallError::Timeout, false));
}

#[test]
fn each_error_is_counted_and_each_opening_once() {
    let health = health();
    let permit = health.permit().unwrap();
    for error in [
        CallError::Timeout,
        failed(StoreErrorKind::Protocol),
        failed(StoreErrorKind::Protocol),
        failed(StoreErrorKind::Refused),
        CallError::Timeout,
    ] {
        health.settle(permit, Some(&error), true, Instant::now());
    }
    let stats = health.stats();
    assert_eq!((stats.slow, stats.opened), (2, 1));
    assert_eq!(stats.failed(StoreErrorKind::Protocol), 2);
    assert_eq!(stats.failed(StoreErrorKind::Refused), 1);
}
