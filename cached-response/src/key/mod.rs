//! The cache key: fields with a tag and a length each, so that no two requests
//! that differ can be written as the same bytes.
//!
//! A key is written into a buffer that is kept from request to request, looked
//! up as a [`KeyRef`] without a copy, and becomes a [`Key`] where something is
//! stored under it. It is compared by its full bytes; the hash only finds it.

pub(crate) mod handler_id;
pub(crate) mod inserted;
pub(crate) mod part;
pub(crate) mod query;
pub(crate) mod vary;

use std::any::TypeId;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use equivalent::Equivalent;
use serde::Serialize;

use self::part::KeyPart;
use crate::{http::fields::members, util::weak_hash};

/// What a stored response is found by: the handler, and what it was asked for.
///
/// Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    handler: TypeId,
    bytes: Arc<[u8]>,
}

impl Key {
    /// The handler this key belongs to.
    pub(crate) fn handler(&self) -> TypeId {
        self.handler
    }

    /// The fields as they were written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// This key in the form in which it is looked up.
    pub(crate) fn borrowed(&self) -> KeyRef<'_> {
        KeyRef::new(self.handler, &self.bytes)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

/// A key that is only looked up: equal to the [`Key`] it would become, and of
/// the same hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    handler: TypeId,
    bytes: &'a [u8],
}

impl<'a> KeyRef<'a> {
    pub(crate) fn new(handler: TypeId, bytes: &'a [u8]) -> Self {
        Self { handler, bytes }
    }

    /// Copies the bytes.
    pub(crate) fn to_key(self) -> Key {
        Key {
            handler: self.handler,
            bytes: self.bytes.into(),
        }
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if weak_hash::is_on() {
            return state.write_u8(weak_hash::hash(self.bytes));
        }
        state.write(self.bytes);
        self.handler.hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.handler == key.handler && *self.bytes == *key.bytes
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.bytes.escape_ascii())
    }
}

/// The fields of a key. Each has a number of its own below 64; the two upper
/// bits say that a field is absent or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Method = 1,
    Path,
    Parameter,
    Query,
    Scheme,
    Authority,
    Host,
    Forwarded,
    ForwardedHost,
    ForwardedProto,
    Vary,
    Body,
    ContentType,
    Part,
    Serde,
    Inserted,
    VariantList,
    Selector,
    Place,
    Data,
}

const ABSENT: u8 = 0x80;
const LIST: u8 = 0x40;

/// Why a request has no key. It is then not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The route's `unless` said so.
    Unless,
    /// A `serde(..)` part of the key failed to serialise.
    Unserialisable,
    /// An argument that is keyed or a gate could not be extracted, and the handler sees why.
    Failed,
}

/// What a value is, inside a part of the key.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Token {
    Tag = 1,
    Bytes,
    Text,
    Number,
    Signed,
    Count,
}

/// Writes a cache key.
///
/// An implementation of [`KeyPart`] gets one and calls [`tag`](Self::tag),
/// [`bytes`](Self::bytes), [`text`](Self::text), [`number`](Self::number),
/// [`signed`](Self::signed) and [`count`](Self::count). Each of these writes
/// what it is in front of its value, so whatever the order of the calls, two
/// different sequences of calls are two different keys.
///
/// ```
/// use cached_response::{KeyPart, KeyWriter};
///
/// struct Page { number: u32, size: u32 }
///
/// impl KeyPart for Page {
///     fn write(&self, key: &mut KeyWriter) {
///         key.number(self.number.into());
///         key.number(self.size.into());
///     }
/// }
///
/// fn is_key_part<T: KeyPart>(_: &T) -> bool { true }
/// assert!(is_key_part(&Page { number: 1, size: 20 }));
/// ```
pub struct KeyWriter {
    buffer: Vec<u8>,
    refused: Option<Refused>,
}

impl KeyWriter {
    /// A writer into `buffer`, whose content is forgotten and whose room is
    /// used again.
    pub(crate) fn reuse(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            buffer,
            refused: None,
        }
    }

    /// A writer that goes on behind what was written before.
    pub(crate) fn resume(written: &[u8]) -> Self {
        Self {
            buffer: written.to_vec(),
            refused: None,
        }
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The key so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing was written, and nothing refused.
    pub(crate) fn is_untouched(&self) -> bool {
        self.buffer.is_empty() && self.refused.is_none()
    }

    /// Why there is no key after all.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// A field and its value.
    #[inline]
    pub(crate) fn field(&mut self, field: Field, bytes: &[u8]) {
        self.tagged(field as u8, bytes);
    }

    /// A field that is not there, which is not the same as an empty one.
    #[inline]
    pub(crate) fn absent(&mut self, field: Field) {
        self.buffer.push(field as u8 | ABSENT);
    }

    /// A field that may be absent.
    pub(crate) fn optional(&mut self, field: Field, value: Option<&[u8]>) {
        match value {
            Some(value) => self.field(field, value),
            None => self.absent(field),
        }
    }

    /// A request header as a list: how it is cut into lines, and blanks around
    /// its members, make no difference. Absent, empty and `,` are three keys.
    pub(crate) fn list<'a>(
        &mut self,
        field: Field,
        name: &str,
        lines: impl Iterator<Item = &'a [u8]>,
    ) {
        self.tagged(field as u8 | LIST, name.as_bytes());
        for member in members(lines) {
            // One more than the length, so that 0 is left for the end.
            self.length(member.len() + 1);
            self.buffer.extend_from_slice(member);
        }
        self.length(0);
    }

    /// A request header as it was sent, line by line: a handler that sees headers sees them so.
    pub(crate) fn lines(
        &mut self,
        field: Field,
        name: &str,
        lines: impl Iterator<Item = impl AsRef<[u8]>>,
    ) {
        self.field(field, name.as_bytes());
        for line in lines {
            self.field(field, line.as_ref());
        }
        self.absent(field);
    }

    /// A value of the route's `key(..)`.
    ///
    /// The whole value has a length in front, so that an implementation that
    /// writes nothing, or not always the same, stays within its own bounds.
    #[doc(hidden)]
    #[inline]
    pub fn part<T: KeyPart + ?Sized>(&mut self, part: &T) {
        let start = self.open(Field::Part);
        part.write(self);
        self.close(start);
    }

    /// A value of the route's `key(serde(..))`, as JSON.
    #[doc(hidden)]
    pub fn serde<T: Serialize + ?Sized>(&mut self, part: &T) {
        let start = self.open(Field::Serde);
        if serde_json::to_writer(&mut self.buffer, part).is_err() {
            self.refuse(Refused::Unserialisable);
        }
        self.close(start);
    }

    /// The route's `unless` holds for this request.
    #[doc(hidden)]
    pub fn unless(&mut self) {
        self.refuse(Refused::Unless);
    }

    /// Which of several: the variant of an enum, say.
    #[inline]
    pub fn tag(&mut self, tag: u8) {
        self.buffer.extend_from_slice(&[Token::Tag as u8, tag]);
    }

    /// Bytes, with their length.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.tagged(Token::Bytes as u8, bytes);
    }

    /// Text, with its length; never equal to the same [`bytes`](Self::bytes).
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.tagged(Token::Text as u8, text.as_bytes());
    }

    /// A number without a sign, of any width.
    #[inline]
    pub fn number(&mut self, number: u128) {
        self.minimal(Token::Number, number);
    }

    /// A number with a sign, of any width.
    #[inline]
    pub fn signed(&mut self, number: i128) {
        // Zigzag: small numbers stay short on both sides of zero.
        self.minimal(
            Token::Signed,
            ((number << 1) ^ (number >> 127)).cast_unsigned(),
        );
    }

    /// How many values follow, in front of the values of a collection.
    #[inline]
    pub fn count(&mut self, count: usize) {
        self.buffer.push(Token::Count as u8);
        self.length(count);
    }

    fn minimal(&mut self, token: Token, number: u128) {
        let bytes = number.to_le_bytes();
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        self.tagged(token as u8, &bytes[..used]);
    }

    #[inline]
    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.buffer.push(tag);
        self.length(bytes.len());
        self.buffer.extend_from_slice(bytes);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    #[inline]
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.buffer.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        self.buffer.push(length.to_le_bytes()[0]);
    }

    #[inline]
    fn open(&mut self, field: Field) -> usize {
        self.buffer.push(field as u8);
        self.buffer.extend_from_slice(&[0; size_of::<u64>()]);
        self.buffer.len()
    }

    #[inline]
    fn close(&mut self, start: usize) {
        let length = (self.buffer.len() - start) as u64;
        self.buffer[start - size_of::<u64>()..start].copy_from_slice(&length.to_le_bytes());
    }

    /// There is no key after all.
    pub(crate) fn refuse(&mut self, why: Refused) {
        self.refused.get_or_insert(why);
    }
}

impl fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWriter")
            .field("bytes", &self.buffer.escape_ascii().to_string())
            .field("refused", &self.refused)
            .finish()
    }
}

#[cfg(test)]
mod tests;
