//! The query in the key: the pairs that the handler can see, as they were sent.
//!
//! For a handler that reads pairs by name, `a=1&b=2` and `b=2&a=1` are equal and have one key, sorted
//! by name. Pairs of one name keep their order, since a handler may read the first or the last; for
//! a handler that can see the order of all pairs, all keep it.
//! Names are compared in form-decoded form; the key contains the raw text.
//! `;` is not a separator, `a` and `a=` differ, and so do `/x?` and `/x`.

use crate::{
    http::fields::matches_pattern,
    key::{Field, KeyWriter},
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The route's choice of the query pairs in the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueryFilter {
    /// The pairs that the handler's arguments can see.
    #[default]
    Seen,
    /// The fields of the handler's `Query<T>`, whatever else it can see.
    Typed,
    /// Every pair, in any order.
    All,
    /// The pairs of these names.
    Only(Vec<String>),
    /// The pairs that the arguments can see except these names; `utm_*` matches a prefix.
    Except(Vec<String>),
    /// Every pair, in the order in which they were sent.
    Exact,
}

/// The part of a query that the arguments of a handler can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VisibleQuery {
    /// The whole query, including the order of its pairs.
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
    /// Name of the pair that forces a refresh, which is in no key.
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
    /// Builds the query key of a route with the option `names`, whose handler can see `seen`. `flag` is
    /// excluded from every key.
    pub(crate) fn new(names: &QueryFilter, seen: VisibleQuery, flag: Option<Box<str>>) -> Self {
        let (kept, ordered) = match (names, seen) {
            (QueryFilter::All, _) => (Kept::All, false),
            (QueryFilter::Exact, _)
            | (QueryFilter::Seen | QueryFilter::Typed, VisibleQuery::Whole) => (Kept::All, true),
            (QueryFilter::Only(names), _) => (Kept::Only(boxed(names)), false),
            (QueryFilter::Except(patterns), VisibleQuery::Whole) => {
                (Kept::Except(boxed(patterns)), true)
            }
            (
                names,
                VisibleQuery::Fields {
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

    /// The query key of a route that keeps everything but its flag.
    pub(crate) fn whole(flag: Option<&str>) -> Self {
        Self::new(&QueryFilter::All, VisibleQuery::Whole, flag.map(Into::into))
    }

    /// The flag that is excluded from the key.
    pub(crate) fn flag(&self) -> Option<&str> {
        self.flag.as_deref()
    }

    /// Returns true where every pair but the flag is kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept == Kept::All
    }

    /// Returns true where another route keeps the same pairs.
    pub(crate) fn keeps_like(&self, other: &Self) -> bool {
        self.kept == other.kept && self.flag == other.flag
    }

    /// Writes the pairs that are kept.
    ///
    /// Returns true if the query has the pair `<flag>=1`, which is in no key. A query of which nothing
    /// is kept is written as an absent one.
    #[inline]
    pub(crate) fn write(&self, query: Option<&str>, key: &mut KeyWriter) -> bool {
        let Some(query) = query else {
            key.absent(Field::Query);
            return false;
        };
        // Most queries are sorted, unescaped and without the flag: one copy.
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

    /// Returns the canonical name of a query: its kept pairs, form-decoded and sorted.
    pub(crate) fn name(&self, query: Option<&str>) -> String {
        query
            .and_then(|query| self.joined(query, true))
            .map(|kept| decoded(&kept).into_owned())
            .unwrap_or_default()
    }

    /// Returns true where the query is kept unchanged, decided without decoding it.
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
        // No pair contains `&`, so the joined text is unambiguous.
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

/// Returns true if the query has the pair `<flag>=1` in exactly this spelling.
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

/// The pairs as bytes: a search for a char takes longer than most queries need.
fn pairs(query: &str) -> impl Iterator<Item = &[u8]> {
    query.as_bytes().split(|byte| *byte == b'&')
}

fn is_flag(pair: &[u8], flag: &str) -> bool {
    pair.len() == flag.len() + 2 && pair.starts_with(flag.as_bytes()) && pair.ends_with(b"=1")
}

/// Form-decodes a text as extractors do: invalid UTF-8 is replaced, so that two names that are equal
/// for the handler are equal here.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy();
    Cow::Owned(decoded.into_owned())
}

#[cfg(test)]
mod tests;
