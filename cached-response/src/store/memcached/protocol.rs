//! Requests and responses of Memcached's meta protocol, the keys of names, and expiry times by the server's
//! clock.
//!
//! Memcached accepts a lifetime in seconds from when it reads the command, or a second of its own clock. Only
//! the latter is right: a command that is delayed by the network must not extend the lifetime, and more than
//! 30 days cannot be expressed in another way.

use crate::store::StoredValue;
use actix_web::web::{BufMut, Bytes, BytesMut};
use sha1::{Digest, Sha1};
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::Write as _,
    time::{Duration, Instant},
};

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

    fn line(&mut self, command: &[u8], key: &MemcachedKey<'_>, flags: fmt::Arguments<'_>) {
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

/// The maximum length of a key, in bytes.
const MAX_KEY_BYTES: usize = 250;

/// The first character of a key that is the hash of a name.
const HASHED: char = '#';

/// A name if a server accepts it as a key: 250 printable bytes at most, without spaces. Otherwise a hash
/// of the name.
pub(crate) struct MemcachedKey<'a>(Cow<'a, str>);

impl<'a> MemcachedKey<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let is_plain = !name.is_empty()
            && name.len() <= MAX_KEY_BYTES
            && !name.starts_with(HASHED)
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        Self(if is_plain {
            name.into()
        } else {
            hashed(name).into()
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn hashed(name: &str) -> String {
    let mut text = String::with_capacity(41);
    text.push(HASHED);
    for byte in Sha1::digest(name) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The longest lifetime; longer ones are cut.
const MAX_LIFETIME: Duration = Duration::from_secs(20 * 365 * 86_400);

/// The last second that a server accepts: it reads 32 bits, up to the year 2038.
const MAX_SECOND: u64 = i32::MAX as u64;

/// The longest lifetime in seconds that a server counts from now.
const MAX_RELATIVE_SECONDS: u64 = 30 * 86_400;

/// The second of the server's clock at some time between request and response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    pub(crate) second: u64,
    pub(crate) requested_at: Instant,
    pub(crate) received_at: Instant,
}

impl ServerClock {
    /// The last second that begins by `deadline`. `None` if that is over, or less than a second away.
    pub(crate) fn no_later_than(&self, deadline: Instant) -> Option<Expiry> {
        deadline.checked_duration_since(Instant::now())?;
        let left = deadline.checked_duration_since(self.received_at)?.as_secs();
        (left > 0).then(|| Expiry::new(self.second + left, left))
    }

    /// A second that begins after `deadline`, even if the clock ticks in between.
    pub(crate) fn no_sooner_than(&self, deadline: Instant) -> Expiry {
        let left = deadline
            .saturating_duration_since(self.requested_at)
            .as_secs()
            + 3;
        Expiry::new(self.second + left, left)
    }
}

/// The time at which a value with this lifetime expires.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_LIFETIME)
}

/// An expiry time as the server accepts it: a second of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry(u64);

impl Expiry {
    fn new(second: u64, left: u64) -> Self {
        let is_far = MAX_SECOND.saturating_sub(second - left) > MAX_RELATIVE_SECONDS;
        match second {
            second if second <= MAX_SECOND => Self(second),
            _ if is_far => Self(MAX_SECOND),
            _ => Self(left.min(MAX_RELATIVE_SECONDS)),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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

    fn key(name: &str) -> String {
        MemcachedKey::of(name).0.into_owned()
    }

    #[test]
    fn a_plain_name_is_its_own_key() {
        let longest = "x".repeat(250);
        for name in ["a", "shop:/products/42:0f", longest.as_str()] {
            assert_eq!(key(name), name);
        }
    }

    #[test]
    fn other_names_have_keys_of_their_own() {
        let names = [
            "",
            "a b",
            "a\tb",
            "a\r\nflush_all\r\n",
            "\u{7f}",
            "ä",
            "#a",
            &key("a b"),
        ];
        let long = [
            format!("{}a", "x".repeat(250)),
            format!("{}b", "x".repeat(250)),
        ];
        let mut keys: Vec<_> = names
            .into_iter()
            .map(key)
            .chain(long.map(|name| key(&name)))
            .collect();
        assert!(
            keys.iter()
                .all(|key| key.starts_with('#') && key.len() == 41)
        );
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 10);
    }

    proptest! {
        #[test]
        fn any_name_has_a_key_that_a_server_accepts(name in "\\PC{0,300}|[ -~]{0,300}|(?s).{0,20}") {
            let key = key(&name);
            prop_assert!((1..=250).contains(&key.len()));
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(key == name || key.starts_with('#'));
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const NEARLY: Duration = Duration::from_nanos(999_999_999);
    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    /// A clock whose response took half a second.
    fn clock(second: u64) -> ServerClock {
        let requested_at = Instant::now();
        ServerClock {
            second,
            requested_at,
            received_at: requested_at + SECOND / 2,
        }
    }

    #[test]
    fn a_lifetime_ends_before_its_deadline_and_an_ensured_one_after_it() {
        let clock = clock(2_000_000);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 10), Some(Expiry(2_000_010)));
        assert_eq!(expiry(SECOND * 9 + NEARLY), Some(Expiry(2_000_009)));
        let deadline = clock.received_at + SECOND * 10;
        assert_eq!(clock.no_sooner_than(deadline), Expiry(2_000_013));
    }

    #[test]
    fn a_deadline_within_a_second_has_no_expiry() {
        let clock = clock(2_000_000);
        let nearly = clock.received_at + NEARLY;
        for over in [clock.requested_at, clock.received_at, nearly] {
            assert_eq!(clock.no_later_than(over), None);
        }
    }

    #[test]
    fn after_the_last_second_lifetimes_are_relative_and_of_thirty_days_at_most() {
        let clock = clock(MAX_SECOND - 100);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 100), Some(Expiry(MAX_SECOND)));
        assert_eq!(expiry(SECOND * 101), Some(Expiry(101)));
        assert_eq!(expiry(YEAR), Some(Expiry(MAX_RELATIVE_SECONDS)));
        let clock = ServerClock {
            second: MAX_SECOND - MAX_RELATIVE_SECONDS - 1,
            ..clock
        };
        assert_eq!(
            clock.no_later_than(clock.received_at + YEAR),
            Some(Expiry(MAX_SECOND))
        );
    }

    #[test]
    fn any_timeout_has_a_deadline() {
        assert!(deadline(Duration::MAX) > Instant::now() + YEAR * 19);
    }
}
