//! Subscriber: applies the invalidations of other processes, and receives the own heartbeats.

use crate::{
    invalidation::{generation::Bump, generations::Generations},
    remote::bus::{
        liveness::BusLiveness,
        message::{Message, Payload, Targets},
        publisher::{HeartbeatMonitor, Job},
        sequence::{Order, PeerSequences},
        transport::{Transport, catch_panic},
    },
    store::Subscription,
    time::Clock,
};
use actix_web::web::Bytes;
use futures_util::future::{Either, select};
use std::{pin::pin, sync::Arc, time::Duration};
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
            Targets::All => generations.raise_all(bump),
            Targets::Path(path) => generations.raise_path(path, bump),
            Targets::Url(url) => generations.raise_url(url, bump),
            Targets::Prefix(prefix) => generations.raise_prefix(prefix, bump),
            Targets::Route(name) => generations.raise_route(name, bump),
            Targets::Tags(tags) => tags.iter().for_each(|tag| generations.raise_tag(tag, bump)),
        }
    }
}
