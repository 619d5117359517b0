use super::{
    Outcome::{Failure, Success},
    *,
};
use proptest::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Calls that end at once, until one turns the breaker: how many it took.
fn calls_until_open(outcomes: impl IntoIterator<Item = (u64, Outcome)>) -> Option<usize> {
    let mut breaker = Breaker::new();
    outcomes.into_iter().position(|(at, outcome)| {
        let pass = breaker.pass().unwrap();
        breaker.record(pass, outcome, ms(at), || 0) == Turned::Open
    })
}

/// A breaker that opened at zero.
fn open(random: u64) -> Breaker {
    let mut breaker = Breaker::new();
    let pass = breaker.pass().unwrap();
    for _ in 0..3 {
        let _ = breaker.record(pass, Failure, ms(0), || random);
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
fn a_success_between_them_keeps_it_closed() {
    let third = |n| if n % 3 == 2 { Success } else { Failure };
    let calls = (0..99).map(|n| (n * 60, third(n)));
    assert_eq!(calls_until_open(calls), None, "17 in a second");
}

#[test]
fn half_of_twenty_within_a_second_open_it() {
    let second = |n| if n % 2 == 1 { Success } else { Failure };
    let calls = (0..99).map(|n| (n * 40, second(n)));
    assert_eq!(calls_until_open(calls), Some(19));
}

#[test]
fn nothing_goes_through_while_it_is_open() {
    let mut breaker = open(0);
    assert_eq!(breaker.pass(), None);
    let probe = breaker.probe(ms(250), 0).unwrap();
    assert_eq!(breaker.pass(), None, "nor while it is probed");
    assert_eq!(breaker.probed(probe, Failure), Turned::Not);
    assert_eq!(breaker.pass(), None, "nor after a probe that failed");
}

#[test]
fn probes_come_after_a_quarter_a_half_and_then_each_whole_second() {
    let mut breaker = open(0);
    for due in [250, 750, 1_750, 2_750, 3_750] {
        assert_eq!(breaker.rest(ms(due - 1)), Some(ms(1)));
        assert_eq!(breaker.probe(ms(due - 1), 0), None, "too early for {due}");
        let probe = breaker.probe(ms(due), 0).unwrap();
        assert_eq!(breaker.rest(ms(due)), None);
        assert_eq!(breaker.probe(ms(due), 0), None, "one at a time");
        assert_eq!(breaker.probed(probe, Failure), Turned::Not);
    }
}

#[test]
fn a_probe_that_took_long_is_followed_at_once() {
    let mut breaker = open(0);
    let probe = breaker.probe(ms(250), 0).unwrap();
    let _ = breaker.probed(probe, Failure);
    assert_eq!(breaker.rest(ms(800)), Some(ms(0)));
    assert!(breaker.probe(ms(800), 0).is_some());
}

#[test]
fn a_probe_that_succeeds_closes_it_and_all_is_forgotten() {
    let mut breaker = open(0);
    let probe = breaker.probe(ms(250), 0).unwrap();
    assert_eq!(breaker.probed(probe, Success), Turned::Closed);
    let pass = breaker.pass().unwrap();
    for _ in 0..2 {
        assert_eq!(breaker.record(pass, Failure, ms(250), || 0), Turned::Not);
    }
    assert_eq!(breaker.record(pass, Failure, ms(250), || 0), Turned::Open);
    assert_eq!(breaker.rest(ms(250)), Some(ms(250)), "from the first pause");
}

#[test]
fn chance_shortens_a_pause_by_a_fifth_at_most() {
    assert_eq!(open(500).rest(ms(0)), Some(ms(225)));
    assert!(open(999).rest(ms(0)).unwrap() > ms(200));
    assert!(open(u64::MAX).rest(ms(0)).unwrap() > ms(200));
}

#[test]
fn what_began_before_it_turned_tells_nothing() {
    let mut breaker = Breaker::new();
    let early = breaker.pass().unwrap();
    for _ in 0..3 {
        let pass = breaker.pass().unwrap();
        let _ = breaker.record(pass, Failure, ms(0), || 0);
    }
    assert_eq!(breaker.record(early, Success, ms(1), || 0), Turned::Not);
    assert!(breaker.is_open(), "an old success does not close it");
    let probe = breaker.probe(ms(250), 0).unwrap();
    let _ = breaker.probed(probe, Success);
    for _ in 0..30 {
        assert_eq!(breaker.record(early, Failure, ms(251), || 0), Turned::Not);
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

fn outcome(ok: bool) -> Outcome {
    if ok { Success } else { Failure }
}

proptest! {
    /// Whatever calls do, in whichever order they end.
    #[test]
    fn it_opens_by_failures_alone_and_closes_by_a_probe_alone(steps in steps()) {
        let (mut breaker, mut now) = (Breaker::new(), ms(0));
        let (mut under_way, mut probe) = (Vec::new(), None);
        for step in steps {
            let was_open = breaker.is_open();
            let mut turned = Turned::Not;
            match step {
                Step::Wait(millis) => now += ms(millis),
                Step::Begin => {
                    prop_assert_eq!(breaker.pass().is_none(), was_open);
                    under_way.extend(breaker.pass());
                }
                Step::End(index, ok) if !under_way.is_empty() => {
                    let pass = under_way.swap_remove(index.index(under_way.len()));
                    turned = breaker.record(pass, outcome(ok), now, || 0);
                    prop_assert!(turned != Turned::Closed);
                }
                Step::Probe => {
                    let leave = breaker.probe(now, 0);
                    prop_assert!(leave.is_none() || (was_open && probe.is_none()));
                    probe = probe.or(leave);
                }
                Step::Probed(ok) => if let Some(probe) = probe.take() {
                    turned = breaker.probed(probe, outcome(ok));
                    prop_assert_eq!(turned == Turned::Closed, ok);
                },
                Step::End(..) => {}
            }
            prop_assert_eq!(breaker.is_open() != was_open, turned != Turned::Not);
            prop_assert_eq!(breaker.is_open(), (was_open || turned == Turned::Open) && turned != Turned::Closed);
            let rest = breaker.rest(now);
            prop_assert_eq!(rest.is_some(), breaker.is_open() && probe.is_none());
            prop_assert!(rest.is_none_or(|rest| rest <= LONGEST_PAUSE));
        }
    }
}
