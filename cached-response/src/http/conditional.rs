//! Validators (RFC 9110 §8.8) and the preconditions on them that a stored
//! response can answer (§13.1.2 and §13.1.3): does the client have it already?

use std::fmt::Write;

use actix_web::http::header::{self, HeaderMap, HeaderName, HttpDate};
use sha1::{Digest, Sha1};

/// The fields by which a request asks for less than the whole response (RFC 9110 §13.1, §14.2).
pub(crate) static CONDITIONS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// Whether a request has conditions, or asks for a part.
pub(crate) fn is_conditional(asked: &HeaderMap) -> bool {
    CONDITIONS.iter().any(|name| asked.contains_key(name))
}

/// What the client's validators say about a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Nothing that spares it the response.
    None,
    /// The client has it: 304.
    NotModified,
}

/// Compares the validators of a GET or HEAD with those of a stored response.
///
/// `If-None-Match` comes with all its lines; where there is one, it rules alone
/// (RFC 9110 §13.2.2). `If-Modified-Since` is `None` where it is repeated.
pub(crate) fn evaluate<'a>(
    if_none_match: impl Iterator<Item = &'a [u8]>,
    if_modified_since: Option<&[u8]>,
    etag: Option<&[u8]>,
    last_modified: Option<&[u8]>,
) -> Precondition {
    let mut lines = if_none_match.peekable();
    let not_modified = if lines.peek().is_some() {
        any_matches(lines, etag)
    } else {
        is_no_later(last_modified, if_modified_since)
    };
    if not_modified {
        Precondition::NotModified
    } else {
        Precondition::None
    }
}

/// A strong entity tag of the body, the same in every process.
pub(crate) fn etag_of(body: &[u8]) -> String {
    let digest = Sha1::digest(body);
    let mut etag = String::with_capacity(34);
    etag.push('"');
    for byte in &digest[..16] {
        // Writing to a `String` cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

/// RFC 9110 §13.1.2. The stored response is there, so `*` matches.
fn any_matches<'a>(mut lines: impl Iterator<Item = &'a [u8]>, etag: Option<&[u8]>) -> bool {
    let stored = etag
        .and_then(entity_tag)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(opaque, _)| opaque);
    lines.any(|line| {
        line.trim_ascii() == b"*" || EntityTags { rest: line }.any(|opaque| Some(opaque) == stored)
    })
}

/// RFC 9110 §13.1.3. Dates that cannot be read are as good as none.
fn is_no_later(last_modified: Option<&[u8]>, since: Option<&[u8]>) -> bool {
    match (last_modified.and_then(date), since.and_then(date)) {
        (Some(last_modified), Some(since)) => last_modified <= since,
        _ => false,
    }
}

/// The whole value as a strong entity tag: its opaque part, where it is one.
pub(crate) fn strong_tag(value: &[u8]) -> Option<&[u8]> {
    let opened = value.trim_ascii().strip_prefix(b"\"")?;
    let opaque = opened.strip_suffix(b"\"")?;
    (!opaque.contains(&b'"')).then_some(opaque)
}

/// Any of the three formats of RFC 9110 §5.6.7.
pub(crate) fn date(value: &[u8]) -> Option<HttpDate> {
    str::from_utf8(value).ok()?.parse().ok()
}

/// The opaque parts of the entity tags in a line.
///
/// `W/` is left out, as the weak comparison of RFC 9110 §8.8.3.2 does. A tag is
/// no quoted string: in it `\` stands for itself and `,` separates nothing.
struct EntityTags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for EntityTags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.rest.iter().position(|byte| !b", \t".contains(byte))?;
            let member = &self.rest[start..];
            if let Some((opaque, rest)) = entity_tag(member) {
                self.rest = rest;
                return Some(opaque);
            }
            // Not a tag: on to the next member, unless a stray quote makes it
            // anyone's guess where that is.
            let end = member.iter().position(|byte| b",\"".contains(byte))?;
            if member[end] == b'"' {
                return None;
            }
            self.rest = &member[end..];
        }
    }
}

/// The tag at the start of `member` and what comes after it, if it is one that
/// ends where a member may end.
fn entity_tag(member: &[u8]) -> Option<(&[u8], &[u8])> {
    let quoted = member.strip_prefix(b"W/").unwrap_or(member);
    let opened = quoted.strip_prefix(b"\"")?;
    let end = opened.iter().position(|byte| *byte == b'"')?;
    let rest = &opened[end + 1..];
    let ends = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
    ends.then_some((&opened[..end], rest))
}

#[cfg(test)]
mod tests;
