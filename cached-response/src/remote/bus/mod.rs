//! Invalidation beyond this process.
//!
//! Whoever invalidates [notes](Raising::note) it, raises the generations of this process, and
//! [sends](Raising::send) it: in this order, see [`pending`](crate::remote::bus::pending).

use crate::{
    invalidation::{generation, scope},
    time::moment,
    util::sync,
};
pub(crate) mod heartbeat;
pub(crate) mod liveness;
pub(crate) mod message;
pub(crate) mod pending;
pub(crate) mod publisher;
pub(crate) mod sequence;
pub(crate) mod store_transport;
pub(crate) mod subscriber;
pub(crate) mod transport;

use crate::{
    invalidation::{
        error::InvalidationError, generation::Bump, generations::Generations, scope::Scope,
        tag_stripes::stripe,
    },
    remote::{
        bus::{
            heartbeat::HeartbeatMonitor,
            liveness::BusLiveness,
            pending::{Pending, ROOM, Unconfirmed},
            publisher::{Job, Outcome, Publisher, Waiting},
            subscriber::Subscriber,
            transport::Transport,
        },
        names::Namespace,
    },
    time::Clock,
};
use std::{
    collections::hash_map::RandomState,
    convert::Infallible,
    future::{Future, pending, poll_fn},
    hash::BuildHasher,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    time::{Instant, timeout_at},
};

/// What the other processes that use a store are told, and what is heard of them.
#[derive(Debug)]
pub(crate) struct InvalidationBus {
    namespace: Namespace,
    pending: Arc<Pending>,
    hearing: Arc<BusLiveness>,
    jobs: UnboundedSender<Job>,
    /// For what is to be told and was not yet, in bytes.
    room: Arc<Semaphore>,
    limits: Limits,
}

/// For how long others are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// What an invalidation may take.
    pub(crate) invalidation: Duration,
    /// See [`BusLiveness`].
    pub(crate) max_unverified: Duration,
}

/// Nobody waits for longer, whatever the limit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl InvalidationBus {
    /// By this line, for the generations and the clock of one cache. The work beside it is to be run
    /// on the thread that polls the store. It ends by itself when this is dropped, and all is sent.
    pub(crate) fn new(
        line: Arc<dyn Transport>,
        namespace: Namespace,
        limits: Limits,
        clock: &Clock,
        generations: &Arc<Generations>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (jobs, asked) = mpsc::unbounded_channel();
        // Seeded by the system, which is random enough to meet no other.
        let ears = Arc::new(HeartbeatMonitor::new(RandomState::new().hash_one(())));
        let pending = Arc::new(Pending::new(vec![namespace.all()]));
        let hearing = Arc::new(BusLiveness::silent(limits.max_unverified));
        let listener = line.has_bus().then(|| Subscriber {
            line: Arc::clone(&line),
            clock: clock.clone(),
            ears: Arc::clone(&ears),
            hearing: Arc::clone(&hearing),
            generations: Arc::clone(generations),
            jobs: jobs.downgrade(),
        });
        let teller = Publisher {
            line,
            pending: Arc::clone(&pending),
            clock: clock.clone(),
            ears,
            last: 0,
        };
        let raising = Self {
            namespace,
            pending,
            hearing,
            jobs,
            room: Arc::new(Semaphore::new(ROOM)),
            limits,
        };
        (raising, work(teller.tell(asked), listener))
    }

    /// What is not to be read from the store yet.
    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// What is not to be reused from memory without asking the store.
    pub(crate) fn hearing(&self) -> &Arc<BusLiveness> {
        &self.hearing
    }

    /// Notes what is about to be raised in this process.
    #[must_use = "it is to be sent when it was raised"]
    pub(crate) fn note(&self, raise: Bump, scopes: &[Scope]) -> Vec<Unconfirmed> {
        let note = |scope: &Scope| self.pending.note(scope.clone(), raise, self.names(scope));
        scopes.iter().map(note).collect()
    }

    /// Sends what was noted, whether or not anybody waits for it. Where so much is on its way already
    /// that there is no room, it is left to a later try.
    pub(crate) fn send(&self, noted: Vec<Unconfirmed>) -> Sent {
        let (answer, answered) = oneshot::channel();
        match self.room_for(&noted) {
            Some(room) => {
                // Where nobody takes it nobody answers.
                let _ = self.jobs.send(Job::Send(noted, Waiting { answer, room }));
            }
            // The other end is here.
            None => drop(answer.send(Err(InvalidationError::Slow))),
        }
        Sent {
            answered,
            until: Instant::now() + self.limits.invalidation.min(LONGEST),
        }
    }

    /// Tries to send again whatever was not confirmed; ready when that was tried.
    pub(crate) async fn retry(&self) {
        if self.pending.is_empty() {
            return;
        }
        let (tried, was_tried) = oneshot::channel();
        let _ = self.jobs.send(Job::Retry(tried));
        // Where nobody takes it there is nothing to wait for.
        let _ = was_tried.await;
    }

    fn room_for(&self, noted: &[Unconfirmed]) -> Option<OwnedSemaphorePermit> {
        let bytes: usize = noted.iter().map(Unconfirmed::weight).sum();
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }

    fn names(&self, scope: &Scope) -> Vec<String> {
        let namespace = &self.namespace;
        match scope {
            Scope::All => vec![namespace.all()],
            Scope::Path(path) => namespace.of_path(path),
            Scope::Url(url) => namespace.of_url(url),
            // The stripe first: see the generations of tags.
            Scope::Tag(tag) => vec![namespace.stripe(stripe(tag)), namespace.tag(tag)],
        }
    }
}

/// Tells and hears, until there is nothing more to tell.
async fn work(telling: impl Future<Output = ()>, listener: Option<Subscriber>) {
    let mut telling = pin!(telling);
    let mut listening = pin!(async {
        match listener {
            Some(listener) => listener.listen().await,
            None => pending().await,
        }
    });
    poll_fn(|cx| {
        if telling.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let heard: Poll<Infallible> = listening.as_mut().poll(cx);
        heard.map(|never| match never {})
    })
    .await;
}

/// An invalidation that is on its way.
#[derive(Debug)]
pub(crate) struct Sent {
    answered: oneshot::Receiver<Outcome>,
    until: Instant,
}

impl Sent {
    /// What became of it, when its time is over at the latest.
    pub(crate) async fn outcome(self) -> Outcome {
        let answered = if Handle::try_current().is_ok() {
            let in_time = timeout_at(self.until, self.answered).await;
            in_time.map_err(|_| InvalidationError::Slow)?
        } else {
            // No timer here. Each call to the store has its own.
            self.answered.await
        };
        answered.unwrap_or(Err(InvalidationError::Unreachable))
    }
}
