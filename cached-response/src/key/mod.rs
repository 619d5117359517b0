//! The cache key: fields with a tag and a length each, so that two different requests never have the
//! same bytes.
//!
//! A key is written into a buffer that is reused from request to request, looked up as a [`KeyRef`]
//! without a copy, and becomes a [`Key`] when a response is stored under it. Keys are compared by
//! their full bytes.

pub(crate) mod handler_id;
pub(crate) mod part;
pub(crate) mod query;
pub(crate) mod reader;
pub(crate) mod vary;

use crate::{
    http::fields::members,
    key::{handler_id::portable, part::KeyPart},
    util::{has_weak_hashes, weak_hash},
};
use actix_web::{HttpMessage, HttpRequest};
use equivalent::Equivalent;
use foldhash::fast::RandomState;
use serde::Serialize;
use std::{
    any::TypeId,
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    panic::Location,
    sync::{Arc, LazyLock},
};

/// Key of a stored response: the handler, and the inputs of its response. Clones share the bytes.
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

    /// The encoded fields.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Borrows the key for a look-up.
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

/// A borrowed key for a look-up: equal to the [`Key`] of the same bytes, and with the same hash.
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
        if has_weak_hashes() {
            return state.write_u8(weak_hash(self.bytes));
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

/// A key with its hash, so that a look-up need not compute it.
pub(crate) struct HashedKey {
    pub(crate) key: Key,
    pub(crate) hash: u64,
}

impl HashedKey {
    pub(crate) fn new(key: &KeyRef<'_>) -> Self {
        Self {
            key: key.to_key(),
            hash: hash(key),
        }
    }
}

/// Hashes a key with the seed of this process.
pub(crate) fn hash(key: &KeyRef<'_>) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    HASHER.hash_one(key)
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.bytes.escape_ascii())
    }
}

/// The fields of a key. Each has a number below 64; the two upper bits mark an absent field and a
/// list.
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

impl Field {
    const ALL: [Self; 20] = [
        Self::Method,
        Self::Path,
        Self::Parameter,
        Self::Query,
        Self::Scheme,
        Self::Authority,
        Self::Host,
        Self::Forwarded,
        Self::ForwardedHost,
        Self::ForwardedProto,
        Self::Vary,
        Self::Body,
        Self::ContentType,
        Self::Part,
        Self::Serde,
        Self::Inserted,
        Self::VariantList,
        Self::Selector,
        Self::Place,
        Self::Data,
    ];
}

const ABSENT: u8 = 0x80;
const LIST: u8 = 0x40;

/// Reason why a request has no key and bypasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The route's `unless` returned true.
    Unless,
    /// A `serde(..)` part of the key failed to serialise.
    Unserialisable,
    /// A keyed argument or a gate could not be extracted, and the handler receives the error.
    Failed,
}

/// Type tag of a value inside a part of the key.
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
/// its type in front of its value, so that two different sequences of calls
/// are always two different keys.
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
    /// Creates a writer that clears `buffer` and reuses its allocation.
    pub(crate) fn reuse(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            buffer,
            refused: None,
        }
    }

    /// Creates a writer that appends to `written`.
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

    /// Returns true where nothing was written and nothing refused.
    pub(crate) fn is_untouched(&self) -> bool {
        self.buffer.is_empty() && self.refused.is_none()
    }

    /// Reason why the request has no key.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Writes a field and its value.
    #[inline]
    pub(crate) fn field(&mut self, field: Field, bytes: &[u8]) {
        self.tagged(field as u8, bytes);
    }

    /// Writes that a field is absent, which differs from an empty one.
    #[inline]
    pub(crate) fn absent(&mut self, field: Field) {
        self.buffer.push(field as u8 | ABSENT);
    }

    /// Writes a field that may be absent.
    pub(crate) fn optional(&mut self, field: Field, value: Option<&[u8]>) {
        match value {
            Some(value) => self.field(field, value),
            None => self.absent(field),
        }
    }

    /// Writes a request header as a list: its division into lines and blanks around its members have
    /// no meaning. Absent, empty and `,` are three keys.
    pub(crate) fn list<'a>(
        &mut self,
        field: Field,
        name: &str,
        lines: impl Iterator<Item = &'a [u8]>,
    ) {
        self.tagged(field as u8 | LIST, name.as_bytes());
        for member in members(lines) {
            // Length plus one: 0 marks the end.
            self.length(member.len() + 1);
            self.buffer.extend_from_slice(member);
        }
        self.length(0);
    }

    /// Writes a request header line by line, as a handler can read it.
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

    /// Writes a value of the route's `key(..)`.
    ///
    /// The value has a length prefix, so that an implementation that writes nothing, or not always
    /// the same, cannot affect other fields.
    #[doc(hidden)]
    #[inline]
    pub fn part<T: KeyPart + ?Sized>(&mut self, part: &T) {
        let start = self.open(Field::Part);
        part.write(self);
        self.close(start);
    }

    /// Writes a value of the route's `key(serde(..))`, as JSON.
    #[doc(hidden)]
    pub fn serde<T: Serialize + ?Sized>(&mut self, part: &T) {
        let start = self.open(Field::Serde);
        if serde_json::to_writer(&mut self.buffer, part).is_err() {
            self.refuse(Refused::Unserialisable);
        }
        self.close(start);
    }

    /// Refuses the key, since the route's `unless` returned true.
    #[doc(hidden)]
    pub fn unless(&mut self) {
        self.refuse(Refused::Unless);
    }

    /// Writes a discriminant, such as the variant of an enum.
    #[inline]
    pub fn tag(&mut self, tag: u8) {
        self.buffer.extend_from_slice(&[Token::Tag as u8, tag]);
    }

    /// Writes bytes with their length.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.tagged(Token::Bytes as u8, bytes);
    }

    /// Writes text with its length; never equal to the same [`bytes`](Self::bytes).
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.tagged(Token::Text as u8, text.as_bytes());
    }

    /// Writes an unsigned number of any width.
    #[inline]
    pub fn number(&mut self, number: u128) {
        self.minimal(Token::Number, number);
    }

    /// Writes a signed number of any width.
    #[inline]
    pub fn signed(&mut self, number: i128) {
        // Zigzag encoding: small absolute values are short.
        self.minimal(
            Token::Signed,
            ((number << 1) ^ (number >> 127)).cast_unsigned(),
        );
    }

    /// Writes the number of values of a collection, in front of them.
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

    /// Writes a length in base 128, the lowest digit first; the top bit marks that more follow.
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

    /// Refuses the key; the first reason counts.
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

/// Key parts that were inserted into one request.
#[derive(Debug, Default)]
pub(crate) struct InsertedParts(Vec<Result<Vec<u8>, Refused>>);

impl InsertedParts {
    /// Number of parts inserted into `request` so far.
    pub(crate) fn count(request: &HttpRequest) -> usize {
        let extensions = request.extensions();
        extensions.get::<Self>().map_or(0, |parts| parts.0.len())
    }

    pub(crate) fn write(&self, key: &mut KeyWriter) {
        for part in &self.0 {
            match part {
                Ok(part) => key.field(Field::Inserted, part),
                Err(why) => key.refuse(*why),
            }
        }
    }
}

/// Adds a part to the key of this request, for any handler that it reaches. Equal parts that are
/// added at two places of the source are distinct.
///
/// For a middleware that passes a value to the handler other than by its arguments, for example in a
/// task-local: an input of the response that no argument declares must be in the key.
///
/// ```
/// use actix_web::{Error, body::BoxBody, dev::{ServiceRequest, ServiceResponse}, middleware::Next};
/// use cached_response::insert_key_part;
///
/// async fn tenant(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
///     let tenant = 42_u32;
///     insert_key_part(&request, &tenant);
///     // .. set the task-local, and:
///     next.call(request).await
/// }
/// # let _ = actix_web::App::new().wrap(actix_web::middleware::from_fn(tenant));
/// ```
#[track_caller]
pub fn insert_key_part(request: &impl HttpMessage, part: &(impl KeyPart + ?Sized)) {
    let mut key = KeyWriter::reuse(Vec::new());
    // One middleware may add a tenant and another a role: without the place, 7 could be either.
    let place = Location::caller();
    key.text(portable(place.file()));
    key.number(place.line().into());
    key.number(place.column().into());
    key.part(part);
    let part = key.refused().map_or(Ok(()), Err);
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<InsertedParts>() {
        extensions.insert(InsertedParts::default());
    }
    if let Some(parts) = extensions.get_mut::<InsertedParts>() {
        parts.0.push(part.map(|()| key.into_buffer()));
    }
}

#[cfg(test)]
mod tests;
