//! RESP2, the protocol of Redis, as far as it is needed: commands are written, answers are read.
//!
//! Simple answers are read by hand; lists and refusals, of which there are few, by the client crate,
//! when it is known where they end.

use actix_web::web::Bytes;
use redis::{Value, parse_redis_value};

use super::{
    command::{Answer, Shape},
    failure,
};
use crate::ground::store::StoreError;

/// The most bytes of a list, and of an error.
const LARGEST_LIST: usize = 16 << 20;

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
    to.extend_from_slice(Decimal::of(COUNT as u64).as_bytes());
    for word in words {
        to.extend_from_slice(b"\r\n$");
        to.extend_from_slice(Decimal::of(word.len() as u64).as_bytes());
        to.extend_from_slice(b"\r\n");
        to.extend_from_slice(word);
    }
    to.extend_from_slice(b"\r\n");
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

/// Reads the answer of this shape that `bytes` begin with, and how long it is; `None` if it is not
/// all there yet.
///
/// # Errors
/// If it is none, or one of another shape, which is that to another command; or if it is longer than
/// what was asked for.
pub(super) fn read(bytes: &[u8], shape: Shape) -> Result<Option<(Answer, usize)>, StoreError> {
    let Some((kind, line, end)) = line(bytes)? else {
        return Ok(None);
    };
    match (kind, shape) {
        (b':', Shape::Number) => Ok(Some((Answer::Number(number(line)?), end))),
        (b'+', Shape::Done) if line == b"OK" => Ok(Some((Answer::Done, end))),
        (b'$', Shape::Done | Shape::Many) if line == b"-1" => Ok(Some((Answer::Nothing, end))),
        (b'$', Shape::Bytes(limit)) => {
            let length = usize::try_from(number(line)?).map_err(|_| failure::garbled())?;
            if length > limit {
                return Err(failure::garbled());
            }
            Ok(bulk(bytes, end, length)?.map(|(it, end)| (Answer::Bytes(it), end)))
        }
        (b'-', _) => Ok(Some((refused(&bytes[..end])?, end))),
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
    let text = str::from_utf8(line).map_err(|_| failure::garbled())?;
    text.parse().map_err(|_| failure::garbled())
}

/// So many bytes from `start`, and where the next answer begins.
fn bulk(bytes: &[u8], start: usize, length: usize) -> Result<Option<(Bytes, usize)>, StoreError> {
    let Some(end) = end_of_bulk(bytes, start, length)? else {
        return Ok(None);
    };
    // A copy: what is kept of it must not keep what lies around it.
    let it = Bytes::copy_from_slice(&bytes[start..start + length]);
    Ok(Some((it, end)))
}

fn end_of_bulk(bytes: &[u8], start: usize, length: usize) -> Result<Option<usize>, StoreError> {
    let end = start.checked_add(length).ok_or_else(failure::garbled)?;
    match bytes.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Some(end + 2)),
        [] | [b'\r'] => Ok(None),
        _ => Err(failure::garbled()),
    }
}

fn refused(line: &[u8]) -> Result<Answer, StoreError> {
    match parse_redis_value(line) {
        Ok(Value::ServerError(error)) => Ok(Answer::Refused(error)),
        _ => Err(failure::garbled()),
    }
}

fn list(bytes: &[u8]) -> Result<Option<(Answer, usize)>, StoreError> {
    let Some(end) = end(bytes, 0, DEEPEST)? else {
        return if bytes.len() < LARGEST_LIST {
            Ok(None)
        } else {
            Err(failure::garbled())
        };
    };
    match parse_redis_value(&bytes[..end]) {
        Ok(Value::Array(values)) => Ok(Some((Answer::Many(values), end))),
        Ok(Value::Nil) => Ok(Some((Answer::Nothing, end))),
        _ => Err(failure::garbled()),
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
