//! Subscriber: applies the invalidations of other processes, and receives the own heartbeats. A number that
//! is missing in the sequence of a sender is a gap.

use crate::{
    invalidation::{generations::Generations, scope::Bump},
    remote::bus::{
        publisher::{HeartbeatMonitor, Job},
        transport::{Message, Payload, Targets, Transport, catch_panic},
        trust::BusLiveness,
    },
    store::Subscription,
    time::{Clock, moment::Timestamp},
};
use actix_web::web::Bytes;
use futures_util::future::{Either, select};
use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};
use tokio::sync::mpsc::WeakUnboundedSender;

pub(crate) struct Subscriber {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Clock,
    pub(crate) monitor: Arc<HeartbeatMonitor>,
    pub(crate) liveness: Arc<BusLiveness>,
    pub(crate) generations: Arc<Generations>,
    pub(crate) jobs: WeakUnboundedSender<Job>,
}

/// Delay before the subscription is tried again after a failure, doubled each time.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

impl Subscriber {
    /// Subscribes, again after each end of the subscription.
    pub(crate) async fn run(self) {
        let mut delay = FIRST_RETRY_DELAY;
        loop {
            let subscription = catch_panic(async { self.transport.subscribe().await }).await;
            if let Ok(subscription) = subscription {
                delay = FIRST_RETRY_DELAY;
                self.receive(subscription).await;
            }
            // Not by the cache's clock, which a test may hold: the network's time goes on.
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(MAX_RETRY_DELAY);
        }
    }

    /// Handles the messages of one subscription until it ends.
    async fn receive(&self, mut subscription: Box<dyn Subscription>) {
        let now = self.clock.now();
        let mut peers = PeerSequences::new(now);
        // After the subscription has started.
        self.liveness.record_gap(now);
        self.request_heartbeat();
        while let Some(message) = self.next(&mut *subscription).await {
            self.handle(&message, &mut peers);
        }
        self.liveness.record_gap(self.clock.now());
    }

    /// Requests a heartbeat at once, so that liveness is known before the next interval.
    fn request_heartbeat(&self) {
        if let Some(jobs) = self.jobs.upgrade() {
            // Fails when the publisher has ended; this task ends with it.
            let _ = jobs.send(Job::Heartbeat);
        }
    }

    /// Returns the next message; `None` if the subscription has failed or its heartbeats are lost.
    async fn next(&self, subscription: &mut dyn Subscription) -> Option<Bytes> {
        let message = pin!(catch_panic(async { subscription.next().await }));
        let lost = pin!(self.monitor.lost());
        match select(message, lost).await {
            Either::Left((message, _)) => message.ok(),
            Either::Right(_) => None,
        }
    }

    fn handle(&self, message: &[u8], peers: &mut PeerSequences) {
        let now = self.clock.now();
        let Ok(message) = Message::parse(message) else {
            return self.liveness.record_gap(now);
        };
        // Before the heartbeat: a reader that sees the heartbeat must see the gap before it.
        if peers.record(message.sender, message.number, now) == Order::Gap {
            self.liveness.record_gap(now);
        }
        let is_own = message.sender == self.monitor.sender();
        match message.payload {
            Payload::Heartbeat(sent_at) if is_own => {
                self.monitor.received();
                // A time in the future proves nothing.
                self.liveness.record_heartbeat(sent_at.min(now));
            }
            Payload::Bump(bump, targets) if !is_own => self.apply(bump, &targets),
            Payload::Heartbeat(_) | Payload::Bump(..) => {}
        }
    }

    fn apply(&self, bump: Bump, targets: &Targets) {
        let generations = &self.generations;
        match targets {
            Targets::All => generations.bump_all(bump),
            Targets::Path(path) => generations.bump_path(path, bump),
            Targets::Url(url) => generations.bump_url(url, bump),
            Targets::Prefix(prefix) => generations.bump_prefix(prefix, bump),
            Targets::Route(name) => generations.bump_route(name, bump),
            Targets::Tags(tags) => tags.iter().for_each(|tag| generations.bump_tag(tag, bump)),
        }
    }
}

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
