//! Tells the store and the other processes what is invalidated, and that this one is there.
//!
//! One task tells all of it, so that messages are published in the order of their numbers: whoever
//! hears them knows by the numbers that none is missing.

use crate::{
    invalidation::{error::InvalidationError, generation::Bump},
    remote::{
        bus::{
            heartbeat::HeartbeatMonitor,
            message::{Message, Payload, Targets},
            pending::{Pending, Unconfirmed},
            transport::Transport,
        },
        catch_unwind::guarded,
    },
    store::error::StoreError,
    time::{Clock, Sleep},
};
use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc::UnboundedReceiver, oneshot};

/// What is to be told.
pub(crate) enum Job {
    /// Invalidations, and to whom it matters whether they are done.
    Send(Vec<Unconfirmed>, Waiting),
    /// All that is not confirmed; the answer is that it was tried.
    Retry(oneshot::Sender<()>),
    /// That this process is there, out of turn.
    Beat,
}

/// Somebody who waits for an outcome.
pub(crate) struct Waiting {
    pub(crate) answer: oneshot::Sender<Outcome>,
    /// The room that what is to be told takes.
    pub(crate) room: OwnedSemaphorePermit,
}

pub(crate) type Outcome = Result<(), InvalidationError>;

/// Whoever tells it.
pub(crate) struct Publisher {
    pub(crate) line: Arc<dyn Transport>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) clock: Clock,
    pub(crate) ears: Arc<HeartbeatMonitor>,
    /// The number of its last message.
    pub(crate) last: u64,
}

/// Between two beats, and between two tries of what was not confirmed.
const PERIOD: Duration = Duration::from_secs(1);

/// So many are told to the store in one call, and so many jobs are taken at once.
const TOGETHER: usize = 256;

/// What is to be done next.
struct Next {
    jobs: Vec<Job>,
    /// Whether it is time for a beat.
    beat: bool,
}

impl Publisher {
    /// Tells whatever is asked for, until nobody can ask any more.
    pub(crate) async fn tell(mut self, mut jobs: UnboundedReceiver<Job>) {
        let mut period = self.clock.sleep(PERIOD);
        while let Some(next) = poll_fn(|cx| next(&mut period, &mut jobs, cx)).await {
            // First of all, or they would be tried again before they were tried.
            self.work(next.jobs).await;
            if next.beat {
                period = self.clock.sleep(PERIOD);
                self.retry().await;
                self.beat().await;
            }
        }
    }

    async fn work(&mut self, jobs: Vec<Job>) {
        let mut batch = Batch::default();
        for job in jobs {
            match job {
                Job::Send(unconfirmed, waiting) => {
                    batch.add(unconfirmed, waiting);
                    if batch.is_full() {
                        self.finish(std::mem::take(&mut batch)).await;
                    }
                }
                Job::Retry(tried) => {
                    self.retry().await;
                    // Whoever asked may have left.
                    let _ = tried.send(());
                }
                Job::Beat => self.beat().await,
            }
        }
        self.finish(batch).await;
    }

    async fn finish(&mut self, batch: Batch) {
        let outcome = self.send(&batch.unconfirmed).await;
        for Waiting { answer, room } in batch.waiting {
            drop(room);
            // Nobody need wait for it.
            let _ = answer.send(outcome.clone());
        }
    }

    async fn retry(&mut self) {
        if !self.pending.is_empty() {
            // What fails is tried again the next time.
            let _ = self.send(&self.pending.unconfirmed()).await;
        }
    }

    /// All of them, whatever becomes of the first: which says why if any fails.
    async fn send(&mut self, unconfirmed: &[Unconfirmed]) -> Outcome {
        let mut outcome = Ok(());
        for together in unconfirmed.chunks(TOGETHER) {
            let sent = self.send_together(together).await;
            let sent = sent.map_err(|error| InvalidationError::from(&error));
            outcome = outcome.and(sent);
        }
        outcome
    }

    async fn send_together(&mut self, unconfirmed: &[Unconfirmed]) -> Result<(), StoreError> {
        let names = names(unconfirmed);
        guarded(async { self.line.delete(names).await }).await?;
        if self.line.has_bus() {
            self.publish_raises(unconfirmed).await?;
        }
        self.pending.confirm(unconfirmed);
        Ok(())
    }

    async fn publish_raises(&mut self, unconfirmed: &[Unconfirmed]) -> Result<(), StoreError> {
        for raise in [Bump::Invalidate, Bump::Expire] {
            let raised = unconfirmed.iter().filter(|each| each.raise == raise);
            for reach in Targets::of(raised.map(|each| each.scope.clone())) {
                let published = self.publish(Payload::Raise(raise, reach)).await;
                // If it was lost its number is missing, so that the others know.
                self.last += 1;
                published?;
            }
        }
        Ok(())
    }

    async fn beat(&mut self) {
        if !self.line.has_bus() {
            return;
        }
        let sent = self.clock.now();
        let published = self.publish(Payload::Beat(sent)).await;
        // What seems lost may have been heard: no other message has its number.
        self.last += 1;
        if published.is_ok() {
            self.ears.expect_one();
        }
    }

    async fn publish(&self, word: Payload) -> Result<(), StoreError> {
        let message = Message {
            sender: self.ears.own(),
            number: self.last + 1,
            word,
        };
        guarded(async { self.line.publish(message.to_bytes()).await }).await
    }
}

/// `None` when nobody can ask for anything any more.
fn next(
    period: &mut Sleep,
    asked: &mut UnboundedReceiver<Job>,
    cx: &mut Context<'_>,
) -> Poll<Option<Next>> {
    let beat = Pin::new(period).poll(cx).is_ready();
    let mut jobs = Vec::new();
    match asked.poll_recv_many(cx, &mut jobs, TOGETHER) {
        Poll::Ready(0) => Poll::Ready(None),
        Poll::Pending if !beat => Poll::Pending,
        _ => Poll::Ready(Some(Next { jobs, beat })),
    }
}

/// Each name once, where it comes first: the stripe of a tag before the tag.
fn names(unconfirmed: &[Unconfirmed]) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = unconfirmed.iter().flat_map(|each| &each.names);
    names.filter(|name| seen.insert(*name)).cloned().collect()
}

/// Invalidations that are told together, and who waits for them.
#[derive(Default)]
struct Batch {
    unconfirmed: Vec<Unconfirmed>,
    waiting: Vec<Waiting>,
}

impl Batch {
    fn add(&mut self, unconfirmed: Vec<Unconfirmed>, waiting: Waiting) {
        self.unconfirmed.extend(unconfirmed);
        self.waiting.push(waiting);
    }

    fn is_full(&self) -> bool {
        self.unconfirmed.len() >= TOGETHER
    }
}
