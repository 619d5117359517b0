//! The connection pool of a server.

use crate::store::{
    error::StoreError,
    memcached::{
        connection::{Connection, ConnectionError},
        expiry::ServerClock,
        protocol::{Request, Response},
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

/// The maximum number of connections to a server. It accepts 1,024, of all its clients.
const MAX_CONNECTIONS: usize = 64;

/// The time that connecting takes at most.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// The age from which a call that is dropped without a response closes the idle connections, too.
const SUSPECT_AFTER: Duration = Duration::from_millis(25);

/// A server, and its idle connections.
pub(crate) struct Server {
    address: String,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection that is in use, and its permit.
type Checkout = (Connection, OwnedSemaphorePermit);

impl Server {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request in one round trip, and returns the response to each of its commands.
    pub(crate) async fn send(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<Vec<Response>, StoreError> {
        self.with(async |connection| connection.exchange(request).await)
            .await
    }

    /// Sends a request of one command.
    pub(crate) async fn send_one(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<Response, StoreError> {
        let mut responses = self.send(request).await?;
        Ok(responses.pop().unwrap_or(Response::Absent))
    }

    /// Sends a request that is built with the server's clock.
    pub(crate) async fn send_with_clock(
        self: &Arc<Self>,
        build: impl FnOnce(&ServerClock) -> Request + Send,
    ) -> Result<Vec<Response>, StoreError> {
        self.with(async |connection| {
            let request = build(&connection.clock().await?);
            connection.exchange(request).await
        })
        .await
    }

    /// Runs a call on a connection. The connection returns to the pool only if the call succeeds: after one
    /// that was dropped, or has failed, it is out of step.
    async fn with<T>(
        self: &Arc<Self>,
        call: impl AsyncFnOnce(&mut Connection) -> Result<T, ConnectionError>,
    ) -> Result<T, StoreError> {
        let (mut connection, _permit) =
            self.checkout().await.map_err(|error| self.failed(&error))?;
        let guard = CallGuard::new(self);
        let result = call(&mut connection).await;
        guard.end();
        let value = result.map_err(|error| self.failed(&error))?;
        self.idle().push(connection);
        Ok(value)
    }

    async fn checkout(self: &Arc<Self>) -> Result<Checkout, ConnectionError> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(Error::other)?;
        loop {
            let idle = self.idle().pop();
            match idle {
                Some(connection) if connection.is_idle() => return Ok((connection, permit)),
                Some(_) => {}
                None => return self.open(permit).await,
            }
        }
    }

    /// Connects in a task of its own: if the caller is dropped meanwhile, the next one finds the
    /// connection in the pool.
    async fn open(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Checkout, ConnectionError> {
        let (sender, receiver) = oneshot::channel();
        let server = Arc::clone(self);
        let connecting = async move {
            let opened = timeout(CONNECT_TIMEOUT, Connection::open(&server.address)).await;
            let opened = opened.unwrap_or_else(|_| Err(Error::from(ErrorKind::TimedOut).into()));
            let checkout = opened.map(|connection| (connection, permit));
            if let Err(Ok((connection, _permit))) = sender.send(checkout) {
                server.idle().push(connection);
            }
        };
        Handle::try_current()
            .map_err(Error::other)?
            .spawn(connecting);
        receiver.await.map_err(Error::other)?
    }

    /// Closes the idle connections, which are likely to be as bad.
    fn failed(&self, error: &ConnectionError) -> StoreError {
        self.idle().clear();
        error.at(&self.address)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the idle connections if a call is dropped after a while without its responses.
struct CallGuard<'a> {
    server: &'a Server,
    started_at: Instant,
    has_ended: bool,
}

impl<'a> CallGuard<'a> {
    fn new(server: &'a Server) -> Self {
        Self {
            server,
            started_at: Instant::now(),
            has_ended: false,
        }
    }

    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if !self.has_ended && self.started_at.elapsed() > SUSPECT_AFTER {
            self.server.idle().clear();
        }
    }
}
