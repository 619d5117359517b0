//! A connection to a server.
//!
//! One call uses it at a time, and a call that is dropped drops the connection with it: a response is
//! never taken for that of another request.

use crate::store::{
    error::{StoreError, StoreErrorKind, StoredValue},
    memcached::{
        expiry::ServerClock,
        protocol::{ExpectedResponse, Line, Request, Response, parse_line},
    },
};
use actix_web::web::{Buf, Bytes};
use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
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
