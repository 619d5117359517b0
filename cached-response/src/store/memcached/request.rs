//! What a server is asked, in its meta protocol.

use crate::store::memcached::{expiry::Expiry, key::Key};
use actix_web::web::{BufMut, Bytes, BytesMut};
use std::io::Write;

/// How many things are asked in one round trip at most: so few that their answers are on their way
/// before a server that waits for us to read them stops reading itself.
pub(crate) const MANY: usize = 256;

/// The most that a server can be made to keep. What is longer it would not read to its end, and take
/// the rest for commands.
const LONGEST: usize = 1 << 30;

/// What may come for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// No more than so many bytes of what lies there, or nothing.
    Value { limit: usize },
    /// That it was put there, or why not.
    Put,
    /// That it is no longer there.
    Deleted,
}

/// Things to ask in one round trip, and what may come for an answer.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) head: BytesMut,
    /// The value of a `set`, which is not copied; a line ends after it.
    pub(crate) body: Option<Bytes>,
    pub(crate) expected: Vec<Expected>,
}

impl Request {
    /// What lies there.
    pub(crate) fn get(&mut self, key: &Key<'_>, limit: usize) {
        self.line(b"mg", key, format_args!("v t"));
        self.expected.push(Expected::Value { limit });
    }

    /// What lies there, which lives until `expiry` from now on. Where nothing lies, nothing is done.
    pub(crate) fn touch(&mut self, key: &Key<'_>, expiry: Expiry, limit: usize) {
        self.line(b"mg", key, format_args!("T{expiry} v t"));
        self.expected.push(Expected::Value { limit });
    }

    pub(crate) fn delete(&mut self, key: &Key<'_>) {
        self.head.put_slice(b"md ");
        self.head.put_slice(key.as_bytes());
        self.head.put_slice(b"\r\n");
        self.expected.push(Expected::Deleted);
    }

    /// Puts something short there, unless something lies there.
    pub(crate) fn add(&mut self, key: &Key<'_>, bytes: &[u8], expiry: Expiry) {
        self.line(b"ms", key, format_args!("{} T{expiry} ME", bytes.len()));
        self.head.put_slice(bytes);
        self.head.put_slice(b"\r\n");
        self.expected.push(Expected::Put);
    }

    /// Puts something there. `None` where it is too long for any server.
    pub(crate) fn set(key: &Key<'_>, bytes: Bytes, expiry: Expiry) -> Option<Self> {
        if bytes.len() > LONGEST {
            return None;
        }
        let mut request = Self::default();
        request.line(b"ms", key, format_args!("{} T{expiry}", bytes.len()));
        request.body = Some(bytes);
        request.expected.push(Expected::Put);
        Some(request)
    }

    fn line(&mut self, command: &[u8], key: &Key<'_>, flags: std::fmt::Arguments<'_>) {
        self.head.put_slice(command);
        self.head.put_u8(b' ');
        self.head.put_slice(key.as_bytes());
        // Writing to bytes in memory cannot fail.
        let _ = write!((&mut self.head).writer(), " {flags}\r\n");
    }
}
