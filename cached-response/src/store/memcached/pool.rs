//! A server, and the connections to it.

use crate::store::{
    error::StoreError,
    memcached::{
        connection::Connection, error::ConnectionError, expiry::ServerClock, protocol::Response,
        request::Request,
    },
};
use std::{
    io::{Error, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

/// How many connections there are at most. A server has room for 1,024, of all who use it.
const CONNECTIONS: usize = 64;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_millis(250);

/// A call that is given up after so long speaks against the other connections, too.
const LATE: Duration = Duration::from_millis(25);

pub(crate) struct Server {
    address: String,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection, and the right to use one.
type Checkout = (Connection, OwnedSemaphorePermit);

impl Server {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Asks, in one round trip. There is an answer to each thing that was asked.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<Vec<Response>, StoreError> {
        self.with(async |connection| connection.exchange(request).await)
            .await
    }

    /// Asks one thing.
    pub(crate) async fn ask_one(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<Response, StoreError> {
        let mut answers = self.ask(request).await?;
        Ok(answers.pop().unwrap_or(Response::Absent))
    }

    /// Asks what is made when the server's clock is known.
    pub(crate) async fn ask_by_its_clock(
        self: &Arc<Self>,
        make: impl FnOnce(&ServerClock) -> Request + Send,
    ) -> Result<Vec<Response>, StoreError> {
        self.with(async |connection| {
            let request = make(&connection.clock().await?);
            connection.exchange(request).await
        })
        .await
    }

    /// Lends a connection to a call. It comes back only if all went well: what is dropped in the
    /// middle, or has failed, is out of step.
    async fn with<T>(
        self: &Arc<Self>,
        call: impl AsyncFnOnce(&mut Connection) -> Result<T, ConnectionError>,
    ) -> Result<T, StoreError> {
        let (mut connection, _permit) = self.lend().await.map_err(|error| self.failed(&error))?;
        let watch = Watch::over(self);
        let outcome = call(&mut connection).await;
        watch.ends();
        let value = outcome.map_err(|error| self.failed(&error))?;
        self.idle().push(connection);
        Ok(value)
    }

    async fn lend(self: &Arc<Self>) -> Result<Checkout, ConnectionError> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(Error::other)?;
        loop {
            let idle = self.idle().pop();
            match idle {
                Some(connection) if connection.is_well() => return Ok((connection, permit)),
                Some(_) => {}
                None => return self.open(permit).await,
            }
        }
    }

    /// Connects in a task of its own: whoever comes after a caller that could not wait finds the
    /// connection made.
    async fn open(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Checkout, ConnectionError> {
        let (sender, receiver) = oneshot::channel();
        let server = Arc::clone(self);
        let connecting = async move {
            let opened = timeout(CONNECTING, Connection::open(&server.address)).await;
            let opened = opened.unwrap_or_else(|_| Err(Error::from(ErrorKind::TimedOut).into()));
            let lent = opened.map(|connection| (connection, permit));
            if let Err(Ok((connection, _permit))) = sender.send(lent) {
                server.idle().push(connection);
            }
        };
        Handle::try_current()
            .map_err(Error::other)?
            .spawn(connecting);
        receiver.await.map_err(Error::other)?
    }

    /// The other connections are likely to be as bad.
    fn failed(&self, error: &ConnectionError) -> StoreError {
        self.idle().clear();
        error.at(&self.address)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees whether a call ends, or is given up.
struct Watch<'a> {
    server: &'a Server,
    since: Instant,
    has_ended: bool,
}

impl<'a> Watch<'a> {
    fn over(server: &'a Server) -> Self {
        Self {
            server,
            since: Instant::now(),
            has_ended: false,
        }
    }

    fn ends(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.has_ended && self.since.elapsed() > LATE {
            self.server.idle().clear();
        }
    }
}
