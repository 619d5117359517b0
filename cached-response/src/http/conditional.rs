//! Conditional requests (RFC 9110 §13) and ranges (§14).
//!
//! Validators (§8.8), and the preconditions on them that a stored response can answer: `If-None-Match`
//! (§13.1.2), `If-Modified-Since` (§13.1.3) and `If-Range` (§13.1.5). A request receives the whole response
//! unless its `Range` is unambiguous.

use crate::http::fields;
use actix_web::http::header::{self, HeaderMap, HeaderName, HttpDate};
use sha1::{Digest, Sha1};
use std::{
    fmt::Write as _,
    ops::Range,
    time::{Duration, SystemTime},
};

/// The fields by which a request asks for less than the whole response (RFC 9110 §13.1, §14.2).
pub(crate) static CONDITIONS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// Returns true for a request with a precondition or a range.
pub(crate) fn is_conditional(request: &HeaderMap) -> bool {
    CONDITIONS.iter().any(|name| request.contains_key(name))
}

/// Result of the preconditions of a request for a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The response is sent.
    None,
    /// The client has the response already: 304.
    NotModified,
}

/// Evaluates the preconditions of a GET or HEAD against the validators of a stored response.
///
/// `if_none_match` are all lines of the field, which takes precedence (RFC 9110 §13.2.2).
/// `if_modified_since` is `None` where the field is repeated.
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
        is_unmodified_since(last_modified, if_modified_since)
    };
    if not_modified {
        Precondition::NotModified
    } else {
        Precondition::None
    }
}

/// Computes a strong entity tag of the body, the same in every process.
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

/// RFC 9110 §13.1.2. A stored response exists, so `*` matches.
fn any_matches<'a>(mut lines: impl Iterator<Item = &'a [u8]>, etag: Option<&[u8]>) -> bool {
    let stored = etag
        .and_then(entity_tag)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(opaque, _)| opaque);
    lines.any(|line| {
        line.trim_ascii() == b"*" || EntityTags { rest: line }.any(|opaque| Some(opaque) == stored)
    })
}

/// RFC 9110 §13.1.3. An unreadable date is ignored.
fn is_unmodified_since(last_modified: Option<&[u8]>, since: Option<&[u8]>) -> bool {
    match (last_modified.and_then(date), since.and_then(date)) {
        (Some(last_modified), Some(since)) => last_modified <= since,
        _ => false,
    }
}

/// Validators of a stored response, and its date.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Validators<'a> {
    pub(crate) etag: Option<&'a [u8]>,
    pub(crate) last_modified: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
}

/// Compares all lines of `If-Range` with the validators of a stored response (RFC 9110 §13.1.5).
///
/// Parts of two responses would make a broken file: a weak tag, a repeated field and an unreadable
/// one never match.
pub(crate) fn if_range_matches<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    stored: &Validators<'_>,
) -> bool {
    let Some(condition) = fields::only(lines) else {
        return false;
    };
    match strong_tag(condition) {
        Some(tag) => stored.etag.and_then(strong_tag) == Some(tag),
        None => date(condition).is_some_and(|date| strong_date(stored) == Some(date)),
    }
}

/// The `Last-Modified` of a response that cannot have changed again within that second
/// (RFC 9110 §8.8.2.2), with a minute for clocks that differ.
fn strong_date(stored: &Validators<'_>) -> Option<HttpDate> {
    const MIN_DISTANCE: Duration = Duration::from_secs(60);
    let modified = stored.last_modified.and_then(date)?;
    let made = SystemTime::from(stored.date.and_then(date)?);
    let distance = made.duration_since(modified.into()).ok()?;
    (distance >= MIN_DISTANCE).then_some(modified)
}

/// The opaque part of a value that is one strong entity tag.
fn strong_tag(value: &[u8]) -> Option<&[u8]> {
    let opened = value.trim_ascii().strip_prefix(b"\"")?;
    let opaque = opened.strip_suffix(b"\"")?;
    (!opaque.contains(&b'"')).then_some(opaque)
}

/// Parses any of the three formats of RFC 9110 §5.6.7.
fn date(value: &[u8]) -> Option<HttpDate> {
    str::from_utf8(value).ok()?.parse().ok()
}

/// Iterator over the opaque parts of the entity tags in a line.
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
            // Skip to the next member. After a stray quote its start is unknown.
            let end = member.iter().position(|byte| b",\"".contains(byte))?;
            if member[end] == b'"' {
                return None;
            }
            self.rest = &member[end..];
        }
    }
}

/// Parses the tag at the start of `member`, if it ends where a member may end. Returns its opaque
/// part and the rest.
fn entity_tag(member: &[u8]) -> Option<(&[u8], &[u8])> {
    let quoted = member.strip_prefix(b"W/").unwrap_or(member);
    let opened = quoted.strip_prefix(b"\"")?;
    let end = opened.iter().position(|byte| *byte == b'"')?;
    let rest = &opened[end + 1..];
    let ends = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
    ends.then_some((&opened[..end], rest))
}

/// Result of a `Range` for a response of a given length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedRanges {
    /// No range, or one that is ignored.
    Whole,
    Part(Range<usize>),
    /// Several disjoint ranges, in the order of the request.
    Parts(Vec<Range<usize>>),
    /// None of the requested bytes exists: 416.
    Unsatisfiable,
}

/// Most ranges of a request; one with more receives the whole response.
const MAX_RANGES: usize = 16;

/// Parses all lines of `Range` for a response of `length` bytes.
///
/// A repeated or malformed field, and one of another unit, is ignored (§14.2). Ranges that touch or
/// overlap become one, so that no byte is sent twice.
pub(crate) fn requested_ranges<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    length: usize,
) -> RequestedRanges {
    let Some(specs) = fields::only(lines).and_then(specs) else {
        return RequestedRanges::Whole;
    };
    let mut parts = Vec::new();
    for range in specs.iter().filter_map(|spec| spec.within(length)) {
        join(&mut parts, range);
    }
    match parts.as_slice() {
        [] => RequestedRanges::Unsatisfiable,
        [part] => RequestedRanges::Part(part.clone()),
        _ => RequestedRanges::Parts(parts),
    }
}

/// The value of `Content-Range` for a part of `length` bytes.
pub(crate) fn content_range(part: &Range<usize>, length: usize) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end - 1)
}

/// One member of the range set.
enum Spec {
    /// `first-last`, or `first-`; `last` included.
    Between { first: usize, last: usize },
    /// `-count`.
    Last(usize),
}

impl Spec {
    /// The requested bytes that exist.
    fn within(&self, length: usize) -> Option<Range<usize>> {
        let range = match *self {
            Self::Between { first, last } => first..last.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

fn specs(line: &[u8]) -> Option<Vec<Spec>> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let (unit, set) = (&line[..equals], &line[equals + 1..]);
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs: Vec<Spec> = fields::tokens([set].into_iter())
        .take(MAX_RANGES + 1)
        .map(spec)
        .collect::<Option<_>>()?;
    (1..=MAX_RANGES).contains(&specs.len()).then_some(specs)
}

fn spec(member: &[u8]) -> Option<Spec> {
    let dash = member.iter().position(|byte| *byte == b'-')?;
    match (&member[..dash], &member[dash + 1..]) {
        ([], count) => number(count).map(Spec::Last),
        (first, []) => Some(Spec::Between {
            first: number(first)?,
            last: usize::MAX,
        }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::Between { first, last })
        }
    }
}

/// Parses a number of bytes; one too large is larger than any response.
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_usize, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// Adds a range to disjoint ones, at the place of the first that it overlaps.
fn join(parts: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    let touches =
        |one: &Range<usize>, other: &Range<usize>| one.start <= other.end && other.start <= one.end;
    let place = parts
        .iter()
        .position(|part| touches(part, &range))
        .unwrap_or(parts.len());
    parts.retain(|part| {
        if !touches(part, &range) {
            return true;
        }
        range = range.start.min(part.start)..range.end.max(part.end);
        false
    });
    parts.insert(place, range);
}

#[cfg(test)]
mod tests;
