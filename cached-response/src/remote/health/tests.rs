use super::*;
use crate::store::error::StoreError;

fn failed(kind: StoreErrorKind) -> Fault {
    Fault::Failed(StoreError::new(kind, "for a test"))
}

/// Whether so many calls that come to this open the breaker.
fn opens(calls: usize, fault: &Fault, is_fair: bool) -> bool {
    let health = Health::new();
    let pass = health.pass().unwrap();
    for _ in 0..calls {
        health.settle(pass, Some(fault), is_fair, Instant::now());
    }
    health.is_open()
}

#[test]
fn a_store_that_fails_is_not_well() {
    for kind in [
        StoreErrorKind::Unreachable,
        StoreErrorKind::Timeout,
        StoreErrorKind::Protocol,
        StoreErrorKind::InvalidAddress,
    ] {
        assert!(opens(3, &failed(kind), true), "{}", kind.as_str());
        assert!(opens(3, &failed(kind), false), "{}", kind.as_str());
    }
    assert!(opens(3, &Fault::Slow, true));
}

#[test]
fn a_store_that_refuses_still_answers() {
    assert!(!opens(99, &failed(StoreErrorKind::Refused), true));
}

#[test]
fn a_call_that_came_late_in_its_budget_accuses_nobody() {
    assert!(!opens(99, &Fault::Slow, false));
}

#[test]
fn each_fault_is_counted_and_each_opening_once() {
    let health = Health::new();
    let pass = health.pass().unwrap();
    for fault in [
        Fault::Slow,
        failed(StoreErrorKind::Protocol),
        failed(StoreErrorKind::Protocol),
        failed(StoreErrorKind::Refused),
        Fault::Slow,
    ] {
        health.settle(pass, Some(&fault), true, Instant::now());
    }
    let stats = health.tally().read();
    assert_eq!((stats.slow, stats.opened), (2, 1));
    assert_eq!(stats.failed(StoreErrorKind::Protocol), 2);
    assert_eq!(stats.failed(StoreErrorKind::Refused), 1);
}
