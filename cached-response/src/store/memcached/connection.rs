//! A connection to a server.
//!
//! It is of one call at a time, and whoever drops a call in the middle drops the connection with it:
//! no answer is ever taken for one to another question.

use crate::store::{
    error::StoredValue,
    memcached::{
        error::ConnectionError,
        expiry::ServerClock,
        protocol::{Line, Response, line},
        request::{Expected, Request},
    },
};
use actix_web::web::{Buf, Bytes};
use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// The longest line that is read.
const LONGEST_LINE: usize = 2048;

/// Room that is made for a value before its bytes are there.
const CLAIMED: usize = 64 << 10;

/// How long it is relied on that our clock and the server's go at one speed.
const CLOCK_IS_GOOD_FOR: Duration = Duration::from_secs(60);

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    clock: ServerClock,
}

impl Connection {
    /// Connects, and asks what time it is there.
    pub(crate) async fn open(address: &str) -> Result<Self, ConnectionError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let clock = ask_for_the_time(&mut stream).await?;
        Ok(Self { stream, clock })
    }

    /// Whether it is open still, and nothing has come that nobody has asked for.
    pub(crate) fn is_well(&self) -> bool {
        let nothing_came = self.stream.get_ref().try_read(&mut [0]);
        self.stream.buffer().is_empty()
            && nothing_came.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// The server's clock, as it was when it was asked not long ago.
    pub(crate) async fn clock(&mut self) -> Result<ServerClock, ConnectionError> {
        if self.clock.answered.elapsed() > CLOCK_IS_GOOD_FOR {
            self.clock = ask_for_the_time(&mut self.stream).await?;
        }
        Ok(self.clock)
    }

    /// Asks, and reads an answer to each thing that was asked.
    pub(crate) async fn exchange(
        &mut self,
        request: Request,
    ) -> Result<Vec<Response>, ConnectionError> {
        let tail: &[u8] = if request.body.is_some() { b"\r\n" } else { b"" };
        let body = request.body.unwrap_or_default();
        let mut bytes = request.head.chain(body).chain(tail);
        self.stream.get_mut().write_all_buf(&mut bytes).await?;
        let mut answers = Vec::with_capacity(request.expected.len());
        for expected in request.expected {
            answers.push(self.answer(expected).await?);
        }
        Ok(answers)
    }

    async fn answer(&mut self, expected: Expected) -> Result<Response, ConnectionError> {
        match (expected, read_line(&mut self.stream).await?) {
            (Expected::Value { limit }, Line::Value(size, left)) => {
                let bytes = self.value(size, limit).await?;
                Ok(Response::Value(StoredValue::new(bytes, left)))
            }
            (Expected::Value { .. }, Line::Absent) | (Expected::Deleted, Line::NotFound) => {
                Ok(Response::Absent)
            }
            (Expected::Put | Expected::Deleted, Line::Done) => Ok(Response::Done),
            (Expected::Put, Line::NotStored) => Ok(Response::NotStored),
            // It has read what it refuses, so what follows is in step.
            (Expected::Put, Line::Refused(words)) => Ok(Response::Refused(words)),
            (_, Line::Refused(words) | Line::Misunderstood(words)) => {
                Err(ConnectionError::Refused(words))
            }
            _ => Err(ConnectionError::Garbled("an answer to something else")),
        }
    }

    /// The first bytes of a value. The others are read and forgotten.
    async fn value(&mut self, size: usize, limit: usize) -> Result<Bytes, ConnectionError> {
        let mut bytes = Vec::with_capacity(size.min(limit).min(CLAIMED));
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
                return Err(ConnectionError::Garbled(
                    "a value of another length than it says",
                ));
            }
            self.stream.consume(1);
        }
        Ok(bytes.into())
    }
}

/// What has come, of one byte at least.
async fn fill(stream: &mut BufReader<TcpStream>) -> Result<&[u8], ConnectionError> {
    let buffer = stream.fill_buf().await?;
    if buffer.is_empty() {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
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
        if text.len() > LONGEST_LINE {
            return Err(ConnectionError::Garbled("a line without an end"));
        }
        if end.is_some() {
            let line = text.strip_suffix(b"\r\n").and_then(line);
            return line.ok_or(ConnectionError::Garbled(
                "a line that is none of Memcached's",
            ));
        }
    }
}

async fn ask_for_the_time(
    stream: &mut BufReader<TcpStream>,
) -> Result<ServerClock, ConnectionError> {
    let asked = Instant::now();
    stream.get_mut().write_all(b"stats\r\n").await?;
    let mut second = None;
    loop {
        match read_line(stream).await? {
            Line::Time(time) => second = Some(time),
            Line::Stat => {}
            Line::End => break,
            Line::Refused(words) | Line::Misunderstood(words) => {
                return Err(ConnectionError::Refused(words));
            }
            _ => return Err(ConnectionError::Garbled("an answer to something else")),
        }
    }
    let second = second.ok_or(ConnectionError::Garbled("statistics without the time"))?;
    Ok(ServerClock {
        second,
        asked,
        answered: Instant::now(),
    })
}
