//! A store for tests, in any mood.

use crate::{
    store::{
        Store,
        error::{StoreError, StoreErrorKind, StoreFuture, StoredValue},
    },
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

/// What becomes of each call that begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    Answer,
    Fail(StoreErrorKind),
    Panic,
    Hang,
    /// Answers when it is [let go](StandIn::let_go).
    Hold,
}

/// What it tells of its calls, by their names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Begun(String),
    /// The future has been dropped, or was at its end.
    Gone(String),
}

pub(crate) struct MockStore {
    mood: Mutex<Behaviour>,
    held: Semaphore,
    tell: UnboundedSender<Told>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

/// What is told.
pub(crate) struct Listener(UnboundedReceiver<Told>);

impl MockStore {
    pub(crate) fn new(mood: Behaviour) -> (Arc<Self>, Listener) {
        let (tell, told) = unbounded_channel();
        let store = Arc::new(Self {
            mood: Mutex::new(mood),
            held: Semaphore::new(0),
            tell,
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        (store, Listener(told))
    }

    pub(crate) fn be(&self, mood: Behaviour) {
        *lock(&self.mood) = mood;
    }

    /// Lets so many of the calls that are held go on, or of those that will be.
    pub(crate) fn let_go(&self, calls: usize) {
        self.held.add_permits(calls);
    }

    /// The most calls that were under way at a time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    async fn act(&self, name: &str) -> Result<(), StoreError> {
        let _guard = Guard::begin(self, name);
        let mood = *lock(&self.mood);
        match mood {
            Behaviour::Answer => Ok(()),
            Behaviour::Fail(kind) => Err(StoreError::new(kind, "as it was told to")),
            Behaviour::Panic => resume_unwind(Box::new("as it was told to")),
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
        let under_way = store.under_way.fetch_add(1, SeqCst) + 1;
        store.most.fetch_max(under_way, SeqCst);
        // A test that has heard enough does not listen any more.
        let _ = store.tell.send(Told::Begun(name.into()));
        Self(store, name)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, SeqCst);
        let _ = self.0.tell.send(Told::Gone(self.1.into()));
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

impl Listener {
    /// The next that is told.
    pub(crate) async fn next(&mut self) -> Told {
        soon(self.0.recv()).await.unwrap()
    }

    /// The name of the next call that begins.
    pub(crate) async fn begun(&mut self) -> String {
        loop {
            if let Told::Begun(name) = self.next().await {
                return name;
            }
        }
    }

    /// The name of the next call that is gone.
    pub(crate) async fn gone(&mut self) -> String {
        loop {
            if let Told::Gone(name) = self.next().await {
                return name;
            }
        }
    }

    /// What was told and not heard yet.
    pub(crate) fn unheard(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// What must come, on however busy a machine.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future)
        .await
        .expect("it comes within half a minute")
}

/// An executor without a runtime.
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
