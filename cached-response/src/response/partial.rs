//! Partial answers: 206 with one part of a stored response or several (`multipart/byteranges`, RFC 9110
//! §14.6), and 416.

use crate::{
    entry::StoredResponse,
    http::{
        conditional::{self, RequestedRanges, Validators, content_range, requested_ranges},
        content_coding,
        fields::{self, lines},
    },
};
use actix_web::{
    HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::ResponseHead,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use std::{
    collections::hash_map::RandomState,
    convert::Infallible,
    hash::BuildHasher,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

/// Turns the head of a whole answer into a 206 or a 416, where `request` has a range, and returns its
/// body. `None` leaves the answer whole.
///
/// Preconditions are evaluated before (RFC 9110 §13.2.2).
pub(crate) fn narrow(
    stored: &StoredResponse,
    request: &HttpRequest,
    head: &mut ResponseHead,
) -> Option<BoxBody> {
    let asked = request.headers();
    // Nearly all requests return here.
    if !asked.contains_key(&header::RANGE) || !may_be_cut(stored, request) {
        return None;
    }
    match requested_ranges(lines(asked, &header::RANGE), stored.body.len()) {
        RequestedRanges::Whole => None,
        RequestedRanges::Part(part) => one(stored, part, head),
        RequestedRanges::Parts(parts) => several(stored, &parts, head),
        RequestedRanges::Unsatisfiable => none(stored, head),
    }
}

fn one(stored: &StoredResponse, part: Range<usize>, head: &mut ResponseHead) -> Option<BoxBody> {
    let place = HeaderValue::from_str(&content_range(&part, stored.body.len())).ok()?;
    partial(head);
    head.headers.insert(header::CONTENT_RANGE, place);
    Some(BoxBody::new(stored.body.slice(part)))
}

fn several(
    stored: &StoredResponse,
    parts: &[Range<usize>],
    head: &mut ResponseHead,
) -> Option<BoxBody> {
    // Clients would take the coding of one part for that of all.
    if field_of(stored, &header::CONTENT_ENCODING).is_some() {
        return None;
    }
    let media = field_of(stored, &header::CONTENT_TYPE);
    let (media, body) = of(&stored.body, media, parts)?;
    partial(head);
    head.headers.remove(&header::CONTENT_RANGE);
    head.headers.insert(header::CONTENT_TYPE, media);
    Some(BoxBody::new(body))
}

fn none(stored: &StoredResponse, head: &mut ResponseHead) -> Option<BoxBody> {
    let length = HeaderValue::from_str(&format!("bytes */{}", stored.body.len())).ok()?;
    head.status = StatusCode::RANGE_NOT_SATISFIABLE;
    head.headers.retain(|name, _| !speaks_of_the_whole(name));
    head.headers.insert(header::CONTENT_RANGE, length);
    // A cache without support for ranges would answer every request with it.
    let never = HeaderValue::from_static("no-store");
    head.headers.insert(header::CACHE_CONTROL, never);
    Some(BoxBody::new(()))
}

/// Fields of a 206 are those of the 200 (RFC 9110 §15.3.7), except for lengths and digests of the content.
fn partial(head: &mut ResponseHead) {
    head.status = StatusCode::PARTIAL_CONTENT;
    for name in ["content-length", "content-md5", "content-digest"] {
        head.headers.remove(name);
    }
}

/// Fields of a 416: it is not about the stored content, and not to be stored for as long.
fn speaks_of_the_whole(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        || *name == header::LAST_MODIFIED
        || *name == header::EXPIRES
        || ["cdn-cache-control", "surrogate-control"].contains(&name.as_str())
}

/// The ranges of a GET (RFC 9110 §14.2) that a 200 answers, unless the handler forbids ranges, or
/// `If-Range` names another response.
fn may_be_cut(stored: &StoredResponse, request: &HttpRequest) -> bool {
    let accepted = stored.headers.iter();
    let accepted = accepted.filter(|(name, _)| *name == header::ACCEPT_RANGES);
    let uncut = fields::contains(accepted.map(|(_, value)| value.as_bytes()), "none");
    *request.method() == Method::GET
        && stored.status == StatusCode::OK
        && !uncut
        && fits(stored, request.headers())
}

fn fits(stored: &StoredResponse, asked: &HeaderMap) -> bool {
    // A cache does not evaluate these (RFC 9110 §13.2.1); a client would add a part that fails them to
    // another response.
    if asked.contains_key(&header::IF_MATCH) || asked.contains_key(&header::IF_UNMODIFIED_SINCE) {
        return false;
    }
    if !asked.contains_key(&header::IF_RANGE) {
        return true;
    }
    let bytes = HeaderValue::as_bytes;
    let validators = Validators {
        etag: stored.etag.as_ref().map(bytes),
        last_modified: stored.last_modified.as_ref().map(bytes),
        date: field_of(stored, &header::DATE).map(bytes),
    };
    conditional::if_range_matches(lines(asked, &header::IF_RANGE), &validators)
        && !may_have_been_coded(stored, asked)
}

/// Returns true where the client may hold a part of this response in the coding of an outer compressor.
fn may_have_been_coded(stored: &StoredResponse, asked: &HeaderMap) -> bool {
    let media = field_of(stored, &header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    field_of(stored, &header::CONTENT_ENCODING).is_none()
        && content_coding::is_encodable(media)
        && content_coding::accepts_any(lines(asked, &header::ACCEPT_ENCODING))
}

fn field_of<'s>(stored: &'s StoredResponse, name: &HeaderName) -> Option<&'s HeaderValue> {
    let mut fields = stored.headers.iter();
    fields
        .find(|(field, _)| field == name)
        .map(|(_, value)| value)
}

/// The media type and body of `parts` of `whole`, whose own media type is `media`.
///
/// `None` where the parts with their heads would be longer than the whole.
pub(crate) fn of(
    whole: &Bytes,
    media: Option<&HeaderValue>,
    parts: &[Range<usize>],
) -> Option<(HeaderValue, Pieces)> {
    let boundary = boundary();
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for part in parts {
        pieces.push(head(&boundary, media, part, whole.len()));
        pieces.push(whole.slice(part.clone()));
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if length > whole.len() {
        return None;
    }
    let media = format!("multipart/byteranges; boundary={boundary}");
    let pieces = Pieces {
        left: pieces.into_iter(),
        length: length as u64,
    };
    Some((HeaderValue::from_str(&media).ok()?, pieces))
}

fn head(boundary: &str, media: Option<&HeaderValue>, part: &Range<usize>, length: usize) -> Bytes {
    let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
    if let Some(media) = media {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(media.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let place = content_range(part, length);
    head.extend_from_slice(format!("Content-Range: {place}\r\n\r\n").as_bytes());
    head.into()
}

/// 128 random bits, so that no body contains them.
fn boundary() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

/// A body of pieces; those of the stored body are not copied.
#[derive(Debug)]
pub(crate) struct Pieces {
    left: vec::IntoIter<Bytes>,
    length: u64,
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.left.next().map(Ok))
    }
}

#[cfg(test)]
mod tests;
