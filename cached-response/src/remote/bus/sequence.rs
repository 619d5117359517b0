//! Sequence numbers of the other processes on the bus: a missing number is a gap.

use crate::time::moment::Timestamp;
use std::{collections::HashMap, time::Duration};

/// Senders of which a message was received since the subscription started, with the number of the last
/// one.
#[derive(Debug)]
pub(crate) struct PeerSequences {
    subscribed_at: Timestamp,
    last: HashMap<u64, LastMessage>,
    /// True after an eviction: from then on no sender is known to be new.
    has_evicted: bool,
}

#[derive(Clone, Copy, Debug)]
struct LastMessage {
    number: u64,
    received_at: Timestamp,
}

/// Order of a message among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// No message before it is missing.
    Complete,
    /// A message before it may be missing.
    Gap,
}

/// Maximum number of senders that are remembered.
const MAX_SENDERS: usize = 1024;

/// Time after the subscription in which every running process has sent a heartbeat.
const INTRODUCTION_PERIOD: Duration = Duration::from_secs(3);

impl PeerSequences {
    /// Creates the empty state of a subscription that started then.
    pub(crate) fn new(subscribed_at: Timestamp) -> Self {
        Self {
            subscribed_at,
            last: HashMap::new(),
            has_evicted: false,
        }
    }

    /// Records a message. A late or repeated one is no gap: its gap was reported at the message after it.
    pub(crate) fn record(&mut self, sender: u64, number: u64, now: Timestamp) -> Order {
        let Some(last) = self.last.get_mut(&sender) else {
            return self.record_first(sender, number, now);
        };
        let is_complete = number.saturating_sub(1) <= last.number;
        last.number = last.number.max(number);
        last.received_at = now;
        if is_complete {
            Order::Complete
        } else {
            Order::Gap
        }
    }

    /// Records the first message of a sender, or of one that was evicted.
    fn record_first(&mut self, sender: u64, number: u64, now: Timestamp) -> Order {
        let is_introduction =
            !self.has_evicted && now.since(self.subscribed_at) <= INTRODUCTION_PERIOD;
        if self.last.len() >= MAX_SENDERS {
            self.evict_one();
        }
        self.last.insert(
            sender,
            LastMessage {
                number,
                received_at: now,
            },
        );
        if number <= 1 || is_introduction {
            return Order::Complete;
        }
        Order::Gap
    }

    /// Evicts the sender that was silent for the longest time.
    fn evict_one(&mut self) {
        let oldest = self.last.iter().min_by_key(|(_, last)| last.received_at);
        if let Some(sender) = oldest.map(|(sender, _)| *sender) {
            self.last.remove(&sender);
            self.has_evicted = true;
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
    fn a_missing_number_is_one_gap() {
        let mut peers = PeerSequences::new(at(0));
        for (number, order) in [
            (7, Complete),
            (8, Complete),
            (10, Gap),
            (11, Complete),
            (11, Complete),
            (9, Complete),
            (12, Complete),
            (u64::MAX, Gap),
            (0, Complete),
        ] {
            assert_eq!(peers.record(1, number, at(1)), order, "{number}");
        }
    }

    #[test]
    fn each_sender_has_its_own_numbers() {
        let mut peers = PeerSequences::new(at(0));
        for (sender, number, order) in [
            (1, 7, Complete),
            (2, 3, Complete),
            (1, 8, Complete),
            (2, 5, Gap),
        ] {
            assert_eq!(peers.record(sender, number, at(1)), order);
        }
    }

    #[test]
    fn a_sender_that_appears_late_must_be_new() {
        for (number, now, order) in [
            (1, 9, Complete),
            (2, 9, Gap),
            (2, 8, Complete),
            (1, 5, Complete),
        ] {
            let mut peers = PeerSequences::new(at(5));
            assert_eq!(peers.record(1, number, at(now)), order, "{number} at {now}");
        }
    }

    #[test]
    fn an_evicted_sender_is_a_gap() {
        let mut peers = PeerSequences::new(at(0));
        for sender in 0..=1024 {
            let now = at(u64::from(sender > 3));
            assert_eq!(peers.record(sender, 7, now), Complete);
            assert!(peers.last.len() <= MAX_SENDERS);
        }
        let known = peers.last.clone();
        let evicted = (0..=3).find(|sender| !known.contains_key(sender)).unwrap();
        assert_eq!(peers.record(evicted, 8, at(1)), Gap);
        assert_eq!(peers.record(5, 8, at(1)), Complete);
    }

    proptest! {
        #[test]
        fn each_lost_message_is_a_gap(
            first in 1..5u64,
            lost in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut peers = PeerSequences::new(at(0));
            prop_assert_eq!(peers.record(1, first, at(1)), Complete);
            let mut before = false;
            for (number, lost) in (first + 1..).zip(lost) {
                if !lost {
                    let order = peers.record(1, number, at(9));
                    prop_assert_eq!(order, if before { Gap } else { Complete });
                }
                before = lost;
            }
        }
    }
}
