//! Generations of everything, of each path with all its queries, of each URL, of each prefix of paths,
//! and of each tag, which a route is, too.
//!
//! A run takes a snapshot of its generations before it starts, and the stored response carries it: the
//! first hit after a bump compares three counters, one or two for its route, and one for each segment
//! above its path and for each tag; later ones compare the number of bumps. None looks up a name.

use crate::{
    invalidation::{
        generation::{BumpCount, Generation, Snapshot},
        path,
        registry::{LastBumps, Name, Registry, StripeSnapshot, Stripes},
        route_name,
        scope::Bump,
        tags::{RouteTags, Untagged},
    },
    key::query::QueryKey,
    util::sync::{read, write},
};
use actix_web::HttpRequest;
use std::{
    borrow::Cow,
    sync::{
        RwLock,
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
    last_bumps: LastBumps,
    names: Registry,
    stripes: Stripes,
    /// The distinct query keys of the routes.
    query_keys: RwLock<Vec<QueryKey>>,
}

/// Number of expiries and invalidations in this process. It is read before the arguments of a run are
/// extracted, when its cache and its names are not known yet.
static PROCESS_BUMPS: AtomicU64 = AtomicU64::new(0);

/// Returns the number of expiries and invalidations in this process.
pub(crate) fn process_bumps() -> u64 {
    PROCESS_BUMPS.load(Acquire)
}

/// Counts a bump, and returns its number. Called first: a thread that sees the number read all that was
/// changed before the bump.
fn count_bump() -> u64 {
    PROCESS_BUMPS.fetch_add(1, Release) + 1
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
            last_bumps: LastBumps::new(),
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
                let path = path::name(request.uri().path());
                let prefixes = path::hold_prefixes(&self.names, &path);
                Snapshot::of(all.into_iter().chain(names).chain(prefixes).chain(tags))
            }
        }
    }

    fn path_and_url(&self, query: &QueryKey, request: &HttpRequest) -> [Generation; 2] {
        let uri = request.uri();
        let path = path::name(uri.path());
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

    /// Returns true if something of `target` was bumped after `count` bumps of this process: called once its
    /// snapshot is taken, which covers later bumps.
    pub(crate) fn is_bumped_since(&self, count: u64, target: Target<'_>) -> bool {
        let bumped = |name: &Name<'_>| self.last_bumps.is_bumped_since(count, name);
        let of_request = |request: &HttpRequest| {
            let path = path::name(request.uri().path());
            let mut above = path::prefixes(&path).into_iter();
            bumped(&Name::Path(&path)) || above.any(|prefix| bumped(&Name::Prefix(&prefix)))
        };
        let (tags, route) = (target.tags().unwrap_or_default(), target.route_tags());
        let tags = tags.iter().chain(&route).map(String::as_str);
        bumped(&Name::ALL)
            || self.are_tags_bumped_since(count, tags)
            || matches!(target, Target::Response { request, .. } if of_request(request))
    }

    /// Returns true if one of the tags was bumped after `count` bumps of this process.
    pub(crate) fn are_tags_bumped_since<'a>(
        &self,
        count: u64,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        let mut tags = tags.into_iter().map(Name::Tag);
        tags.any(|tag| self.last_bumps.is_bumped_since(count, &tag))
    }

    /// Counts a bump of these names. It is noted for each of them first.
    fn count<'a>(&self, names: impl IntoIterator<Item = Name<'a>>, bump: impl FnOnce()) {
        let count = count_bump();
        for name in names {
            self.last_bumps.note(&name, count);
        }
        self.bumps.count(bump);
    }

    pub(crate) fn bump_all(&self, bump: Bump) {
        self.count([Name::ALL], || self.all.bump(bump));
    }

    pub(crate) fn bump_path(&self, path: &str, bump: Bump) {
        let paths = path::names(path);
        self.count(paths.iter().map(|path| Name::Path(path)), || {
            for path in &paths {
                self.names.bump(&Name::Path(path), bump);
            }
        });
    }

    /// Bumps a URL under its name on each route. It is noted for its path: a query key of a route that was not
    /// requested yet is unknown here.
    pub(crate) fn bump_url(&self, url: &str, bump: Bump) {
        let (path, query) = path::split(url);
        let paths = path::spellings(&path::name(path));
        self.count(paths.iter().map(|path| Name::Path(path)), || {
            for key in read(&self.query_keys).iter() {
                let query = key.name(query);
                for path in &paths {
                    self.names.bump(&Name::Url(path, &query), bump);
                }
            }
        });
    }

    /// Bumps all paths with a prefix.
    pub(crate) fn bump_prefix(&self, text: &str, bump: Bump) {
        let prefix = path::prefix_name(text);
        if prefix.is_empty() {
            return self.bump_all(bump);
        }
        let paths = path::paths_of_prefix(text);
        let names = paths.iter().map(|path| Name::Path(path));
        self.count(names.chain([Name::Prefix(&prefix)]), || {
            path::bump_prefix(&self.names, text, bump);
        });
    }

    /// Bumps a route by its name.
    pub(crate) fn bump_route(&self, name: &str, bump: Bump) {
        self.bump_tag(&route_name::tag(name), bump);
        if let Some(path) = route_name::exact_path(name) {
            self.bump_path(path, bump);
        }
    }

    pub(crate) fn bump_tag(&self, tag: &str, bump: Bump) {
        self.count([Name::Tag(tag)], || {
            self.stripes.bump(&self.names, tag, bump);
        });
    }

    /// Returns the name of a query on a route, and notes the query key of the route.
    fn note(&self, key: &QueryKey, query: Option<&str>) -> String {
        let known = read(&self.query_keys);
        let name = key.name(query);
        if known.iter().any(|known| known.keeps_like(key)) {
            return name;
        }
        drop(known);
        let mut known = write(&self.query_keys);
        // Another thread may have noted it meanwhile.
        if !known.iter().any(|known| known.keeps_like(key)) {
            known.push(key.clone());
        }
        name
    }
}

#[cfg(test)]
mod tests;
