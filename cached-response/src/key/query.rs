//! The query in the key: the pairs that the handler can see, as they were sent.
//!
//! A handler that takes pairs by their names sees `a=1&b=2` and `b=2&a=1` alike, so they are one
//! key, sorted by name. Pairs of one name keep their order, since a handler may take the first or
//! the last; where a handler sees the order of all pairs, all keep it.
//! Names are compared as a form decodes them; what is kept is the raw text.
//! `;` separates nothing, `a` and `a=` differ, and so do `/x?` and `/x`.

use std::borrow::Cow;

use crate::{
    http::fields::matches_pattern,
    key::{Field, KeyWriter},
};

/// The route's word on which pairs of the query are in the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueryFilter {
    /// Those that the handler's arguments can see.
    #[default]
    Seen,
    /// The fields of the handler's `Query<T>`, whatever else it can see.
    Typed,
    /// Every pair, in any order.
    All,
    /// The pairs of these names.
    Only(Vec<String>),
    /// Those that the arguments can see, all names but these; `utm_*` stands for all that begin so.
    Except(Vec<String>),
    /// Every pair, in the order in which they were sent.
    Exact,
}

/// The part of a query that the arguments of a handler can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All of it, and the order of its pairs.
    Whole,
    /// The pairs of these names, and their order where `ordered`.
    Fields {
        names: Vec<&'static str>,
        ordered: bool,
    },
}

/// The pairs of a query that are in the key of a route, and their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryKey {
    kept: Kept,
    /// Pairs stay in the order in which they were sent; otherwise they are sorted by name.
    ordered: bool,
    /// The name of the pair that asks for a live answer, which is in no key.
    flag: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    All,
    Only(Vec<Box<str>>),
    Except(Vec<Box<str>>),
}

impl Kept {
    #[inline]
    fn keeps(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|kept| **kept == *name),
            Self::Except(patterns) => !is_matched(patterns, name),
        }
    }
}

impl QueryKey {
    /// The key of a route whose author says `names`, and whose handler sees `seen`. The flag is left
    /// out of every key.
    pub(crate) fn new(names: &QueryFilter, seen: Seen, flag: Option<Box<str>>) -> Self {
        let (kept, ordered) = match (names, seen) {
            (QueryFilter::All, _) => (Kept::All, false),
            (QueryFilter::Exact, _) | (QueryFilter::Seen | QueryFilter::Typed, Seen::Whole) => {
                (Kept::All, true)
            }
            (QueryFilter::Only(names), _) => (Kept::Only(boxed(names)), false),
            (QueryFilter::Except(patterns), Seen::Whole) => (Kept::Except(boxed(patterns)), true),
            (
                names,
                Seen::Fields {
                    names: fields,
                    ordered,
                },
            ) => {
                let ignored = match names {
                    QueryFilter::Except(patterns) => boxed(patterns),
                    _ => Vec::new(),
                };
                let fields = fields
                    .into_iter()
                    .filter(|name| !is_matched(&ignored, name));
                (Kept::Only(fields.map(Box::from).collect()), ordered)
            }
        };
        Self {
            kept,
            ordered,
            flag,
        }
    }

    /// That of a route which keeps all but its flag.
    pub(crate) fn whole(flag: Option<&str>) -> Self {
        Self::new(&QueryFilter::All, Seen::Whole, flag.map(Into::into))
    }

    /// The flag that is left out of the key.
    pub(crate) fn flag(&self) -> Option<&str> {
        self.flag.as_deref()
    }

    /// Whether every pair but the flag is kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept == Kept::All
    }

    /// Whether another route keeps the same pairs.
    pub(crate) fn keeps_like(&self, other: &Self) -> bool {
        self.kept == other.kept && self.flag == other.flag
    }

    /// Writes the pairs that are kept.
    ///
    /// The pair `<flag>=1` is no part of any key; whether it was there is the
    /// answer. A query of which nothing is left is written as none at all.
    #[inline]
    pub(crate) fn write(&self, query: Option<&str>, key: &mut KeyWriter) -> bool {
        let Some(query) = query else {
            key.absent(Field::Query);
            return false;
        };
        // Most queries come in order, unescaped and without the flag: one copy.
        if self.is_canonical(query) {
            key.field(Field::Query, query.as_bytes());
            return false;
        }
        match self.joined(query, !self.ordered) {
            Some(raw) => key.field(Field::Query, raw.as_bytes()),
            None => key.absent(Field::Query),
        }
        self.flag().is_some_and(|flag| has_flag(query, flag))
    }

    /// What [`write`](Self::write) writes, or `None` where that is nothing.
    pub(crate) fn kept(&self, query: Option<&str>) -> Option<String> {
        self.joined(query?, !self.ordered)
    }

    /// The name of a query: what is kept of it, decoded as a form is, in one order for every order
    /// in which it can be sent.
    pub(crate) fn name(&self, query: Option<&str>) -> String {
        query
            .and_then(|query| self.joined(query, true))
            .map(|kept| decoded(&kept).into_owned())
            .unwrap_or_default()
    }

    /// Whether the query can be seen, without decoding it, to be all that is kept of it.
    #[inline]
    fn is_canonical(&self, query: &str) -> bool {
        let flag = self.flag();
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
            if escaped || flagged || (!self.ordered && name < previous) || !self.kept.keeps(name) {
                return false;
            }
            previous = name;
            start += pair.len() + 1;
        }
        true
    }

    fn joined(&self, query: &str, sorted: bool) -> Option<String> {
        let flag = self.flag();
        let mut pairs: Vec<(Cow<'_, str>, &str)> = query
            .split('&')
            .filter(|pair| !flag.is_some_and(|flag| is_flag(pair.as_bytes(), flag)))
            .map(|pair| (decoded(pair.split('=').next().unwrap_or(pair)), pair))
            .filter(|(name, _)| self.kept.keeps(name))
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
}

fn boxed(names: &[String]) -> Vec<Box<str>> {
    names.iter().map(|name| Box::from(&**name)).collect()
}

fn is_matched(patterns: &[Box<str>], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| matches_pattern(pattern, name))
}

/// Whether the query has the pair `<flag>=1`, spelled exactly so.
pub(crate) fn has_flag(query: &str, flag: &str) -> bool {
    pairs(query).any(|pair| is_flag(pair, flag))
}

/// Returns the query without its pairs `<flag>=1`. The pairs that are left keep their order.
pub(crate) fn without_flag(query: &str, flag: &str) -> String {
    let kept: Vec<_> = query
        .split('&')
        .filter(|pair| !is_flag(pair.as_bytes(), flag))
        .collect();
    kept.join("&")
}

/// Bytes, because to search for a char costs more than most queries are long.
fn pairs(query: &str) -> impl Iterator<Item = &[u8]> {
    query.as_bytes().split(|byte| *byte == b'&')
}

fn is_flag(pair: &[u8], flag: &str) -> bool {
    pair.len() == flag.len() + 2 && pair.starts_with(flag.as_bytes()) && pair.ends_with(b"=1")
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
