use crate::{remote::bus::trust::BusLiveness, time::moment::Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    Timestamp::default().after(Duration::from_secs(seconds))
}

#[derive(Clone, Debug)]
enum Event {
    /// Heartbeat that is received after so many seconds.
    Heartbeat(u64),
    Gap,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![(0..9u64).prop_map(Event::Heartbeat), Just(Event::Gap)]
}

proptest! {
    /// One event or none in each second.
    #[test]
    fn a_response_that_may_have_missed_a_message_for_too_long_is_not_trusted(
        events in proptest::collection::vec(proptest::option::of(event()), 0..40),
        verified_at in 0..40u64,
    ) {
        let liveness = BusLiveness::silent(Duration::from_secs(5));
        let (mut proven, mut gap) = (0, 0);
        let mut now = 0;
        for event in events {
            now += 1;
            match event {
                Some(Event::Heartbeat(late)) => {
                    let sent = now.max(late) - late;
                    liveness.record_heartbeat(at(sent));
                    proven = proven.max(sent);
                }
                Some(Event::Gap) => {
                    liveness.record_gap(at(now));
                    gap = now;
                }
                None => {}
            }
            let trusted = liveness.trusts(at(verified_at), at(now));
            // A response that was verified since the gap has missed no message up to `proven`.
            let complete = if verified_at >= gap { proven.max(verified_at) } else { verified_at };
            prop_assert!(!trusted || now.saturating_sub(complete) <= 5);
            let fresh = now.saturating_sub(proven) <= 5;
            prop_assert_eq!(trusted, if fresh { verified_at >= gap } else { verified_at + 5 >= now });
        }
    }
}
