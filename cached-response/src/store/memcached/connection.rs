//! Connections to the servers. The server of a name is found by rendezvous hashing.
//!
//! One call uses a connection at a time, and a call that is dropped drops the connection with it: a response is
//! never taken for that of another request.

use crate::{
    store::{
        StoreError, StoreErrorKind, StoredValue,
        memcached::protocol::{
            ExpectedResponse, Line, MAX_BATCH, Request, Response, ServerClock, parse_line,
        },
    },
    util::sync::lock,
};
use actix_web::web::{Buf, Bytes};
use sha1::{Digest, Sha1};
use std::{
    fmt,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

/// The maximum length of a line, in bytes.
const MAX_LINE_BYTES: usize = 2048;

/// The maximum capacity that is reserved for a value before its bytes arrive, in bytes.
const MAX_RESERVED_BYTES: usize = 64 << 10;

/// The age after which the server's clock is read again.
const MAX_CLOCK_AGE: Duration = Duration::from_secs(60);

/// An error of a connection, which is closed then.
#[derive(Debug)]
pub(crate) enum ConnectionError {
    /// It could not be opened, or was lost.
    Lost(io::Error),
    /// The server refuses, or has not understood, for this reason.
    Refused(String),
    /// A response that does not fit its command.
    Protocol(&'static str),
}

impl ConnectionError {
    /// The error of the store, which names the server.
    pub(crate) fn at(&self, address: &str) -> StoreError {
        let (kind, reason) = match self {
            Self::Lost(error) => (StoreErrorKind::Unreachable, error.to_string()),
            Self::Refused(reason) if reason == "ERROR" => {
                let reason = "it does not know the meta protocol, which Memcached 1.6 has";
                (StoreErrorKind::Refused, reason.to_owned())
            }
            Self::Refused(reason) => (StoreErrorKind::Refused, reason.clone()),
            Self::Protocol(reason) => (StoreErrorKind::Protocol, (*reason).to_owned()),
        };
        StoreError::new(kind, format!("Memcached at {address}: {reason}"))
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// An open connection, and the server's clock.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    clock: ServerClock,
}

impl Connection {
    /// Connects, and reads the server's clock.
    pub(crate) async fn open(address: &str) -> Result<Self, ConnectionError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let clock = read_clock(&mut stream).await?;
        Ok(Self { stream, clock })
    }

    /// `true` while it is open and no byte has arrived that belongs to no request.
    pub(crate) fn is_idle(&self) -> bool {
        let nothing_came = self.stream.get_ref().try_read(&mut [0]);
        self.stream.buffer().is_empty()
            && nothing_came.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// The server's clock, read a minute ago at most.
    pub(crate) async fn clock(&mut self) -> Result<ServerClock, ConnectionError> {
        if self.clock.received_at.elapsed() > MAX_CLOCK_AGE {
            self.clock = read_clock(&mut self.stream).await?;
        }
        Ok(self.clock)
    }

    /// Sends a request, and reads the response to each of its commands.
    pub(crate) async fn exchange(
        &mut self,
        request: Request,
    ) -> Result<Vec<Response>, ConnectionError> {
        let tail: &[u8] = if request.body.is_some() { b"\r\n" } else { b"" };
        let body = request.body.unwrap_or_default();
        let mut bytes = request.head.chain(body).chain(tail);
        self.stream.get_mut().write_all_buf(&mut bytes).await?;
        let mut responses = Vec::with_capacity(request.expected.len());
        for expected in request.expected {
            responses.push(self.response(expected).await?);
        }
        Ok(responses)
    }

    async fn response(&mut self, expected: ExpectedResponse) -> Result<Response, ConnectionError> {
        match (expected, read_line(&mut self.stream).await?) {
            (ExpectedResponse::Value { limit }, Line::Value(size, left)) => {
                let bytes = self.value(size, limit).await?;
                Ok(Response::Value(StoredValue::new(bytes, left)))
            }
            (ExpectedResponse::Value { .. }, Line::Absent)
            | (ExpectedResponse::Deleted, Line::NotFound) => Ok(Response::Absent),
            (ExpectedResponse::Stored | ExpectedResponse::Deleted, Line::Done) => {
                Ok(Response::Done)
            }
            (ExpectedResponse::Stored, Line::NotStored) => Ok(Response::NotStored),
            // The server has read the value that it refuses, so the connection is in step.
            (ExpectedResponse::Stored, Line::Refused(reason)) => Ok(Response::Refused(reason)),
            (_, Line::Refused(reason) | Line::Misunderstood(reason)) => {
                Err(ConnectionError::Refused(reason))
            }
            _ => Err(ConnectionError::Protocol("a response to another command")),
        }
    }

    /// Reads the first `limit` bytes of a value, and skips the others.
    async fn value(&mut self, size: usize, limit: usize) -> Result<Bytes, ConnectionError> {
        let mut bytes = Vec::with_capacity(size.min(limit).min(MAX_RESERVED_BYTES));
        let mut rest = size;
        while rest > 0 {
            let buffer = fill(&mut self.stream).await?;
            let here = buffer.len().min(rest);
            let room = limit.saturating_sub(bytes.len()).min(here);
            bytes.extend_from_slice(&buffer[..room]);
            self.stream.consume(here);
            rest -= here;
        }
        for expected in *b"\r\n" {
            if fill(&mut self.stream).await?[0] != expected {
                return Err(ConnectionError::Protocol(
                    "a value of another length than announced",
                ));
            }
            self.stream.consume(1);
        }
        Ok(bytes.into())
    }
}

/// The bytes that have arrived, at least one.
async fn fill(stream: &mut BufReader<TcpStream>) -> Result<&[u8], ConnectionError> {
    let buffer = stream.fill_buf().await?;
    if buffer.is_empty() {
        return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    Ok(buffer)
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Result<Line, ConnectionError> {
    let mut text = Vec::new();
    loop {
        let buffer = fill(stream).await?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let here = end.map_or(buffer.len(), |end| end + 1);
        text.extend_from_slice(&buffer[..here]);
        stream.consume(here);
        if text.len() > MAX_LINE_BYTES {
            return Err(ConnectionError::Protocol("a line without an end"));
        }
        if end.is_some() {
            let line = text.strip_suffix(b"\r\n").and_then(parse_line);
            return line.ok_or(ConnectionError::Protocol(
                "a line that is not of the meta protocol",
            ));
        }
    }
}

async fn read_clock(stream: &mut BufReader<TcpStream>) -> Result<ServerClock, ConnectionError> {
    let requested_at = Instant::now();
    stream.get_mut().write_all(b"stats\r\n").await?;
    let mut second = None;
    loop {
        match read_line(stream).await? {
            Line::Time(time) => second = Some(time),
            Line::Stat => {}
            Line::End => break,
            Line::Refused(reason) | Line::Misunderstood(reason) => {
                return Err(ConnectionError::Refused(reason));
            }
            _ => return Err(ConnectionError::Protocol("a response to another command")),
        }
    }
    let second = second.ok_or(ConnectionError::Protocol("statistics without the time"))?;
    Ok(ServerClock {
        second,
        requested_at,
        received_at: Instant::now(),
    })
}

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
        let permit = permit.map_err(io::Error::other)?;
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
            let opened =
                opened.unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut).into()));
            let checkout = opened.map(|connection| (connection, permit));
            if let Err(Ok((connection, _permit))) = sender.send(checkout) {
                server.idle().push(connection);
            }
        };
        Handle::try_current()
            .map_err(io::Error::other)?
            .spawn(connecting);
        receiver.await.map_err(io::Error::other)?
    }

    /// Closes the idle connections, which are likely to be as bad.
    fn failed(&self, error: &ConnectionError) -> StoreError {
        self.idle().clear();
        error.at(&self.address)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        lock(&self.idle)
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

/// One server or more.
pub(crate) struct Servers(Vec<Arc<Server>>);

/// A server, and the indices of its names.
pub(crate) type Group<'a> = (&'a Arc<Server>, Vec<usize>);

impl Servers {
    /// The servers at these addresses, of which there is at least one.
    pub(crate) fn new(mut addresses: Vec<String>) -> Self {
        addresses.sort();
        addresses.dedup();
        Self(
            addresses
                .into_iter()
                .map(Server::new)
                .map(Arc::new)
                .collect(),
        )
    }

    /// The server of a name: the one for which the hash of its address and the name is highest. So all
    /// processes find the same one, and if a server is removed, only its names move.
    pub(crate) fn of(&self, name: &str) -> &Arc<Server> {
        let mut best = &self.0[0];
        if let [_] = self.0[..] {
            return best;
        }
        let mut highest = score(best.address(), name);
        for server in &self.0[1..] {
            let score = score(server.address(), name);
            if score > highest {
                (best, highest) = (server, score);
            }
        }
        best
    }

    /// The names by server, at most [`MAX_BATCH`] in a group.
    pub(crate) fn groups(&self, names: &[&str]) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let server = self.of(name);
            let has_room = |(other, indices): &&mut Group<'_>| {
                Arc::ptr_eq(other, server) && indices.len() < MAX_BATCH
            };
            match groups.iter_mut().find(has_room) {
                Some((_, indices)) => indices.push(index),
                None => groups.push((server, vec![index])),
            }
        }
        groups
    }
}

fn score(address: &str, name: &str) -> [u8; 20] {
    let mut sha = Sha1::new();
    sha.update(address);
    sha.update([0]);
    sha.update(name);
    sha.finalize().into()
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.0.iter().map(|server| server.address());
        f.debug_list().entries(addresses).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn servers(addresses: &[&str]) -> Servers {
        Servers::new(addresses.iter().map(ToString::to_string).collect())
    }

    fn names() -> Vec<String> {
        (0..3000).map(|number| format!("shop:g:{number}")).collect()
    }

    #[test]
    fn the_server_of_a_name_is_the_same_in_any_order_and_version() {
        let (one, other) = (
            servers(&["a:1", "b:1", "c:1"]),
            servers(&["c:1", "a:1", "b:1", "a:1"]),
        );
        for name in names() {
            assert_eq!(one.of(&name).address(), other.of(&name).address());
        }
        let found =
            ["shop:g:0", "shop:g:1", "shop:g:2", "shop:g:3"].map(|name| one.of(name).address());
        assert_eq!(found, ["c:1", "b:1", "a:1", "b:1"]);
    }

    #[test]
    fn names_are_spread_and_only_those_of_a_removed_server_move() {
        let (all, fewer) = (servers(&["a:1", "b:1", "c:1"]), servers(&["a:1", "c:1"]));
        let mut spread = BTreeMap::<_, u32>::new();
        for name in names() {
            let before = all.of(&name).address();
            *spread.entry(before).or_default() += 1;
            if before != "b:1" {
                assert_eq!(fewer.of(&name).address(), before);
            }
        }
        assert!(
            spread.values().all(|names| (900..1100).contains(names)),
            "{spread:?}"
        );
    }

    #[test]
    fn groups_hold_each_name_once_and_at_most_a_batch() {
        let (servers, names) = (servers(&["a:1", "b:1"]), names());
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut seen = Vec::new();
        for (server, indices) in servers.groups(&names) {
            assert!(indices.len() <= MAX_BATCH);
            assert!(
                indices
                    .iter()
                    .all(|index| Arc::ptr_eq(servers.of(names[*index]), server))
            );
            seen.extend(indices);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..names.len()).collect::<Vec<_>>());
    }
}
