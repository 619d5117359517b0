//! An invalidation by POST: it is answered when the remote store has confirmed it.

use crate::{
    InvalidationError,
    cache::{ResponseCache, invalidate::Invalidation},
};
use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

/// The names to invalidate, or to expire. One at least.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Removal {
    tag: Option<String>,
    tags: Vec<String>,
    path: Option<String>,
    url: Option<String>,
    prefix: Option<String>,
    route: Option<String>,
    all: bool,
    /// Expires in place of invalidating.
    soft: bool,
}

/// The outcome of each invalidation that was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct RemovalReport {
    soft: bool,
    /// Number of names that the remote store has confirmed, where there is one.
    confirmed: usize,
    failed: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    /// The member of the request.
    of: &'static str,
    error: &'static str,
    /// In this process it has taken effect.
    in_this_process: bool,
    #[serde(skip)]
    status: StatusCode,
}

impl Removal {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// What to write. Never a part of the body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let removal: Self = serde_json::from_slice(body).map_err(|_| WRONG_BODY)?;
        let is_named = removal.all || !removal.names().is_empty();
        if is_named {
            Ok(removal)
        } else {
            Err(WRONG_BODY)
        }
    }

    fn names(&self) -> Vec<RemovalTarget<'_>> {
        let tags = self
            .tag
            .iter()
            .chain(&self.tags)
            .map(|tag| RemovalTarget::Tag(tag));
        let paths = self.path.iter().map(|path| RemovalTarget::Path(path));
        let urls = self.url.iter().map(|url| RemovalTarget::Url(url));
        let prefixes = self
            .prefix
            .iter()
            .map(|prefix| RemovalTarget::Prefix(prefix));
        let routes = self.route.iter().map(|route| RemovalTarget::Route(route));
        let all = self.all.then_some(RemovalTarget::All);
        let names = tags.chain(paths).chain(urls).chain(prefixes);
        names.chain(routes).chain(all).collect()
    }

    /// Invalidates, and waits for the remote store.
    pub(crate) async fn apply(&self, cache: &ResponseCache) -> RemovalReport {
        // All are started before the first one is awaited.
        let names = self.names();
        let started: Vec<_> = names
            .iter()
            .map(|name| (name.member(), name.start(cache, self.soft)))
            .collect();
        let mut report = RemovalReport {
            soft: self.soft,
            confirmed: 0,
            failed: Vec::new(),
        };
        for (of, invalidation) in started {
            match invalidation.await {
                Ok(()) => report.confirmed += 1,
                Err(error) => report.failed.push(Failure::of(of, &error)),
            }
        }
        report
    }
}

const WRONG_BODY: &str = "the body is a JSON object with one or more of `tag`, `tags`, `path`, `url`, \
                          `prefix`, `route` and `\"all\": true`; `\"soft\": true` expires";

/// A name to invalidate.
enum RemovalTarget<'a> {
    Tag(&'a str),
    Path(&'a str),
    Url(&'a str),
    Prefix(&'a str),
    Route(&'a str),
    All,
}

impl RemovalTarget<'_> {
    /// The member of the request that named it.
    fn member(&self) -> &'static str {
        match self {
            Self::Tag(_) => "tag",
            Self::Path(_) => "path",
            Self::Url(_) => "url",
            Self::Prefix(_) => "prefix",
            Self::Route(_) => "route",
            Self::All => "all",
        }
    }

    fn start(&self, cache: &ResponseCache, soft: bool) -> Invalidation {
        match (self, soft) {
            (Self::Tag(tag), false) => cache.invalidate_tag(tag),
            (Self::Tag(tag), true) => cache.expire_tag(tag),
            (Self::Path(path), false) => cache.invalidate_path(path),
            (Self::Path(path), true) => cache.expire_path(path),
            (Self::Url(url), false) => cache.invalidate_url(url),
            (Self::Url(url), true) => cache.expire_url(url),
            (Self::Prefix(prefix), false) => cache.invalidate_prefix(prefix),
            (Self::Prefix(prefix), true) => cache.expire_prefix(prefix),
            (Self::Route(route), false) => cache.invalidate_route(*route),
            (Self::Route(route), true) => cache.expire_route(*route),
            (Self::All, false) => cache.invalidate_all(),
            (Self::All, true) => cache.expire_all(),
        }
    }
}

impl Failure {
    fn of(of: &'static str, error: &InvalidationError) -> Self {
        let (error, status) = match error {
            InvalidationError::Unreachable => (
                "the remote store cannot be reached; it is retried",
                StatusCode::BAD_GATEWAY,
            ),
            InvalidationError::Slow => (
                "the remote store has not answered in time; it is retried",
                StatusCode::GATEWAY_TIMEOUT,
            ),
            // Its reason is the store's, and may have names in it.
            InvalidationError::Refused(_) => (
                "the remote store refuses; its reason is in the log; it is retried",
                StatusCode::BAD_GATEWAY,
            ),
            InvalidationError::Nameless(why) => (*why, StatusCode::BAD_REQUEST),
        };
        Self {
            of,
            error,
            in_this_process: status != StatusCode::BAD_REQUEST,
            status,
        }
    }
}

impl RemovalReport {
    /// 200 where each is confirmed.
    pub(crate) fn status(&self) -> StatusCode {
        let statuses = self.failed.iter().map(|failure| failure.status);
        statuses.max().unwrap_or(StatusCode::OK)
    }
}
