use super::{
    CallOutcome::{Failure, Success},
    *,
};
use proptest::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Index of the call that opens the breaker, of calls that end at once.
fn calls_until_open(outcomes: impl IntoIterator<Item = (u64, CallOutcome)>) -> Option<usize> {
    let mut breaker = Breaker::new();
    outcomes.into_iter().position(|(at, outcome)| {
        let permit = breaker.permit().unwrap();
        breaker.record(permit, outcome, ms(at), || 0) == Transition::Opened
    })
}

/// Breaker that opened at zero.
fn open(random: u64) -> Breaker {
    let mut breaker = Breaker::new();
    let permit = breaker.permit().unwrap();
    for _ in 0..3 {
        let _ = breaker.record(permit, Failure, ms(0), || random);
    }
    assert!(breaker.is_open());
    breaker
}

#[test]
fn three_failures_in_a_row_open_it() {
    let hours = 3_600_000;
    let failures = (0..).map(|n| (n * hours, Failure));
    assert_eq!(calls_until_open(failures.take(5)), Some(2));
}

#[test]
fn a_success_between_failures_keeps_it_closed() {
    let third = |n| if n % 3 == 2 { Success } else { Failure };
    let calls = (0..99).map(|n| (n * 60, third(n)));
    assert_eq!(calls_until_open(calls), None, "17 calls in a second");
}

#[test]
fn half_of_twenty_within_a_second_open_it() {
    let second = |n| if n % 2 == 1 { Success } else { Failure };
    let calls = (0..99).map(|n| (n * 40, second(n)));
    assert_eq!(calls_until_open(calls), Some(19));
}

#[test]
fn no_call_is_permitted_while_it_is_open() {
    let mut breaker = open(0);
    assert_eq!(breaker.permit(), None);
    let probe = breaker.permit_probe(ms(250), 0).unwrap();
    assert_eq!(breaker.permit(), None, "nor while a probe runs");
    assert_eq!(breaker.record_probe(probe, Failure), Transition::None);
    assert_eq!(breaker.permit(), None, "nor after a probe that failed");
}

#[test]
fn probe_delays_double_up_to_a_second() {
    let mut breaker = open(0);
    for due in [250, 750, 1_750, 2_750, 3_750] {
        assert_eq!(breaker.until_probe(ms(due - 1)), Some(ms(1)));
        assert_eq!(
            breaker.permit_probe(ms(due - 1), 0),
            None,
            "too early for {due}"
        );
        let probe = breaker.permit_probe(ms(due), 0).unwrap();
        assert_eq!(breaker.until_probe(ms(due)), None);
        assert_eq!(breaker.permit_probe(ms(due), 0), None, "one at a time");
        assert_eq!(breaker.record_probe(probe, Failure), Transition::None);
    }
}

#[test]
fn a_long_probe_is_followed_by_the_next_at_once() {
    let mut breaker = open(0);
    let probe = breaker.permit_probe(ms(250), 0).unwrap();
    let _ = breaker.record_probe(probe, Failure);
    assert_eq!(breaker.until_probe(ms(800)), Some(ms(0)));
    assert!(breaker.permit_probe(ms(800), 0).is_some());
}

#[test]
fn a_successful_probe_closes_it_and_resets_its_counts() {
    let mut breaker = open(0);
    let probe = breaker.permit_probe(ms(250), 0).unwrap();
    assert_eq!(breaker.record_probe(probe, Success), Transition::Closed);
    let permit = breaker.permit().unwrap();
    for _ in 0..2 {
        assert_eq!(
            breaker.record(permit, Failure, ms(250), || 0),
            Transition::None
        );
    }
    assert_eq!(
        breaker.record(permit, Failure, ms(250), || 0),
        Transition::Opened
    );
    assert_eq!(
        breaker.until_probe(ms(250)),
        Some(ms(250)),
        "from the first delay"
    );
}

#[test]
fn jitter_shortens_a_delay_by_a_fifth_at_most() {
    assert_eq!(open(500).until_probe(ms(0)), Some(ms(225)));
    assert!(open(999).until_probe(ms(0)).unwrap() > ms(200));
    assert!(open(u64::MAX).until_probe(ms(0)).unwrap() > ms(200));
}

#[test]
fn outcomes_of_calls_from_before_a_change_are_ignored() {
    let mut breaker = Breaker::new();
    let early = breaker.permit().unwrap();
    for _ in 0..3 {
        let permit = breaker.permit().unwrap();
        let _ = breaker.record(permit, Failure, ms(0), || 0);
    }
    assert_eq!(
        breaker.record(early, Success, ms(1), || 0),
        Transition::None
    );
    assert!(breaker.is_open(), "an old success does not close it");
    let probe = breaker.permit_probe(ms(250), 0).unwrap();
    let _ = breaker.record_probe(probe, Success);
    for _ in 0..30 {
        assert_eq!(
            breaker.record(early, Failure, ms(251), || 0),
            Transition::None
        );
    }
    assert!(!breaker.is_open(), "old failures do not open it");
}

#[derive(Clone, Debug)]
enum Step {
    Begin,
    End(prop::sample::Index, bool),
    Probe,
    Probed(bool),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Begin),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(i, ok)| Step::End(i, ok)),
        2 => Just(Step::Probe),
        2 => any::<bool>().prop_map(Step::Probed),
        1 => (0u64..600).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..200)
}

fn outcome(ok: bool) -> CallOutcome {
    if ok { Success } else { Failure }
}

proptest! {
    /// Calls with any outcomes, which end in any order.
    #[test]
    fn only_failures_open_it_and_only_probes_close_it(steps in steps()) {
        let (mut breaker, mut now) = (Breaker::new(), ms(0));
        let (mut under_way, mut probe) = (Vec::new(), None);
        for step in steps {
            let was_open = breaker.is_open();
            let mut transition = Transition::None;
            match step {
                Step::Wait(millis) => now += ms(millis),
                Step::Begin => {
                    prop_assert_eq!(breaker.permit().is_none(), was_open);
                    under_way.extend(breaker.permit());
                }
                Step::End(index, ok) if !under_way.is_empty() => {
                    let permit = under_way.swap_remove(index.index(under_way.len()));
                    transition = breaker.record(permit, outcome(ok), now, || 0);
                    prop_assert!(transition != Transition::Closed);
                }
                Step::Probe => {
                    let permitted = breaker.permit_probe(now, 0);
                    prop_assert!(permitted.is_none() || (was_open && probe.is_none()));
                    probe = probe.or(permitted);
                }
                Step::Probed(ok) => if let Some(probe) = probe.take() {
                    transition = breaker.record_probe(probe, outcome(ok));
                    prop_assert_eq!(transition == Transition::Closed, ok);
                },
                Step::End(..) => {}
            }
            prop_assert_eq!(breaker.is_open() != was_open, transition != Transition::None);
            prop_assert_eq!(breaker.is_open(), (was_open || transition == Transition::Opened) && transition != Transition::Closed);
            let until_probe = breaker.until_probe(now);
            prop_assert_eq!(until_probe.is_some(), breaker.is_open() && probe.is_none());
            prop_assert!(until_probe.is_none_or(|delay| delay <= MAX_PROBE_DELAY));
        }
    }
}

fn window_is_half_failed(calls: &[(u64, bool)]) -> bool {
    let mut window = RollingWindow::default();
    for &(millis, failed) in calls {
        window.record(Duration::from_millis(millis), failed);
    }
    window.is_half_failed()
}

#[test]
fn half_of_twenty_calls_reach_the_failure_rate() {
    let half = |n: u64| (0..n).map(|n| (n, n % 2 == 0)).collect::<Vec<_>>();
    assert!(
        !window_is_half_failed(&half(19)),
        "too few, though more than half"
    );
    assert!(window_is_half_failed(&half(20)));
    let mut fewer = half(20);
    fewer[0].1 = false;
    assert!(!window_is_half_failed(&fewer), "9 of 20");
}

#[test]
fn calls_older_than_a_second_do_not_count() {
    let at = |last| {
        let mut calls = vec![(50, true); 19];
        calls.push((last, true));
        window_is_half_failed(&calls)
    };
    assert!(at(999));
    assert!(!at(1_000));
    assert!(!at(u64::MAX));
}

proptest! {
    #[test]
    fn the_window_counts_as_a_list_of_the_last_ten_buckets_does(
        steps in prop::collection::vec((0u64..400, any::<bool>()), 1..120),
    ) {
        let (mut now, mut calls) = (0, Vec::new());
        let mut window = RollingWindow::default();
        for (step, failed) in steps {
            // Most calls are close to one another, or the minimum would never be reached.
            now += step / 8;
            calls.push((now / 100, failed));
            window.record(Duration::from_millis(now), failed);
            let last = calls.iter().filter(|(tenth, _)| tenth + 10 > now / 100);
            let (all, bad) = last.fold((0, 0), |(all, bad), (_, failed)| {
                (all + 1, bad + u32::from(*failed))
            });
            prop_assert_eq!(window.is_half_failed(), all >= 20 && bad * 2 >= all);
        }
    }
}
