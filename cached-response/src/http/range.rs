//! Byte ranges (RFC 9110 §14.1.2 and §14.2).
//!
//! A request receives the whole response unless its `Range` is unambiguous.

use crate::http::fields;
use std::ops::Range;

/// Result of a `Range` for a response of a given length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Requested {
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
pub(crate) fn requested<'a>(lines: impl Iterator<Item = &'a [u8]>, length: usize) -> Requested {
    let Some(specs) = fields::only(lines).and_then(specs) else {
        return Requested::Whole;
    };
    let mut parts = Vec::new();
    for range in specs.iter().filter_map(|spec| spec.within(length)) {
        join(&mut parts, range);
    }
    match parts.as_slice() {
        [] => Requested::Unsatisfiable,
        [part] => Requested::Part(part.clone()),
        _ => Requested::Parts(parts),
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
