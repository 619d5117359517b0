//! The entries in memory, by name, size or use: never their bodies, keys or digests.

use crate::{
    cache::{Inner, ResponseCache},
    entry::{StoredResponse, staleness::Staleness},
    key::{Key, reader::KeyTarget, vary::Selector},
    memory::{OVERHEAD, Weigh, variants::Entry},
    route::RouteRef,
    time::moment::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{
    any::TypeId,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// Entries of a page where the request does not say.
const DEFAULT_LIMIT: usize = 100;
/// Most entries of a page.
const MAX_LIMIT: usize = 1000;

/// A request for a page of entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    /// Beginning of the paths.
    #[serde(default)]
    prefix: String,
    /// The `next` of the page before.
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    sort: Sort,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Path,
    Bytes,
    Uses,
}

/// A page of entries.
#[derive(Debug, Serialize)]
pub(crate) struct EntriesPage {
    entries: Vec<EntryRow>,
    /// The `after` of the next page.
    next: Option<String>,
}

/// An entry, as far as a person may see it.
#[derive(Debug, Serialize)]
struct EntryRow {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Number of query pairs in the key. Their text may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    query_pairs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler: Option<&'static str>,
    /// Fields whose values select it among the variants of its key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    varies_by: Vec<String>,
    status: u16,
    state: &'static str,
    age_seconds: u64,
    /// Zero for a stale one.
    fresh_seconds: u64,
    body_bytes: usize,
    /// All that counts against the bound of the memory.
    bytes: usize,
    uses: u64,
    tags: Vec<String>,
}

/// Place of an entry in the order of a listing.
#[derive(PartialEq, Eq)]
struct Rank {
    /// Descending.
    figure: u64,
    path: Option<String>,
    method: Option<String>,
    /// Distinguishes entries of one name; never shown.
    key: Key,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let figure = other.figure.cmp(&self.figure);
        // Values, which have no path, are last.
        let path = (self.path.is_none(), &self.path).cmp(&(other.path.is_none(), &other.path));
        let method = self.method.cmp(&other.method);
        let key = self.key.as_bytes().cmp(other.key.as_bytes());
        figure.then(path).then(method).then(key)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Most entries of one path that stand before a page: that many are kept while it is made.
const MAX_SEEN: usize = 100_000;

/// The place after which a page begins: so many entries of this path are on the pages before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    seen: usize,
    /// Empty for values.
    path: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (seen, path) = text.split_once(':')?;
        Some(Self {
            seen: seen.parse().ok()?,
            path: path.to_owned(),
        })
    }
}

/// Lists a page of the entries. It takes about as long as a look-up of each entry of the memory, and as
/// much room as a page; not for a worker.
///
/// # Errors
/// The mistake in `query`.
pub(crate) fn list(
    cache: &ResponseCache,
    query: &EntriesQuery,
) -> Result<EntriesPage, &'static str> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err("`limit` is a number from 1 to 1000");
    }
    let after = match (&query.after, query.sort) {
        (None, _) => None,
        (Some(after), Sort::Path) => {
            let after = Cursor::parse(after).ok_or("`after` is the `next` of the page before")?;
            if after.seen > MAX_SEEN {
                return Err("`after` counts 100000 entries of one path at most; see `sort=bytes`");
            }
            Some(after)
        }
        (Some(_), _) => return Err("pages follow each other with `sort=path` alone"),
    };
    let shared = cache.shared();
    let listing = Listing {
        shared,
        now: shared.now(),
        handlers: handlers(shared),
        query,
        after,
    };
    Ok(listing.page(limit))
}

/// The names of the handlers of responses. A key of another one is that of a value.
fn handlers(shared: &Inner) -> HashMap<TypeId, &'static str> {
    let routes = shared.routes.by_pattern().into_values().flatten();
    let named = |route: RouteRef| (route.handler, route.name);
    routes.map(named).collect()
}

struct Listing<'a> {
    shared: &'a Inner,
    now: Timestamp,
    handlers: HashMap<TypeId, &'static str>,
    query: &'a EntriesQuery,
    after: Option<Cursor>,
}

impl Listing<'_> {
    fn page(&self, limit: usize) -> EntriesPage {
        let seen = self.after.as_ref().map_or(0, |after| after.seen);
        // One more than is shown tells that there is another page.
        let kept = limit.saturating_add(seen).saturating_add(1);
        let mut first = BTreeMap::new();
        self.shared.memory.for_each(|key, entry| {
            if let Entry::Response(stored) = entry
                && let Some(rank) = self.rank(key, stored)
            {
                first.insert(rank, stored.clone());
                if first.len() > kept {
                    first.pop_last();
                }
            }
        });
        self.shown(&first, seen, limit)
    }

    fn shown(
        &self,
        first: &BTreeMap<Rank, Arc<StoredResponse>>,
        seen: usize,
        limit: usize,
    ) -> EntriesPage {
        let same = |rank: &Rank| {
            let after = self.after.as_ref();
            after.is_some_and(|after| after.path == rank.cursor_path())
        };
        let skipped = first
            .keys()
            .take_while(|rank| same(rank))
            .take(seen)
            .count();
        let rows: Vec<_> = first.iter().skip(skipped).take(limit).collect();
        let has_more = first.len() > skipped + rows.len();
        let last = rows
            .last()
            .filter(|_| has_more && matches!(self.query.sort, Sort::Path));
        let next = last.map(|(last, _)| {
            let path = last.cursor_path();
            let shown = rows.iter().filter(|(rank, _)| rank.cursor_path() == path);
            let before = if same(last) { skipped } else { 0 };
            format!("{}:{path}", before + shown.count())
        });
        EntriesPage {
            entries: rows
                .into_iter()
                .map(|(rank, stored)| self.row(rank, stored))
                .collect(),
            next,
        }
    }

    /// Returns the place of an entry, where it is asked for.
    fn rank(&self, key: &Key, stored: &StoredResponse) -> Option<Rank> {
        let is_response = self.handlers.contains_key(&key.handler());
        let target = is_response
            .then(|| KeyTarget::of_response(key.as_bytes()))
            .flatten();
        let path = target.as_ref().map(|target| target.path);
        if !path.unwrap_or_default().starts_with(&self.query.prefix) {
            return None;
        }
        let rank = Rank {
            figure: match self.query.sort {
                Sort::Path => 0,
                Sort::Bytes => bytes(key, stored) as u64,
                Sort::Uses => stored.uses.load(Relaxed),
            },
            path: path.map(str::to_owned),
            method: target.map(|target| target.method.to_owned()),
            key: key.clone(),
        };
        let is_before = |after: &Cursor| {
            let place = |path: &str| (path.is_empty(), path.to_owned());
            place(rank.cursor_path()) < place(&after.path)
        };
        (!self.after.as_ref().is_some_and(is_before)).then_some(rank)
    }

    fn row(&self, rank: &Rank, stored: &StoredResponse) -> EntryRow {
        let state = match Staleness::of(stored, self.now) {
            Staleness::Fresh | Staleness::RefreshAhead => "fresh",
            Staleness::WhileRevalidate | Staleness::IfError => "stale",
            Staleness::Retained => "retained",
            Staleness::Expired => "expired",
        };
        let left = stored.deadline().since(self.now).as_secs();
        let target = rank
            .path
            .as_ref()
            .and_then(|_| KeyTarget::of_response(rank.key.as_bytes()));
        let variant = stored.variant.iter().flat_map(|variant| &variant.names);
        EntryRow {
            kind: if target.is_some() {
                "response"
            } else {
                "value"
            },
            method: rank.method.clone(),
            path: rank.path.clone(),
            query_pairs: target.map(|target| target.query_pairs),
            handler: self.handlers.get(&rank.key.handler()).copied(),
            varies_by: variant.map(described).collect(),
            status: stored.status.as_u16(),
            state,
            age_seconds: stored.age(self.now).as_secs(),
            fresh_seconds: if state == "fresh" { left } else { 0 },
            body_bytes: stored.body.len(),
            bytes: bytes(&rank.key, stored),
            uses: stored.uses.load(Relaxed),
            tags: tags(stored),
        }
    }
}

impl Rank {
    fn cursor_path(&self) -> &str {
        self.path.as_deref().unwrap_or_default()
    }
}

/// The name of a part of a request, without its value.
fn described(selector: &Selector) -> String {
    match selector {
        Selector::Header(name) | Selector::Lines(name) => name.to_string(),
        Selector::Cookie(name) => format!("cookie:{name}"),
        Selector::Host => "host".to_owned(),
        Selector::PeerIp => "peer-ip".to_owned(),
        Selector::Extension(_) => "extension".to_owned(),
    }
}

fn bytes(key: &Key, stored: &StoredResponse) -> usize {
    key.weight() + stored.weight() + OVERHEAD
}

fn tags(stored: &StoredResponse) -> Vec<String> {
    let tags = stored.snapshot.tags().chain(stored.tag_snapshot.tags());
    let tags: BTreeSet<_> = tags.collect();
    tags.into_iter().map(str::to_owned).collect()
}
