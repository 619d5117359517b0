//! Generations of everything, of each path with all its queries, of each URL, of each prefix of paths,
//! and of each tag, which a route is, too.
//!
//! A run takes a snapshot of its generations before it starts, and the stored response carries it: the
//! first hit after a bump compares three counters, one or two for its route, and one for each segment
//! above its path and for each tag; later ones compare the number of bumps. None looks up a name.

use crate::{
    invalidation::{
        generation, prefix,
        registry::{Name, Registry},
        route_name,
        tag_stripes::{StripeSnapshot, Stripes},
        tags::{RouteTags, Untagged},
        target,
    },
    key::query::QueryKey,
};

use actix_web::HttpRequest;
use generation::{Bump, BumpCount, Generation, Snapshot};
use std::{
    borrow::Cow,
    sync::{
        PoisonError, RwLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
};

/// The generations of one cache.
#[derive(Debug)]
pub(crate) struct Generations {
    all: Generation,
    bumps: BumpCount,
    names: Registry,
    stripes: Stripes,
    /// The distinct query keys of the routes.
    query_keys: RwLock<Vec<QueryKey>>,
}

/// Number of expiries and invalidations in this process. Values that were read for a run before its
/// snapshot, such as arguments, may be outdated if this has changed.
static RAISES: AtomicU64 = AtomicU64::new(0);

/// Returns the number of expiries and invalidations in this process.
pub(crate) fn raises() -> u64 {
    RAISES.load(Acquire)
}

/// Counts a raise. Called first, so that a thread that sees the raised generation sees the count.
fn count_raise() {
    RAISES.fetch_add(1, Release);
}

/// Subject of a run, as far as an invalidation can name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// A response to this request on a route with this query key and these tags.
    Response {
        query: &'a QueryKey,
        tags: &'a RouteTags,
        request: &'a HttpRequest,
    },
    /// A value with these tags.
    Value(&'a [String]),
}

impl Target<'_> {
    /// The tags that are known before the run, or the reason why it cannot have them.
    pub(crate) fn tags(&self) -> Result<Cow<'_, [String]>, Untagged> {
        match self {
            Self::Value(tags) => Ok(Cow::Borrowed(tags)),
            Self::Response { tags, request, .. } => tags.of(request).map(Cow::Owned),
        }
    }

    /// The tags that name the route, which every response has.
    pub(crate) fn route_tags(&self) -> Vec<String> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Response { tags, request, .. } => tags.route(request).collect(),
        }
    }
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            all: Generation::default(),
            bumps: BumpCount::default(),
            names: Registry::new(),
            stripes: Stripes::new(),
            query_keys: RwLock::default(),
        }
    }

    /// Takes the snapshot of a run for `target`; before the run starts.
    pub(crate) fn snapshot(&self, target: Target<'_>) -> Snapshot {
        // A response that cannot have its tags is not stored.
        let tags = target.tags().unwrap_or_default();
        let tags = tags.iter().map(|tag| self.names.hold_tag(tag));
        let route = target.route_tags();
        let route = route.iter().map(|tag| self.names.hold_tag(tag));
        let tags = route.chain(tags);
        let all = [self.all.clone()];
        match target {
            Target::Value(_) => Snapshot::of(all.into_iter().chain(tags)),
            Target::Response { query, request, .. } => {
                let names = self.path_and_url(query, request);
                let path = target::path(request.uri().path());
                let prefixes = prefix::hold(&self.names, &path);
                Snapshot::of(all.into_iter().chain(names).chain(prefixes).chain(tags))
            }
        }
    }

    fn path_and_url(&self, query: &QueryKey, request: &HttpRequest) -> [Generation; 2] {
        let uri = request.uri();
        let path = target::path(uri.path());
        // Noted first: an invalidation of the URL before this has nothing to invalidate.
        let query = self.note(query, uri.query());
        [
            self.names.hold(&Name::Path(&path)),
            self.names.hold(&Name::Url(&path, &query)),
        ]
    }

    /// Reads the tag stripes; before a run starts.
    pub(crate) fn before(&self) -> StripeSnapshot {
        self.stripes.before()
    }

    /// Takes the generations of the tags that a run named, in addition to those in `kept`; `None` if
    /// one was invalidated since `before`.
    pub(crate) fn hold(
        &self,
        tags: &[String],
        before: &StripeSnapshot,
        kept: &Snapshot,
    ) -> Option<Snapshot> {
        self.stripes.hold(&self.names, tags, before, kept)
    }

    /// Number of bumps, for a comparison that was made before.
    pub(crate) fn bumps(&self) -> &BumpCount {
        &self.bumps
    }

    fn count(&self, raise: impl FnOnce()) {
        count_raise();
        self.bumps.count(raise);
    }

    pub(crate) fn raise_all(&self, raise: Bump) {
        self.count(|| self.all.raise(raise));
    }

    pub(crate) fn raise_path(&self, path: &str, raise: Bump) {
        self.count(|| {
            for path in target::paths(path) {
                self.names.raise(&Name::Path(&path), raise);
            }
        });
    }

    /// Raises a URL under its name on each route.
    pub(crate) fn raise_url(&self, url: &str, raise: Bump) {
        let (path, query) = target::split(url);
        let paths = target::spellings(&target::path(path));
        self.count(|| {
            let query_keys = self.query_keys.read();
            for key in query_keys.unwrap_or_else(PoisonError::into_inner).iter() {
                let query = key.name(query);
                for path in &paths {
                    self.names.raise(&Name::Url(path, &query), raise);
                }
            }
        });
    }

    /// Raises all paths with a prefix.
    pub(crate) fn raise_prefix(&self, text: &str, raise: Bump) {
        if prefix::name(text).is_empty() {
            return self.raise_all(raise);
        }
        self.count(|| prefix::raise(&self.names, text, raise));
    }

    /// Raises a route by its name.
    pub(crate) fn raise_route(&self, name: &str, raise: Bump) {
        self.raise_tag(&route_name::tag(name), raise);
        if let Some(path) = route_name::exact_path(name) {
            self.raise_path(path, raise);
        }
    }

    pub(crate) fn raise_tag(&self, tag: &str, raise: Bump) {
        self.count(|| self.stripes.raise(&self.names, tag, raise));
    }

    /// Returns the name of a query on a route, and notes the query key of the route.
    fn note(&self, key: &QueryKey, query: Option<&str>) -> String {
        let known = self.query_keys.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let name = key.name(query);
        if known.iter().any(|known| known.keeps_like(key)) {
            return name;
        }
        drop(known);
        let known = self.query_keys.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        // Another thread may have noted it meanwhile.
        if !known.iter().any(|known| known.keeps_like(key)) {
            known.push(key.clone());
        }
        name
    }
}

#[cfg(test)]
mod tests;
