//! Publisher: sends invalidations to the store and to the other processes, and heartbeats.
//!
//! One task sends everything, so that messages are published in the order of their numbers and a
//! receiver sees a gap where one is missing.

use crate::{
    invalidation::{InvalidationError, scope::Bump},
    remote::bus::{
        transport::{Message, Payload, Targets, Transport, catch_panic},
        trust::{Pending, Unconfirmed},
    },
    store::{StoreError, StoreErrorKind},
    time::{Clock, Sleep},
};
use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicU32,
            Ordering::{AcqRel, Release},
        },
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc::UnboundedReceiver, oneshot};

/// Job of the publisher.
pub(crate) enum Job {
    /// Sends invalidations and reports the outcome.
    Send(Vec<Unconfirmed>, BatchWaiter),
    /// Sends all unconfirmed invalidations again, then reports that it was tried.
    Retry(oneshot::Sender<()>),
    /// Publishes a heartbeat out of turn.
    Heartbeat,
}

/// Receiver of an outcome.
pub(crate) struct BatchWaiter {
    pub(crate) result: oneshot::Sender<Outcome>,
    /// Queue capacity that the invalidations take.
    pub(crate) capacity: OwnedSemaphorePermit,
}

pub(crate) type Outcome = Result<(), InvalidationError>;

pub(crate) struct Publisher {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) clock: Clock,
    pub(crate) monitor: Arc<HeartbeatMonitor>,
    /// Number of the last message.
    pub(crate) last_number: u64,
}

/// Time between two heartbeats, and between two retries.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum number of invalidations in one call to the store, and of jobs that are taken at once.
const MAX_BATCH: usize = 256;

struct Next {
    jobs: Vec<Job>,
    is_heartbeat_due: bool,
}

impl Publisher {
    /// Does the jobs of the queue until it is closed and empty.
    pub(crate) async fn run(mut self, mut queue: UnboundedReceiver<Job>) {
        let mut interval = self.clock.sleep(HEARTBEAT_INTERVAL);
        while let Some(next) = poll_fn(|cx| next(&mut interval, &mut queue, cx)).await {
            // Before the retry, or new invalidations would be retried before they were tried.
            self.work(next.jobs).await;
            if next.is_heartbeat_due {
                interval = self.clock.sleep(HEARTBEAT_INTERVAL);
                self.retry().await;
                self.publish_heartbeat().await;
            }
        }
    }

    async fn work(&mut self, jobs: Vec<Job>) {
        let mut batch = Batch::default();
        for job in jobs {
            match job {
                Job::Send(unconfirmed, waiter) => {
                    batch.add(unconfirmed, waiter);
                    if batch.is_full() {
                        self.finish(std::mem::take(&mut batch)).await;
                    }
                }
                Job::Retry(tried) => {
                    self.retry().await;
                    let _ = tried.send(());
                }
                Job::Heartbeat => self.publish_heartbeat().await,
            }
        }
        self.finish(batch).await;
    }

    async fn finish(&mut self, batch: Batch) {
        let outcome = self.send(&batch.unconfirmed).await;
        for BatchWaiter { result, capacity } in batch.waiters {
            drop(capacity);
            let _ = result.send(outcome.clone());
        }
    }

    async fn retry(&mut self) {
        if !self.pending.is_empty() {
            // Invalidations that fail again stay pending for the next retry.
            let _ = self.send(&self.pending.unconfirmed()).await;
        }
    }

    /// Sends all of them, although some may fail, and returns the first error.
    async fn send(&mut self, unconfirmed: &[Unconfirmed]) -> Outcome {
        let mut outcome = Ok(());
        for batch in unconfirmed.chunks(MAX_BATCH) {
            let sent = self.send_batch(batch).await;
            let sent = sent.map_err(|error| InvalidationError::from(&error));
            outcome = outcome.and(sent);
        }
        outcome
    }

    async fn send_batch(&mut self, unconfirmed: &[Unconfirmed]) -> Result<(), StoreError> {
        let names = names(unconfirmed);
        catch_panic(async { self.transport.delete(names).await }).await?;
        if self.transport.has_bus() {
            self.publish_bumps(unconfirmed).await?;
        }
        self.pending.confirm(unconfirmed);
        Ok(())
    }

    async fn publish_bumps(&mut self, unconfirmed: &[Unconfirmed]) -> Result<(), StoreError> {
        for bump in [Bump::Invalidate, Bump::Expire] {
            let bumped = unconfirmed.iter().filter(|each| each.bump == bump);
            for targets in Targets::of(bumped.map(|each| each.scope.clone())) {
                let published = self.publish(Payload::Bump(bump, targets)).await;
                // Also after a failure: the others must see the gap.
                self.last_number += 1;
                published?;
            }
        }
        Ok(())
    }

    async fn publish_heartbeat(&mut self) {
        if !self.transport.has_bus() {
            return;
        }
        let sent_at = self.clock.now();
        let published = self.publish(Payload::Heartbeat(sent_at)).await;
        // Also after a failure: the message may have arrived, and no other may have its number.
        self.last_number += 1;
        if published.is_ok() {
            self.monitor.sent();
        }
    }

    async fn publish(&self, payload: Payload) -> Result<(), StoreError> {
        let message = Message {
            sender: self.monitor.sender(),
            number: self.last_number + 1,
            payload,
        };
        catch_panic(async { self.transport.publish(message.to_bytes()).await }).await
    }
}

impl From<&StoreError> for InvalidationError {
    fn from(error: &StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Unreachable | StoreErrorKind::InvalidAddress => Self::Unreachable,
            StoreErrorKind::Timeout => Self::Slow,
            StoreErrorKind::Refused | StoreErrorKind::Protocol => Self::Refused(error.to_string()),
        }
    }
}

/// Returns the next jobs, or `None` when the queue is closed and empty.
fn next(
    interval: &mut Sleep,
    queue: &mut UnboundedReceiver<Job>,
    cx: &mut Context<'_>,
) -> Poll<Option<Next>> {
    let is_heartbeat_due = Pin::new(interval).poll(cx).is_ready();
    let mut jobs = Vec::new();
    match queue.poll_recv_many(cx, &mut jobs, MAX_BATCH) {
        Poll::Ready(0) => Poll::Ready(None),
        Poll::Pending if !is_heartbeat_due => Poll::Pending,
        _ => Poll::Ready(Some(Next {
            jobs,
            is_heartbeat_due,
        })),
    }
}

/// Returns each name once, at its first place: the stripe of a tag before the tag.
fn names(unconfirmed: &[Unconfirmed]) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = unconfirmed.iter().flat_map(|each| &each.names);
    names.filter(|name| seen.insert(*name)).cloned().collect()
}

/// Invalidations that are sent together, and their waiters.
#[derive(Default)]
struct Batch {
    unconfirmed: Vec<Unconfirmed>,
    waiters: Vec<BatchWaiter>,
}

impl Batch {
    fn add(&mut self, unconfirmed: Vec<Unconfirmed>, waiter: BatchWaiter) {
        self.unconfirmed.extend(unconfirmed);
        self.waiters.push(waiter);
    }

    fn is_full(&self) -> bool {
        self.unconfirmed.len() >= MAX_BATCH
    }
}

/// Heartbeat state shared by the publisher and the subscriber.
#[derive(Debug)]
pub(crate) struct HeartbeatMonitor {
    /// Id of this process as a sender.
    sender: u64,
    /// Heartbeats that were published and have not come back.
    outstanding: AtomicU32,
    subscription_lost: Notify,
}

/// Number of outstanding heartbeats from which the subscription counts as lost, whatever its connection
/// reports.
const LOST_AFTER: u32 = 5;

impl HeartbeatMonitor {
    pub(crate) fn new(sender: u64) -> Self {
        Self {
            sender,
            outstanding: AtomicU32::new(0),
            subscription_lost: Notify::new(),
        }
    }

    pub(crate) fn sender(&self) -> u64 {
        self.sender
    }

    /// Records a heartbeat that was published.
    pub(crate) fn sent(&self) {
        if self.outstanding.fetch_add(1, AcqRel) + 1 >= LOST_AFTER {
            self.outstanding.store(0, Release);
            self.subscription_lost.notify_one();
        }
    }

    /// Records an own heartbeat that has come back.
    pub(crate) fn received(&self) {
        self.outstanding.store(0, Release);
    }

    /// Ready when too many heartbeats are outstanding.
    pub(crate) async fn lost(&self) {
        self.subscription_lost.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidation_error_has_the_kind_and_the_text_of_the_store() {
        for (kind, expected) in [
            (StoreErrorKind::Unreachable, "cannot be reached;"),
            (StoreErrorKind::InvalidAddress, "cannot be reached;"),
            (StoreErrorKind::Timeout, "in time;"),
            (StoreErrorKind::Refused, "(refused: READONLY);"),
            (StoreErrorKind::Protocol, "(protocol: READONLY);"),
        ] {
            let error = InvalidationError::from(&StoreError::new(kind, "READONLY")).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
