//! Who has spoken on the bus, and whether all that was said was heard.

use crate::time::moment::Timestamp;
use std::{collections::HashMap, time::Duration};

/// The senders that were heard since the subscription began, each with the number of its last
/// message.
#[derive(Debug)]
pub(crate) struct PeerSequences {
    subscribed: Timestamp,
    last: HashMap<u64, Last>,
    forgotten: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    number: u64,
    heard: Timestamp,
}

/// Whether all was heard that a sender has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Whole,
    Gap,
}

/// More are not known by their numbers at once.
const MOST: usize = 1024;

/// All who were there at the subscription have sent a beat by then.
const INTRODUCTION: Duration = Duration::from_secs(3);

impl PeerSequences {
    /// Nobody yet, of a subscription that began then.
    pub(crate) fn new(subscribed: Timestamp) -> Self {
        Self {
            subscribed,
            last: HashMap::new(),
            forgotten: false,
        }
    }

    /// A message was heard. One that comes late or twice leaves no gap: if it was missed, that was
    /// said at the one after it.
    pub(crate) fn hear(&mut self, sender: u64, number: u64, now: Timestamp) -> Order {
        let Some(last) = self.last.get_mut(&sender) else {
            return self.meet(sender, number, now);
        };
        let whole = number.saturating_sub(1) <= last.number;
        last.number = last.number.max(number);
        last.heard = now;
        if whole { Order::Whole } else { Order::Gap }
    }

    /// Somebody who speaks for the first time, unless it was forgotten: then nobody knows.
    fn meet(&mut self, sender: u64, number: u64, now: Timestamp) -> Order {
        let introduced = !self.forgotten && now.since(self.subscribed) <= INTRODUCTION;
        if self.last.len() >= MOST {
            self.forget_one();
        }
        self.last.insert(sender, Last { number, heard: now });
        if number <= 1 || introduced {
            return Order::Whole;
        }
        Order::Gap
    }

    /// The one that was silent for the longest time.
    fn forget_one(&mut self) {
        let oldest = self.last.iter().min_by_key(|(_, last)| last.heard);
        if let Some(sender) = oldest.map(|(sender, _)| *sender) {
            self.last.remove(&sender);
            self.forgotten = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order::*, *};
    use proptest::prelude::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_number_that_is_left_out_is_a_gap_and_only_once() {
        let mut senders = PeerSequences::new(at(0));
        for (number, order) in [
            (7, Whole),
            (8, Whole),
            (10, Gap),
            (11, Whole),
            (11, Whole),
            (9, Whole),
            (12, Whole),
            (u64::MAX, Gap),
            (0, Whole),
        ] {
            assert_eq!(senders.hear(1, number, at(1)), order, "{number}");
        }
    }

    #[test]
    fn each_sender_has_numbers_of_its_own() {
        let mut senders = PeerSequences::new(at(0));
        for (sender, number, order) in [(1, 7, Whole), (2, 3, Whole), (1, 8, Whole), (2, 5, Gap)] {
            assert_eq!(senders.hear(sender, number, at(1)), order);
        }
    }

    #[test]
    fn who_is_heard_late_for_the_first_time_must_be_new() {
        for (number, now, order) in [(1, 9, Whole), (2, 9, Gap), (2, 8, Whole), (1, 5, Whole)] {
            let mut senders = PeerSequences::new(at(5));
            assert_eq!(senders.hear(1, number, at(now)), order, "{number} at {now}");
        }
    }

    #[test]
    fn who_was_forgotten_leaves_a_gap() {
        let mut senders = PeerSequences::new(at(0));
        for sender in 0..=1024 {
            let now = at(u64::from(sender > 3));
            assert_eq!(senders.hear(sender, 7, now), Whole);
            assert!(senders.last.len() <= MOST);
        }
        let known = senders.last.clone();
        let forgotten = (0..=3).find(|sender| !known.contains_key(sender)).unwrap();
        assert_eq!(senders.hear(forgotten, 8, at(1)), Gap);
        assert_eq!(senders.hear(5, 8, at(1)), Whole);
    }

    proptest! {
        #[test]
        fn whatever_is_lost_on_the_way_is_a_gap(
            first in 1..5u64,
            lost in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut senders = PeerSequences::new(at(0));
            prop_assert_eq!(senders.hear(1, first, at(1)), Whole);
            let mut before = false;
            for (number, lost) in (first + 1..).zip(lost) {
                if !lost {
                    let order = senders.hear(1, number, at(9));
                    prop_assert_eq!(order, if before { Gap } else { Whole });
                }
                before = lost;
            }
        }
    }
}
