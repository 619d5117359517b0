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

#[test]
fn each_counter_is_read_into_its_own_field() {
    let counters = RemoteCounters::default();
    let plain = [
        CallEvent::Call,
        CallEvent::Slow,
        CallEvent::OverMaxCalls,
        CallEvent::Refused,
        CallEvent::Opened,
        CallEvent::Written,
        CallEvent::Dropped,
    ];
    for (times, count) in plain.into_iter().enumerate() {
        (0..=times).for_each(|_| counters.count(count));
    }
    let stats = counters.read();
    let read = [
        stats.calls,
        stats.slow,
        stats.over_max_calls,
        stats.refused,
        stats.opened,
        stats.written,
        stats.dropped,
    ];
    assert_eq!(read, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn failures_are_counted_by_kind() {
    let kinds = [
        (StoreErrorKind::Unreachable, 1),
        (StoreErrorKind::Timeout, 2),
        (StoreErrorKind::Refused, 3),
        (StoreErrorKind::Protocol, 4),
        (StoreErrorKind::InvalidAddress, 5),
    ];
    let counters = RemoteCounters::default();
    for (kind, times) in kinds {
        (0..times).for_each(|_| counters.count(CallEvent::Failed(kind)));
    }
    for (kind, times) in kinds {
        assert_eq!(counters.read().failed(kind), times, "{}", kind.as_str());
        assert_eq!(ERROR_KINDS[kind_index(kind)], kind.as_str());
    }
}

#[test]
fn each_warning_is_logged_once_a_second() {
    let warnings = Warnings::default();
    let due = |millis| warnings.is_due(Warning::Timeout, Duration::from_millis(millis));
    let logged: Vec<_> = [0, 1, 999, 1_000, 1_500, 1_999, 2_000].map(due).into();
    assert_eq!(logged, [true, false, false, true, false, false, true]);
}

#[test]
fn one_warning_does_not_suppress_another() {
    let warnings = Warnings::default();
    let kinds = [
        Warning::Timeout,
        Warning::Failed(StoreErrorKind::Timeout),
        Warning::Failed(StoreErrorKind::Refused),
        Warning::BreakerOpened,
    ];
    for kind in kinds {
        assert!(warnings.is_due(kind, Duration::ZERO), "{kind:?}");
    }
}
