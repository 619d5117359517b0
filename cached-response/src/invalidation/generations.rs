//! What an invalidation reaches: everything, a path with all its queries, one URL, or a tag.
//!
//! For each there is a [`Generation`]: one for all, and one for every path, URL and tag under
//! which something runs or is stored. A run takes its snapshot of its own before it starts, and
//! what is stored carries it, so a hit compares three counts and one a tag, and looks nothing up by
//! name.

use crate::{
    invalidation::{
        generation,
        name::Name,
        registry::Registry,
        tag_stripes::{StripeSnapshot, Stripes},
        tags::Untagged,
        target,
    },
    key::query::QueryKey,
    route::config::RouteConfig,
};

use actix_web::HttpRequest;
use generation::{Bump, Generation, Snapshot};
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
    names: Registry,
    stripes: Stripes,
    /// What the routes keep of their queries, each once: as many as there are sets of names.
    narrowings: RwLock<Vec<QueryKey>>,
}

/// How often anything was expired or invalidated in this process. What was read for a run before its
/// snapshot was taken, in arguments above all, may be older than that: it is, if this has changed.
static RAISES: AtomicU64 = AtomicU64::new(0);

/// How often anything was expired or invalidated in this process.
pub(crate) fn raises() -> u64 {
    RAISES.load(Acquire)
}

/// To be told first: whoever sees what is raised then sees this, too.
fn raised() {
    RAISES.fetch_add(1, Release);
}

/// What a run is for, as far as an invalidation can name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// A response to this request.
    Response {
        config: &'a RouteConfig,
        request: &'a HttpRequest,
    },
    /// A value that has these tags.
    Value(&'a [String]),
}

impl Target<'_> {
    /// The tags that it has from the start, or why it cannot have them.
    pub(crate) fn tags(&self) -> Result<Cow<'_, [String]>, Untagged> {
        match self {
            Self::Value(tags) => Ok(Cow::Borrowed(tags)),
            Self::Response { config, request } => config.tags(request).map(Cow::Owned),
        }
    }
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            all: Generation::default(),
            names: Registry::new(),
            stripes: Stripes::new(),
            narrowings: RwLock::default(),
        }
    }

    /// What a run for `target` is invalidated by; to be taken before it starts.
    pub(crate) fn snapshot(&self, target: Target<'_>) -> Snapshot {
        // What cannot have its tags is not stored.
        let tags = target.tags().unwrap_or_default();
        let tags = tags.iter().map(|tag| self.names.hold(&Name::Tag(tag)));
        let all = [self.all.clone()];
        match target {
            Target::Value(_) => Snapshot::of(all.into_iter().chain(tags)),
            Target::Response { config, request } => {
                let place = self.place(config, request);
                Snapshot::of(all.into_iter().chain(place).chain(tags))
            }
        }
    }

    fn place(&self, config: &RouteConfig, request: &HttpRequest) -> [Generation; 2] {
        let uri = request.uri();
        let path = target::path(uri.path());
        // Noted first: whoever invalidates the URL before that has nothing to find.
        let query = self.note(config, uri.query());
        [
            self.names.hold(&Name::Path(&path)),
            self.names.hold(&Name::Url(&path, &query)),
        ]
    }

    /// What a run must know to name tags of its own; to be taken before it starts.
    pub(crate) fn before(&self) -> StripeSnapshot {
        self.stripes.before()
    }

    /// What a response is invalidated by for its own tags, beside those in `kept`; `None` if it is
    /// already.
    pub(crate) fn hold(
        &self,
        tags: &[String],
        before: &StripeSnapshot,
        kept: &Snapshot,
    ) -> Option<Snapshot> {
        self.stripes.hold(&self.names, tags, before, kept)
    }

    pub(crate) fn raise_all(&self, raise: Bump) {
        raised();
        self.all.raise(raise);
    }

    pub(crate) fn raise_path(&self, path: &str, raise: Bump) {
        raised();
        for path in target::paths(path) {
            self.names.raise(&Name::Path(&path), raise);
        }
    }

    /// Raises a URL under the name that it has on each route.
    pub(crate) fn raise_url(&self, url: &str, raise: Bump) {
        raised();
        let (path, query) = target::split(url);
        let paths = target::spellings(&target::path(path));
        let narrowings = self.narrowings.read();
        for narrowing in narrowings.unwrap_or_else(PoisonError::into_inner).iter() {
            let query = narrowing.name(query);
            for path in &paths {
                self.names.raise(&Name::Url(path, &query), raise);
            }
        }
    }

    pub(crate) fn raise_tag(&self, tag: &str, raise: Bump) {
        raised();
        self.stripes.raise(&self.names, tag, raise);
    }

    /// The name of a query on a route, which is known from now on.
    fn note(&self, config: &RouteConfig, query: Option<&str>) -> String {
        let known = self.narrowings.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let name = config.query.name(query);
        if known.iter().any(|known| known.keeps_like(&config.query)) {
            return name;
        }
        drop(known);
        let known = self.narrowings.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        // Another may have noted it meanwhile.
        if !known.iter().any(|known| known.keeps_like(&config.query)) {
            known.push(config.query.clone());
        }
        name
    }
}

#[cfg(test)]
mod tests;
