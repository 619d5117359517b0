//! RESP2, the protocol of Redis, as far as it is needed: commands are written, answers are read.
//!
//! Simple answers are read by hand; lists and refusals, of which there are few, by the client crate,
//! when it is known where they end.

use actix_web::web::Bytes;
use redis::{Value, parse_redis_value};

use crate::store::{
    error::StoreError,
    redis::{
        answer::{Answer, SHORT, Shape},
        error,
    },
    small_values::SmallValues,
};

/// The most bytes of a list, and of an error.
const LARGEST_LIST: usize = 2 << 20;

/// The most bytes of a line: a number, a status, an error, the length of what follows.
const LONGEST_LINE: usize = 64 << 10;

/// The most parts of a list, and lists in one another.
const MOST_PARTS: usize = 1 << 16;
const DEEPEST: usize = 8;

/// Writes a command of these words.
pub(crate) fn write<'w>(
    words: impl IntoIterator<Item = &'w [u8], IntoIter: Clone>,
    to: &mut Vec<u8>,
) {
    let words = words.into_iter();
    let (count, length) = words.clone().fold((0, 0), |(count, length), word| {
        (count + 1, length + word.len())
    });
    // A length and its line ends take no more than 16 bytes.
    to.reserve(length + (count + 1) * 16);
    to.push(b'*');
    write_length(count, to);
    for word in words {
        to.extend_from_slice(b"\r\n$");
        write_length(word.len(), to);
        to.extend_from_slice(b"\r\n");
        to.extend_from_slice(word);
    }
    to.extend_from_slice(b"\r\n");
}

/// Most have one digit or two.
fn write_length(length: usize, to: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length @ ..10) => to.push(b'0' + length),
        Ok(length @ ..100) => to.extend_from_slice(&[b'0' + length / 10, b'0' + length % 10]),
        _ => to.extend_from_slice(Decimal::of(length as u64).as_bytes()),
    }
}

/// A number as commands have it.
pub(crate) struct Decimal {
    digits: [u8; 20],
    first: usize,
}

impl Decimal {
    pub(crate) fn of(mut number: u64) -> Self {
        let (mut digits, mut first) = ([0; 20], 20);
        loop {
            first -= 1;
            digits[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            if number == 0 {
                return Self { digits, first };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.first..]
    }
}

/// Where the answer of this shape ends that `bytes` begin with; `None` if it is not all there yet.
///
/// # Errors
/// If it is none, or one of another shape, which is that to another command; or if it is longer than
/// what was asked for.
pub(crate) fn end_of(bytes: &[u8], shape: Shape) -> Result<Option<usize>, StoreError> {
    Ok(scan(bytes, shape)?.map(|(_, end)| end))
}

/// The answer of this shape that `bytes` have `at` a place, which is that of the next then. What it
/// has of them is not copied.
///
/// # Errors
/// As [`end_of`], or if it is not all there.
pub(crate) fn take(bytes: &Bytes, at: &mut usize, shape: Shape) -> Result<Answer, StoreError> {
    let start = *at;
    let rest = bytes.get(start..).unwrap_or_default();
    let (found, end) = scan(rest, shape)?.ok_or_else(error::protocol_error)?;
    *at += end;
    match found {
        Found::Bytes(from, to) => Ok(Answer::Bytes(bytes.slice(start + from..start + to))),
        Found::Number(number) => Ok(Answer::Number(number)),
        Found::Done => Ok(Answer::Done),
        Found::Nothing => Ok(Answer::Nothing),
        Found::Shorts(count) => {
            let mut shorts = Vec::with_capacity(count);
            each_short(rest, |short| {
                shorts.push(short.map(|(from, to)| bytes.slice(start + from..start + to)));
            })?;
            Ok(Answer::Shorts(shorts))
        }
        Found::Rare => match parse_redis_value(&rest[..end]) {
            Ok(Value::ServerError(error)) => Ok(Answer::Refused(error)),
            Ok(Value::Array(values)) => Ok(Answer::Many(values)),
            Ok(Value::Nil) => Ok(Answer::Nothing),
            _ => Err(error::protocol_error()),
        },
    }
}

/// The short values that `bytes` have `at` a place, if there are few of them. What else may be there,
/// [`take`] knows.
pub(crate) fn take_few(bytes: &Bytes, at: &mut usize, count: usize) -> Option<SmallValues> {
    let rest = bytes.get(*at..)?;
    let (kind, said, _) = short_number(rest)?;
    if kind != b'*' || usize::try_from(said) != Ok(count) || count > SmallValues::FEW {
        return None;
    }
    let (mut parts, mut next, mut fit) = ([(0, 0); SmallValues::FEW], 0, true);
    let end = each_short(rest, |short| {
        let (from, to) = short.map_or((0, 0), |(from, to)| (*at + from, *at + to));
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => parts[next] = (from, to),
            _ => fit = false,
        }
        next += 1;
    });
    let end = end.ok()??;
    fit.then(|| {
        *at += end;
        SmallValues::few(bytes, parts, count)
    })
}

/// What an answer is, and where it is.
enum Found {
    /// From there to there.
    Bytes(usize, usize),
    Number(i64),
    Done,
    Nothing,
    /// So many short values.
    Shorts(usize),
    /// A list or a refusal.
    Rare,
}

fn scan(bytes: &[u8], shape: Shape) -> Result<Option<(Found, usize)>, StoreError> {
    if let Some((kind, number, end)) = short_number(bytes) {
        match (kind, shape) {
            (b':', Shape::Number) => return Ok(Some((Found::Number(number), end))),
            (b'$', Shape::Bytes(limit)) => return bulk(bytes, end, number, limit),
            (b'*', Shape::Shorts(count)) if usize::try_from(number) == Ok(count) => {
                let end = each_short(bytes, |_| {})?;
                return Ok(end.map(|end| (Found::Shorts(count), end)));
            }
            _ => {}
        }
    }
    let Some((kind, line, end)) = line(bytes)? else {
        return Ok(None);
    };
    match (kind, shape) {
        (b':', Shape::Number) => Ok(Some((Found::Number(number(line)?), end))),
        (b'+', Shape::Done) if line == b"OK" => Ok(Some((Found::Done, end))),
        (b'$', Shape::Done | Shape::Many) if line == b"-1" => Ok(Some((Found::Nothing, end))),
        (b'$', Shape::Bytes(limit)) => bulk(bytes, end, number(line)?, limit),
        (b'-', _) => Ok(Some((Found::Rare, end))),
        (b'*', Shape::Many) => list(bytes),
        _ => Err(error::protocol_error()),
    }
}

/// The first line, if it is a number that is not large, as nearly all are: its first byte, the number,
/// and where the next line begins.
fn short_number(bytes: &[u8]) -> Option<(u8, i64, usize)> {
    const MOST_DIGITS: usize = 12;
    let (kind, rest) = bytes.split_first()?;
    let (rest, sign) = match rest {
        [b'-', rest @ ..] => (rest, -1),
        rest => (rest, 1),
    };
    let mut number = 0;
    let mut digits = 0;
    while let digit @ b'0'..=b'9' = rest.get(digits)?
        && digits < MOST_DIGITS
    {
        number = number * 10 + i64::from(digit - b'0');
        digits += 1;
    }
    let is_all = digits > 0 && rest[digits..].starts_with(b"\r\n");
    is_all.then(|| (*kind, sign * number, bytes.len() - rest.len() + digits + 2))
}

fn bulk(
    bytes: &[u8],
    start: usize,
    length: i64,
    limit: usize,
) -> Result<Option<(Found, usize)>, StoreError> {
    let length = usize::try_from(length).map_err(|_| error::protocol_error())?;
    if length > limit {
        return Err(error::protocol_error());
    }
    let after = end_of_bulk(bytes, start, length)?;
    Ok(after.map(|after| (Found::Bytes(start, start + length), after)))
}

/// A line: its first byte, the rest of it, and where the next begins.
type Line<'a> = (u8, &'a [u8], usize);

/// The first line, if it is all there.
fn line(bytes: &[u8]) -> Result<Option<Line<'_>>, StoreError> {
    let within = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        return if within.len() < LONGEST_LINE {
            Ok(None)
        } else {
            Err(error::protocol_error())
        };
    };
    match &within[..end] {
        [kind, line @ .., b'\r'] => Ok(Some((*kind, line, end + 1))),
        _ => Err(error::protocol_error()),
    }
}

fn number(line: &[u8]) -> Result<i64, StoreError> {
    let (digits, sign) = match line {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(error::protocol_error());
    }
    let add = |sum: i64, digit: &u8| {
        sum.checked_mul(10)?
            .checked_add(sign * i64::from(digit - b'0'))
    };
    digits
        .iter()
        .try_fold(0, add)
        .ok_or_else(error::protocol_error)
}

fn end_of_bulk(bytes: &[u8], start: usize, length: usize) -> Result<Option<usize>, StoreError> {
    let end = start
        .checked_add(length)
        .ok_or_else(error::protocol_error)?;
    match bytes.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Some(end + 2)),
        [] | [b'\r'] => Ok(None),
        _ => Err(error::protocol_error()),
    }
}

/// Where each of the short values in a list is, as far as it is one; and where the list ends, if it is
/// all there.
fn each_short(
    bytes: &[u8],
    mut short: impl FnMut(Option<(usize, usize)>),
) -> Result<Option<usize>, StoreError> {
    let Some((_, count, mut at)) = short_number(bytes) else {
        return Err(error::protocol_error());
    };
    for _ in 0..count {
        let rest = &bytes[at..];
        let Some((b'$', length, after)) = short_number(rest) else {
            // It is not all there, or no length of a short value.
            return line(rest)?.map_or(Ok(None), |_| Err(error::protocol_error()));
        };
        at += after;
        if length == -1 {
            short(None);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| error::protocol_error())?;
        if length > LARGEST_LIST {
            return Err(error::protocol_error());
        }
        let Some(end) = end_of_bulk(bytes, at, length)? else {
            return Ok(None);
        };
        // Of what is longer, the first bytes: it is none of ours.
        short((length > 0).then_some((at, at + length.min(SHORT))));
        at = end;
    }
    Ok(Some(at))
}

fn list(bytes: &[u8]) -> Result<Option<(Found, usize)>, StoreError> {
    match end(bytes, 0, DEEPEST)? {
        Some(end) => Ok(Some((Found::Rare, end))),
        None if bytes.len() < LARGEST_LIST => Ok(None),
        None => Err(error::protocol_error()),
    }
}

/// Where the answer ends that begins at `start`, if it is all there.
fn end(bytes: &[u8], start: usize, deep: usize) -> Result<Option<usize>, StoreError> {
    let Some((kind, said, after)) = line(&bytes[start..])? else {
        return Ok(None);
    };
    let after = start + after;
    let length = match kind {
        b'+' | b'-' | b':' => return Ok(Some(after)),
        b'$' | b'*' if said == b"-1" => return Ok(Some(after)),
        b'$' | b'*' => usize::try_from(number(said)?).map_err(|_| error::protocol_error())?,
        _ => return Err(error::protocol_error()),
    };
    if kind == b'$' {
        return end_of_bulk(bytes, after, length);
    }
    let deep = deep.checked_sub(1).ok_or_else(error::protocol_error)?;
    if length > MOST_PARTS {
        return Err(error::protocol_error());
    }
    let mut at = after;
    for _ in 0..length {
        match end(bytes, at, deep)? {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

#[cfg(test)]
mod tests;
