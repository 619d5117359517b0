//! Mock [`Store`] with a settable behaviour.

use crate::{
    store::{Store, StoreError, StoreErrorKind, StoreFuture, StoredValue},
    util::sync::{Mutex, lock},
};
use actix_web::web::Bytes;
use std::{
    future::{Future, pending},
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::timeout,
};

/// Behaviour of the calls that start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    Answer,
    Fail(StoreErrorKind),
    Panic,
    Hang,
    /// Answers when it is [released](MockStore::release).
    Hold,
}

/// Event of a call, with the name that it was made for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallEvent {
    Started(String),
    /// Its future has ended or was dropped.
    Ended(String),
}

pub(crate) struct MockStore {
    behaviour: Mutex<Behaviour>,
    held: Semaphore,
    events: UnboundedSender<CallEvent>,
    running: AtomicUsize,
    max_concurrent: AtomicUsize,
}

/// Receiver of the events.
pub(crate) struct Events(UnboundedReceiver<CallEvent>);

impl MockStore {
    pub(crate) fn new(behaviour: Behaviour) -> (Arc<Self>, Events) {
        let (events, receiver) = unbounded_channel();
        let store = Arc::new(Self {
            behaviour: Mutex::new(behaviour),
            held: Semaphore::new(0),
            events,
            running: AtomicUsize::new(0),
            max_concurrent: AtomicUsize::new(0),
        });
        (store, Events(receiver))
    }

    pub(crate) fn set_behaviour(&self, behaviour: Behaviour) {
        *lock(&self.behaviour) = behaviour;
    }

    /// Releases this many calls that are held or will be.
    pub(crate) fn release(&self, calls: usize) {
        self.held.add_permits(calls);
    }

    /// Returns the maximum number of concurrent calls so far.
    pub(crate) fn max_concurrent(&self) -> usize {
        self.max_concurrent.load(SeqCst)
    }

    async fn act(&self, name: &str) -> Result<(), StoreError> {
        let _guard = Guard::begin(self, name);
        let behaviour = *lock(&self.behaviour);
        match behaviour {
            Behaviour::Answer => Ok(()),
            Behaviour::Fail(kind) => Err(StoreError::new(kind, "injected by the test")),
            Behaviour::Panic => resume_unwind(Box::new("injected by the test")),
            Behaviour::Hang => pending().await,
            Behaviour::Hold => {
                self.held.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    }
}

struct Guard<'a>(&'a MockStore, &'a str);

impl<'a> Guard<'a> {
    fn begin(store: &'a MockStore, name: &'a str) -> Self {
        let running = store.running.fetch_add(1, SeqCst) + 1;
        store.max_concurrent.fetch_max(running, SeqCst);
        // A test may have dropped the receiver.
        let _ = store.events.send(CallEvent::Started(name.into()));
        Self(store, name)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
        let _ = self.0.events.send(CallEvent::Ended(self.1.into()));
    }
}

impl Store for MockStore {
    fn get<'a>(&'a self, name: &'a str, _: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move { self.act(name).await.map(|()| None) })
    }

    fn set<'a>(&'a self, name: &'a str, _: Bytes, _: Duration) -> StoreFuture<'a, ()> {
        Box::pin(self.act(name))
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.act(name))
    }
}

impl Events {
    /// Returns the next event.
    pub(crate) async fn next(&mut self) -> CallEvent {
        soon(self.0.recv()).await.unwrap()
    }

    /// Returns the name of the next call that starts.
    pub(crate) async fn started(&mut self) -> String {
        loop {
            if let CallEvent::Started(name) = self.next().await {
                return name;
            }
        }
    }

    /// Returns the name of the next call that ends.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            if let CallEvent::Ended(name) = self.next().await {
                return name;
            }
        }
    }

    /// Returns the events that were not received yet.
    pub(crate) fn drain(&mut self) -> Vec<CallEvent> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Awaits a future that must be ready soon, on a busy machine as well.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future)
        .await
        .expect("it is ready within half a minute")
}

/// Runs a future without a runtime.
pub(crate) fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => break output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
