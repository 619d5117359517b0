//! A connection for each worker, for the look-ups of its requests.
//!
//! The worker itself drives it: no other thread is woken by a look-up, and none wakes the worker.

use crate::{
    store::redis::{
        endpoint::Endpoint,
        look_up_batch::LookUpBatch,
        shared_connection::{OpenHandle, SharedConnection},
    },
    util::sync::lock,
};
use std::{
    cell::RefCell,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};
use tokio::runtime::{Handle, RuntimeFlavor};

/// A worker that could not connect, or has lost its connection, tries again after this time.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// The connections of all workers to one server.
pub(crate) struct WorkerConnections {
    endpoint: Arc<Endpoint>,
    /// Each with a token that the thread holds: it is gone with the thread.
    all: Mutex<Vec<(Weak<()>, Arc<SharedConnection>)>>,
}

/// The connection of this thread to a server, which ends with the store.
struct OfThisThread {
    connection: Weak<SharedConnection>,
    endpoint: Weak<Endpoint>,
    batch: Arc<LookUpBatch>,
    tried_at: Option<Instant>,
    _token: Arc<()>,
}

thread_local! {
    static CONNECTIONS: RefCell<Vec<OfThisThread>> = const { RefCell::new(Vec::new()) };
}

impl WorkerConnections {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            all: Mutex::default(),
        }
    }

    /// The open connection of this thread, and its look-ups that are not sent yet. Where it has none, one is opened in the background, if the
    /// tasks of this thread's runtime run on this thread.
    pub(crate) fn open_now(&self) -> Option<(OpenHandle, Arc<LookUpBatch>)> {
        let open = CONNECTIONS.try_with(|connections| {
            let mut connections = connections.borrow_mut();
            let endpoint = Arc::as_ptr(&self.endpoint);
            let known = connections
                .iter_mut()
                .find(|known| known.endpoint.as_ptr() == endpoint);
            if let Some(known) = known {
                return known.open_now();
            }
            connections.retain(|known| known.endpoint.strong_count() > 0);
            connections.push(self.register());
            connections.last_mut()?.open_now()
        });
        // A thread that ends has none any more.
        open.ok().flatten()
    }

    fn register(&self) -> OfThisThread {
        let connection = SharedConnection::new(Arc::clone(&self.endpoint));
        let token = Arc::default();
        let mut all = lock(&self.all);
        all.retain(|(thread, _)| thread.strong_count() > 0);
        all.push((Arc::downgrade(&token), Arc::clone(&connection)));
        OfThisThread {
            connection: Arc::downgrade(&connection),
            endpoint: Arc::downgrade(&self.endpoint),
            batch: Arc::default(),
            tried_at: None,
            _token: token,
        }
    }
}

impl OfThisThread {
    fn open_now(&mut self) -> Option<(OpenHandle, Arc<LookUpBatch>)> {
        let connection = self.connection.upgrade()?;
        if let Some(open) = connection.handle() {
            return Some((open, Arc::clone(&self.batch)));
        }
        let is_due = self
            .tried_at
            .is_none_or(|tried_at| tried_at.elapsed() >= RECONNECT_AFTER);
        if is_due && runs_tasks_here() {
            self.tried_at = Some(Instant::now());
            // It goes on in a task of its own.
            drop(connection.begin_to_open());
        }
        None
    }
}

/// `true` where a task that is spawned here runs on this thread.
fn runs_tasks_here() -> bool {
    let runtime = Handle::try_current();
    runtime.is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
}
