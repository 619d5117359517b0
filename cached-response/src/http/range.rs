//! Byte ranges (RFC 9110 §14.1.2 and §14.2): which bytes of a response a request asks for.
//!
//! A request gets the whole response unless it asks for less in a way that nobody can mistake.

use crate::http::fields;
use std::ops::Range;

/// What a `Range` comes to for a response of a given length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// There is no range, or none that is to be followed.
    Whole,
    Part(Range<usize>),
    /// Several, none of which touches another, in the order in which they were asked for.
    Parts(Vec<Range<usize>>),
    /// No byte that is asked for is there: 416.
    Unsatisfiable,
}

/// So many ranges at most; whoever asks for more gets the whole.
const MOST_RANGES: usize = 16;

/// Reads all the lines of `Range` for a response of `length` bytes.
///
/// Whatever is repeated, malformed or of another unit is ignored, as §14.2 has it. Ranges that
/// touch or overlap become one, so that no byte is ever sent twice.
pub(crate) fn wanted<'a>(lines: impl Iterator<Item = &'a [u8]>, length: usize) -> Wanted {
    let Some(specs) = fields::only(lines).and_then(specs) else {
        return Wanted::Whole;
    };
    let mut parts = Vec::new();
    for range in specs.iter().filter_map(|spec| spec.within(length)) {
        join(&mut parts, range);
    }
    match parts.as_slice() {
        [] => Wanted::Unsatisfiable,
        [part] => Wanted::Part(part.clone()),
        _ => Wanted::Parts(parts),
    }
}

/// What `Content-Range` says of a part of a whole of `length` bytes.
pub(crate) fn place(part: &Range<usize>, length: usize) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end - 1)
}

/// One member of the set, as it was written.
enum Spec {
    /// `first-last`, or `first-`; `last` included.
    Between { first: usize, last: usize },
    /// `-count`.
    Last(usize),
}

impl Spec {
    /// The bytes of it that are there.
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
        .take(MOST_RANGES + 1)
        .map(spec)
        .collect::<Option<_>>()?;
    (1..=MOST_RANGES).contains(&specs.len()).then_some(specs)
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

/// A number of bytes. One too large for us is larger than any response.
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_usize, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// Adds a range to others that do not touch one another, in the place of the first that it joins.
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
