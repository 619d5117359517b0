//! Requests and responses of Memcached's meta protocol.

use crate::store::{
    StoredValue,
    memcached::{expiry::Expiry, key::MemcachedKey},
};
use actix_web::web::{BufMut, Bytes, BytesMut};
use std::{io::Write, time::Duration};

/// The maximum number of commands in one round trip: so few that their responses are on their way before a
/// server that waits for the client to read them stops reading itself.
pub(crate) const MAX_BATCH: usize = 256;

/// The maximum length of a value that a server can store, in bytes. It would not read a longer one to its
/// end, and take the rest for commands.
const MAX_VALUE_BYTES: usize = 1 << 30;

/// The response that a command expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedResponse {
    /// At most so many bytes of the value, or nothing.
    Value { limit: usize },
    /// The confirmation that the value was stored, or the reason why not.
    Stored,
    /// The confirmation that the value is gone.
    Deleted,
}

/// Commands that are sent in one round trip, and the responses that they expect.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) head: BytesMut,
    /// The value of a `set`, which is not copied; a line ends after it.
    pub(crate) body: Option<Bytes>,
    pub(crate) expected: Vec<ExpectedResponse>,
}

impl Request {
    /// Reads a value.
    pub(crate) fn get(&mut self, key: &MemcachedKey<'_>, limit: usize) {
        self.line(b"mg", key, format_args!("v t"));
        self.expected.push(ExpectedResponse::Value { limit });
    }

    /// Reads a value and has it expire at `expiry`. Without a value nothing is done.
    pub(crate) fn touch(&mut self, key: &MemcachedKey<'_>, expiry: Expiry, limit: usize) {
        self.line(b"mg", key, format_args!("T{expiry} v t"));
        self.expected.push(ExpectedResponse::Value { limit });
    }

    /// Deletes a value.
    pub(crate) fn delete(&mut self, key: &MemcachedKey<'_>) {
        self.head.put_slice(b"md ");
        self.head.put_slice(key.as_bytes());
        self.head.put_slice(b"\r\n");
        self.expected.push(ExpectedResponse::Deleted);
    }

    /// Stores a small value unless there is one.
    pub(crate) fn add(&mut self, key: &MemcachedKey<'_>, bytes: &[u8], expiry: Expiry) {
        self.line(b"ms", key, format_args!("{} T{expiry} ME", bytes.len()));
        self.head.put_slice(bytes);
        self.head.put_slice(b"\r\n");
        self.expected.push(ExpectedResponse::Stored);
    }

    /// Stores a value. `None` if it is too long for any server.
    pub(crate) fn set(key: &MemcachedKey<'_>, bytes: Bytes, expiry: Expiry) -> Option<Self> {
        if bytes.len() > MAX_VALUE_BYTES {
            return None;
        }
        let mut request = Self::default();
        request.line(b"ms", key, format_args!("{} T{expiry}", bytes.len()));
        request.body = Some(bytes);
        request.expected.push(ExpectedResponse::Stored);
        Some(request)
    }

    fn line(&mut self, command: &[u8], key: &MemcachedKey<'_>, flags: std::fmt::Arguments<'_>) {
        self.head.put_slice(command);
        self.head.put_u8(b' ');
        self.head.put_slice(key.as_bytes());
        // Writing to bytes in memory cannot fail.
        let _ = write!((&mut self.head).writer(), " {flags}\r\n");
    }
}

/// The response to one command.
#[derive(Debug)]
pub(crate) enum Response {
    Value(StoredValue),
    Absent,
    Done,
    NotStored,
    Refused(String),
}

impl Response {
    /// The value, if it is one.
    pub(crate) fn value(self) -> Option<StoredValue> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// A line of a response, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The length of the value that follows, and its remaining lifetime.
    Value(usize, Duration),
    /// The command was executed.
    Done,
    /// There is no value to read.
    Absent,
    /// There was no value to delete.
    NotFound,
    /// The value was not stored, since there is one.
    NotStored,
    /// The server cannot execute the command, for this reason. It has read the value of the command.
    Refused(String),
    /// The server has not understood the command, or refuses the connection.
    Misunderstood(String),
    /// The server's clock, in seconds.
    Time(u64),
    /// Another statistic.
    Stat,
    /// The end of the statistics.
    End,
}

/// Parses a line; `None` if it is none of the protocol's.
pub(crate) fn parse_line(bytes: &[u8]) -> Option<Line> {
    let text = str::from_utf8(bytes).ok()?;
    if text.contains(|letter: char| letter.is_control()) {
        return None;
    }
    match text {
        "HD" => Some(Line::Done),
        "EN" => Some(Line::Absent),
        "NF" => Some(Line::NotFound),
        "NS" => Some(Line::NotStored),
        "END" => Some(Line::End),
        "ERROR" => Some(Line::Misunderstood(text.to_owned())),
        _ => parse_arguments(text),
    }
}

fn parse_arguments(text: &str) -> Option<Line> {
    match text.split_once(' ')? {
        ("VA", rest) => parse_value(rest),
        ("STAT", rest) => parse_stat(rest),
        ("SERVER_ERROR", reason) => Some(Line::Refused(reason.to_owned())),
        ("CLIENT_ERROR" | "ERROR", _) => Some(Line::Misunderstood(text.to_owned())),
        _ => None,
    }
}

/// Parses `VA 5 t59`: five bytes, which expire when the clock has ticked 59 times.
fn parse_value(rest: &str) -> Option<Line> {
    let (size, left) = rest.split_once(" t")?;
    let ticks = match left {
        // A value that does not expire was not stored by a cache.
        "-1" => 0,
        ticks => parse_digits(ticks)?,
    };
    // The first tick may come at once.
    let left = Duration::from_secs(ticks.saturating_sub(1));
    Some(Line::Value(parse_digits(size)?.try_into().ok()?, left))
}

fn parse_stat(rest: &str) -> Option<Line> {
    match rest.strip_prefix("time ") {
        Some(seconds) => Some(Line::Time(parse_digits(seconds)?)),
        None => Some(Line::Stat),
    }
}

/// Parses up to 18 digits, which fit.
fn parse_digits(text: &str) -> Option<u64> {
    let is_number =
        (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_a_server_are_parsed() {
        let seconds = Duration::from_secs;
        for (text, expected) in [
            ("VA 5 t60", Line::Value(5, seconds(59))),
            ("VA 0 t1", Line::Value(0, seconds(0))),
            ("VA 5 t0", Line::Value(5, seconds(0))),
            ("VA 5 t-1", Line::Value(5, seconds(0))),
            ("HD", Line::Done),
            ("EN", Line::Absent),
            ("NF", Line::NotFound),
            ("NS", Line::NotStored),
            (
                "SERVER_ERROR out of memory",
                Line::Refused("out of memory".into()),
            ),
            (
                "CLIENT_ERROR bad",
                Line::Misunderstood("CLIENT_ERROR bad".into()),
            ),
            (
                "ERROR Too many",
                Line::Misunderstood("ERROR Too many".into()),
            ),
            ("STAT time 1795393817", Line::Time(1_795_393_817)),
            ("STAT version 1.6.18", Line::Stat),
            ("END", Line::End),
        ] {
            assert_eq!(parse_line(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_lines_are_not_parsed() {
        for text in [
            "",
            " ",
            "hd",
            "HD ",
            "HD t5",
            "VA",
            "VA 5",
            "VA 5 f1",
            "VA t5",
            "VA -1 t5",
            "VA +5 t5",
            "VA 5 t",
            "VA 5 t-2",
            "VA 5 t5 f1",
            "VA  5 t5",
            "VA 9999999999999999999 t5",
            "VALUE a 0 5",
            "STAT time x",
            "HD\r",
            "SERVER_ERROR a\tb",
            "MN",
            "OK",
        ] {
            assert_eq!(parse_line(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_line(b"SERVER_ERROR \xff"), None);
    }

    proptest! {
        #[test]
        fn a_value_has_its_size_and_its_remaining_lifetime(size in 0..1_usize << 40, ticks in 1..1_u64 << 40) {
            let text = format!("VA {size} t{ticks}");
            let left = Duration::from_secs(ticks - 1);
            prop_assert_eq!(parse_line(text.as_bytes()), Some(Line::Value(size, left)));
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>, text in "(VA|HD|STAT|END)[ t0-9-]{0,30}") {
            parse_line(&bytes);
            parse_line(text.as_bytes());
        }
    }
}
