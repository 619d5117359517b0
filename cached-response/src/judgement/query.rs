//! The query in the key: its pairs as they were sent, sorted by name.
//!
//! A handler sees `a=1&b=2` and `b=2&a=1` alike, so they are one key. Pairs of
//! one name keep their order, since a handler may take the first or the last.
//! Names are compared as a form decodes them; what is kept is the raw text.
//! `;` separates nothing, `a` and `a=` differ, and so do `/x?` and `/x`.

use std::borrow::Cow;

use super::key::{Field, KeyWriter};

/// Which pairs of the query are in the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Names {
    /// Every pair.
    #[default]
    All,
    /// The pairs of these names.
    Only(Vec<String>),
    /// The pairs of all names but these; `utm_*` stands for all that begin so.
    Except(Vec<String>),
    /// Every pair, in the order in which they were sent.
    Exact,
}

impl Names {
    fn keep(&self, name: &str) -> bool {
        match self {
            Self::All | Self::Exact => true,
            Self::Only(names) => names.iter().any(|kept| kept == name),
            Self::Except(patterns) => !patterns.iter().any(|pattern| matches(pattern, name)),
        }
    }
}

/// Whether `name` is `pattern`, or begins like one that ends with `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// Writes the pairs that `names` keeps.
///
/// `typed` narrows them further, to the fields of the handler's `Query<T>`.
/// The pair `<flag>=1` is no part of any key; whether it was there is the
/// answer. A query of which nothing is left is written as none at all.
pub(crate) fn write(
    query: Option<&str>,
    names: &Names,
    typed: Option<&[&str]>,
    flag: Option<&str>,
    key: &mut KeyWriter,
) -> bool {
    let Some(query) = query else {
        key.absent(Field::Query);
        return false;
    };
    let keep = |name: &str| names.keep(name) && typed.is_none_or(|typed| typed.contains(&name));
    let sorted = !matches!(names, Names::Exact);
    // Most queries come in order, unescaped and without the flag: one copy.
    if is_canonical(query, flag, sorted, keep) {
        key.field(Field::Query, query.as_bytes());
        return false;
    }
    write_canonical(query, flag, sorted, keep, key);
    flag.is_some_and(|flag| has_flag(query, flag))
}

/// Whether the query has the pair `<flag>=1`, spelled exactly so.
pub(crate) fn has_flag(query: &str, flag: &str) -> bool {
    pairs(query).any(|pair| is_flag(pair, flag))
}

/// Bytes, because to search for a char costs more than most queries are long.
fn pairs(query: &str) -> impl Iterator<Item = &[u8]> {
    query.as_bytes().split(|byte| *byte == b'&')
}

fn is_flag(pair: &[u8], flag: &str) -> bool {
    pair.len() == flag.len() + 2 && pair.starts_with(flag.as_bytes()) && pair.ends_with(b"=1")
}

/// Whether the query can be seen, without decoding it, to be what
/// [`write_canonical`] would make of it.
#[inline]
fn is_canonical(
    query: &str,
    flag: Option<&str>,
    sorted: bool,
    keep: impl Fn(&str) -> bool,
) -> bool {
    // Not `""`: comparing with a slice that has no address is slow on some CPUs.
    let mut previous = &query[..0];
    let mut start = 0;
    for pair in pairs(query) {
        let name_end = pair
            .iter()
            .position(|byte| matches!(byte, b'=' | b'%' | b'+'))
            .unwrap_or(pair.len());
        let name = &query[start..start + name_end];
        let escaped = matches!(pair.get(name_end), Some(b'%' | b'+'));
        let flagged = flag.is_some_and(|flag| is_flag(pair, flag));
        if escaped || flagged || (sorted && name < previous) || !keep(name) {
            return false;
        }
        previous = name;
        start += pair.len() + 1;
    }
    true
}

fn write_canonical(
    query: &str,
    flag: Option<&str>,
    sorted: bool,
    keep: impl Fn(&str) -> bool,
    key: &mut KeyWriter,
) {
    match joined(query, flag, sorted, keep) {
        Some(raw) => key.field(Field::Query, raw.as_bytes()),
        None => key.absent(Field::Query),
    }
}

/// What [`write`] would write, or `None` where that is nothing.
pub(crate) fn kept(
    query: Option<&str>,
    names: &Names,
    typed: Option<&[&str]>,
    flag: Option<&str>,
) -> Option<String> {
    let keep = |name: &str| names.keep(name) && typed.is_none_or(|typed| typed.contains(&name));
    joined(query?, flag, !matches!(names, Names::Exact), keep)
}

fn joined(
    query: &str,
    flag: Option<&str>,
    sorted: bool,
    keep: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut pairs: Vec<(Cow<'_, str>, &str)> = query
        .split('&')
        .filter(|pair| !flag.is_some_and(|flag| is_flag(pair.as_bytes(), flag)))
        .map(|pair| (decoded(pair.split('=').next().unwrap_or(pair)), pair))
        .filter(|(name, _)| keep(name))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    if sorted {
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    // No pair has an `&` in it, so the joined text can be told apart again.
    let mut raw = String::with_capacity(query.len() + 1);
    for (_, pair) in pairs {
        raw.push_str(pair);
        raw.push('&');
    }
    raw.pop();
    Some(raw)
}

/// A text as a form's decoder gives it to a handler: bytes that are not UTF-8
/// are replaced, so two names that become one to the handler are one here.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let mut bytes = Vec::with_capacity(text.len());
    percent_decode(spaced.as_bytes(), &mut bytes);
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Appends `raw` to `bytes`, decoded; what is no escape stays as it is.
pub(crate) fn percent_decode(raw: &[u8], bytes: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        let escaped = raw.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(value) = escaped.and_then(hexadecimal) {
            bytes.push(value);
            at += 3;
            continue;
        }
        bytes.push(byte);
        at += 1;
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u8::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests;
