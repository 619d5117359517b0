//! An invalidation by POST: it is answered when the remote store has confirmed it.

use crate::{
    InvalidationError,
    cache::ResponseCache,
    invalidation::{
        route_name::RouteName as _,
        scope::{Bump, Scope},
    },
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
        if removal.names().is_empty() {
            Err(WRONG_BODY)
        } else {
            Ok(removal)
        }
    }

    /// The names, each with its member of the request.
    fn names(&self) -> Vec<(&'static str, Scope)> {
        let tags = self.tag.iter().chain(&self.tags).cloned().map(Scope::Tag);
        let one = |text: &Option<String>, scope: fn(String) -> Scope| text.clone().map(scope);
        let route = self
            .route
            .as_ref()
            .map(|route| Scope::Route(route.route_name()));
        let others = [
            ("path", one(&self.path, Scope::Path)),
            ("url", one(&self.url, Scope::Url)),
            ("prefix", one(&self.prefix, Scope::Prefix)),
            ("route", route),
            ("all", self.all.then_some(Scope::All)),
        ];
        let others = others.into_iter();
        tags.map(|tag| ("tag", tag))
            .chain(others.filter_map(|(of, scope)| Some((of, scope?))))
            .collect()
    }

    /// Invalidates, and waits for the remote store.
    pub(crate) async fn apply(&self, cache: &ResponseCache) -> RemovalReport {
        // All are started before the first one is awaited.
        let bump = if self.soft {
            Bump::Expire
        } else {
            Bump::Invalidate
        };
        let names = self.names().into_iter();
        let started: Vec<_> = names
            .map(|(of, scope)| (of, cache.bump(bump, scope)))
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
