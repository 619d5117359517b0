use crate::{remote::bus::liveness::BusLiveness, time::moment::Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    Timestamp::default().after(Duration::from_secs(seconds))
}

#[derive(Clone, Debug)]
enum Heard {
    Beat(u64),
    Gap,
}

fn heard() -> impl Strategy<Value = Heard> {
    prop_oneof![(0..9u64).prop_map(Heard::Beat), Just(Heard::Gap)]
}

proptest! {
    /// Told second by second what was heard; a beat comes back after so many seconds.
    #[test]
    fn what_may_have_missed_something_for_longer_than_a_silence_is_not_trusted(
        story in proptest::collection::vec(proptest::option::of(heard()), 0..40),
        checked in 0..40u64,
    ) {
        let hearing = BusLiveness::silent(Duration::from_secs(5));
        let (mut proven, mut gap) = (0, 0);
        let mut now = 0;
        for event in story {
            now += 1;
            match event {
                Some(Heard::Beat(late)) => {
                    let sent = now.max(late) - late;
                    hearing.hear(at(sent));
                    proven = proven.max(sent);
                }
                Some(Heard::Gap) => {
                    hearing.miss(at(now));
                    gap = now;
                }
                None => {}
            }
            let trusted = hearing.trusts(at(checked), at(now));
            // Nothing that was told up to `proven` can be unknown to what was checked since the gap.
            let complete = if checked >= gap { proven.max(checked) } else { checked };
            prop_assert!(!trusted || now.saturating_sub(complete) <= 5);
            let fresh = now.saturating_sub(proven) <= 5;
            prop_assert_eq!(trusted, if fresh { checked >= gap } else { checked + 5 >= now });
        }
    }
}
