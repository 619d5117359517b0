//! Hears what other processes invalidate, and that this one is heard.

use crate::{
    invalidation::{generation::Bump, generations::Generations},
    remote::{
        bus::{
            heartbeat::HeartbeatMonitor,
            liveness::BusLiveness,
            message::{Message, Payload, Targets},
            publisher::Job,
            sequence::{Order, PeerSequences},
            transport::Transport,
        },
        catch_unwind::guarded,
    },
    store::{bus::Subscription, error::StoreError},
    time::Clock,
};
use actix_web::web::Bytes;
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::sync::mpsc::WeakUnboundedSender;

/// Whoever listens.
pub(crate) struct Subscriber {
    pub(crate) line: Arc<dyn Transport>,
    pub(crate) clock: Clock,
    pub(crate) ears: Arc<HeartbeatMonitor>,
    pub(crate) hearing: Arc<BusLiveness>,
    pub(crate) generations: Arc<Generations>,
    pub(crate) jobs: WeakUnboundedSender<Job>,
}

/// After one that failed the next subscription is tried so much later, and later each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Subscriber {
    /// Listens for ever.
    pub(crate) async fn listen(self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let subscription = guarded(async { self.line.subscribe().await }).await;
            if let Ok(subscription) = subscription {
                pause = FIRST_PAUSE;
                self.attend(subscription).await;
            }
            // The network's time, whoever turns the clock.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Hears whatever this subscription has to say, until it is over.
    async fn attend(&self, mut subscription: Box<dyn Subscription>) {
        let now = self.clock.now();
        let mut senders = PeerSequences::new(now);
        // Only now, when it is listening already.
        self.hearing.miss(now);
        self.beat();
        while let Ok(message) = self.next(&mut *subscription).await {
            self.heed(&message, &mut senders);
        }
        self.hearing.miss(self.clock.now());
    }

    /// Asks for a beat, so that nobody waits a second to know that all is well.
    fn beat(&self) {
        if let Some(jobs) = self.jobs.upgrade() {
            // Nobody tells anything any more: this one ends as well.
            let _ = jobs.send(Job::Beat);
        }
    }

    async fn next(&self, subscription: &mut dyn Subscription) -> Result<Bytes, Over> {
        let mut next = pin!(guarded(async { subscription.next().await }));
        let mut deaf = pin!(self.ears.deaf());
        poll_fn(|cx| {
            if let Poll::Ready(heard) = next.as_mut().poll(cx) {
                return Poll::Ready(heard.map_err(Over::from));
            }
            deaf.as_mut().poll(cx).map(|()| Err(Over))
        })
        .await
    }

    fn heed(&self, message: &[u8], senders: &mut PeerSequences) {
        let now = self.clock.now();
        let Ok(message) = Message::parse(message) else {
            return self.hearing.miss(now);
        };
        // First of all: whoever sees the beat knows what was missed before it.
        if senders.hear(message.sender, message.number, now) == Order::Gap {
            self.hearing.miss(now);
        }
        let own = message.sender == self.ears.own();
        match message.word {
            Payload::Beat(sent) if own => {
                self.ears.hear_one();
                // What has not been yet proves nothing.
                self.hearing.hear(sent.min(now));
            }
            Payload::Raise(raise, reach) if !own => self.raise(raise, &reach),
            Payload::Beat(_) | Payload::Raise(..) => {}
        }
    }

    fn raise(&self, raise: Bump, reach: &Targets) {
        let generations = &self.generations;
        match reach {
            Targets::All => generations.raise_all(raise),
            Targets::Path(path) => generations.raise_path(path, raise),
            Targets::Url(url) => generations.raise_url(url, raise),
            Targets::Tags(tags) => tags
                .iter()
                .for_each(|tag| generations.raise_tag(tag, raise)),
        }
    }
}

/// A subscription has nothing more to say.
struct Over;

impl From<StoreError> for Over {
    fn from(_: StoreError) -> Self {
        Self
    }
}
