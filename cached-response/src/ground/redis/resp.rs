//! RESP2, the protocol of Redis, as far as it is needed: commands are written, answers are read.
//!
//! Simple answers are read by hand; lists and refusals, of which there are few, by the client crate,
//! when it is known where they end.

use actix_web::web::Bytes;
use redis::{Value, parse_redis_value};

use super::{
    answer::{Answer, Shape},
    failure,
};
use crate::ground::store::StoreError;

/// The most bytes of a list, and of an error.
const LARGEST_LIST: usize = 2 << 20;

/// The most bytes of a line: a number, a status, an error, the length of what follows.
const LONGEST_LINE: usize = 64 << 10;

/// The most parts of a list, and lists in one another.
const MOST_PARTS: usize = 1 << 16;
const DEEPEST: usize = 8;

/// Writes a command of these words.
pub(super) fn write<const COUNT: usize>(words: [&[u8]; COUNT], to: &mut Vec<u8>) {
    // A length and its line ends take no more than 16 bytes.
    to.reserve(words.iter().map(|word| word.len() + 16).sum::<usize>() + 16);
    to.push(b'*');
    write_length(COUNT, to);
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
pub(super) struct Decimal {
    digits: [u8; 20],
    first: usize,
}

impl Decimal {
    pub(super) fn of(mut number: u64) -> Self {
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

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.first..]
    }
}

/// Where the answer of this shape ends that `bytes` begin with; `None` if it is not all there yet.
///
/// # Errors
/// If it is none, or one of another shape, which is that to another command; or if it is longer than
/// what was asked for.
pub(super) fn end_of(bytes: &[u8], shape: Shape) -> Result<Option<usize>, StoreError> {
    Ok(scan(bytes, shape)?.map(|(_, end)| end))
}

/// Takes the answer of this shape off the beginning of `bytes`. What it has of them is not copied.
///
/// # Errors
/// As [`end_of`], or if it is not all there.
pub(super) fn take(bytes: &mut Bytes, shape: Shape) -> Result<Answer, StoreError> {
    let (found, end) = scan(bytes, shape)?.ok_or_else(failure::garbled)?;
    let whole = bytes.split_to(end);
    match found {
        Found::Bytes(start, length) => Ok(Answer::Bytes(whole.slice(start..start + length))),
        Found::Number(number) => Ok(Answer::Number(number)),
        Found::Done => Ok(Answer::Done),
        Found::Nothing => Ok(Answer::Nothing),
        Found::Rare => match parse_redis_value(&whole) {
            Ok(Value::ServerError(error)) => Ok(Answer::Refused(error)),
            Ok(Value::Array(values)) => Ok(Answer::Many(values)),
            Ok(Value::Nil) => Ok(Answer::Nothing),
            _ => Err(failure::garbled()),
        },
    }
}

/// What an answer is, and where it is.
enum Found {
    Bytes(usize, usize),
    Number(i64),
    Done,
    Nothing,
    /// A list or a refusal.
    Rare,
}

fn scan(bytes: &[u8], shape: Shape) -> Result<Option<(Found, usize)>, StoreError> {
    let Some((kind, line, end)) = line(bytes)? else {
        return Ok(None);
    };
    match (kind, shape) {
        (b':', Shape::Number) => Ok(Some((Found::Number(number(line)?), end))),
        (b'+', Shape::Done) if line == b"OK" => Ok(Some((Found::Done, end))),
        (b'$', Shape::Done | Shape::Many) if line == b"-1" => Ok(Some((Found::Nothing, end))),
        (b'$', Shape::Bytes(limit)) => {
            let length = usize::try_from(number(line)?).map_err(|_| failure::garbled())?;
            if length > limit {
                return Err(failure::garbled());
            }
            let after = end_of_bulk(bytes, end, length)?;
            Ok(after.map(|after| (Found::Bytes(end, length), after)))
        }
        (b'-', _) => Ok(Some((Found::Rare, end))),
        (b'*', Shape::Many) => list(bytes),
        _ => Err(failure::garbled()),
    }
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
            Err(failure::garbled())
        };
    };
    match &within[..end] {
        [kind, line @ .., b'\r'] => Ok(Some((*kind, line, end + 1))),
        _ => Err(failure::garbled()),
    }
}

fn number(line: &[u8]) -> Result<i64, StoreError> {
    let (digits, sign) = match line {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(failure::garbled());
    }
    let add = |sum: i64, digit: &u8| {
        sum.checked_mul(10)?
            .checked_add(sign * i64::from(digit - b'0'))
    };
    digits.iter().try_fold(0, add).ok_or_else(failure::garbled)
}

fn end_of_bulk(bytes: &[u8], start: usize, length: usize) -> Result<Option<usize>, StoreError> {
    let end = start.checked_add(length).ok_or_else(failure::garbled)?;
    match bytes.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Some(end + 2)),
        [] | [b'\r'] => Ok(None),
        _ => Err(failure::garbled()),
    }
}

fn list(bytes: &[u8]) -> Result<Option<(Found, usize)>, StoreError> {
    match end(bytes, 0, DEEPEST)? {
        Some(end) => Ok(Some((Found::Rare, end))),
        None if bytes.len() < LARGEST_LIST => Ok(None),
        None => Err(failure::garbled()),
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
        b'$' | b'*' => usize::try_from(number(said)?).map_err(|_| failure::garbled())?,
        _ => return Err(failure::garbled()),
    };
    if kind == b'$' {
        return end_of_bulk(bytes, after, length);
    }
    let deep = deep.checked_sub(1).ok_or_else(failure::garbled)?;
    if length > MOST_PARTS {
        return Err(failure::garbled());
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
