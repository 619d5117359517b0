//! Admission of requests to the cache.

use crate::{
    http::{conditional, freshness::RequestDirectives},
    key::query,
    metrics::reason::Bypass,
    route::{config::RouteConfig, inputs::Inputs},
};
use actix_web::http::{
    Method,
    header::{self, HeaderMap, HeaderName},
};

/// Decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Lookup(Admitted),
    Bypass(Bypass),
}

/// Rights of an admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) reuse: AllowedReuse,
    pub(crate) flight: FlightRole,
    /// HEAD: its response has no body to store.
    pub(crate) head: bool,
    /// The client's directives, where the route follows them.
    // Boxed, since few requests have any and the struct is moved several times for a hit.
    pub(crate) directives: Option<Box<RequestDirectives>>,
}

impl Admitted {
    /// Returns true where the request may lead a run that goes on after its answer.
    pub(crate) fn leads(&self, may_detach: bool) -> bool {
        self.flight == FlightRole::Lead && may_detach
    }
}

/// The stored responses that may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowedReuse {
    Any,
    /// Those that permit it: the request has `Authorization` (RFC 9111 §3.5).
    OnlyShareable,
}

impl AllowedReuse {
    /// Returns true where a response may be reused, which is `shareable` with `Authorization` or not.
    pub(crate) fn permits(self, shareable: bool) -> bool {
        self == Self::Any || shareable
    }
}

/// Role of a request in a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlightRole {
    Lead,
    /// Its own response may be partial or a 304, so that others must not wait for it.
    Follow,
    None,
}

/// Facts of a request that the rules read.
#[derive(Debug)]
pub(crate) struct RequestFacts<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    /// The query with the refresh flag, if the route's `only_if` permits this request to force one.
    pub(crate) query: Option<&'a str>,
    /// The request has a body that is not in the key.
    pub(crate) unkeyed_body: bool,
}

static METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// Decides from the request alone.
pub(crate) fn admit(config: &RouteConfig, asked: &RequestFacts<'_>) -> Admission {
    let head = *asked.method == Method::HEAD;
    if config.every_get && (head || *asked.method == Method::GET) && !asked.unkeyed_body {
        return Admission::Lookup(admitted(config, asked, head, None));
    }
    if !config.caches(asked.method) {
        return Admission::Bypass(Bypass::Method);
    }
    if (head || *asked.method == Method::GET) && asked.unkeyed_body && !config.body {
        return Admission::Bypass(Bypass::Body);
    }
    if config.undeclared {
        return Admission::Bypass(Bypass::Undeclared);
    }
    if config.inputs.intersects(Inputs::REQUEST) && overrides_method(asked.headers) {
        return Admission::Bypass(Bypass::MethodOverride);
    }
    if let Some(allowlist) = &config.allowlist
        && let Some(unknown) = allowlist.unknown(asked.headers)
    {
        return Admission::Bypass(unknown.reason());
    }
    if config.query.flag().is_none() && has_refresh_flag(config, asked) {
        return Admission::Bypass(Bypass::Nocache);
    }
    let directives = if config.policy.respect_client {
        RequestDirectives::read(asked.headers).map(Box::new)
    } else {
        None
    };
    // With `only-if-cached` no handler runs in any case.
    if directives
        .as_ref()
        .is_some_and(|directives| directives.no_store && !directives.only_if_cached)
    {
        return Admission::Bypass(Bypass::Client);
    }
    Admission::Lookup(admitted(config, asked, head, directives))
}

fn admitted(
    config: &RouteConfig,
    asked: &RequestFacts<'_>,
    head: bool,
    directives: Option<Box<RequestDirectives>>,
) -> Admitted {
    let only_shareable = !config.identity && asked.headers.contains_key(&header::AUTHORIZATION);
    Admitted {
        reuse: if only_shareable {
            AllowedReuse::OnlyShareable
        } else {
            AllowedReuse::Any
        },
        flight: flight_role(config, asked, head, only_shareable),
        head,
        directives,
    }
}

fn overrides_method(headers: &HeaderMap) -> bool {
    METHOD_OVERRIDES
        .iter()
        .any(|name| headers.contains_key(name))
}

fn flight_role(
    config: &RouteConfig,
    asked: &RequestFacts<'_>,
    head: bool,
    only_shareable: bool,
) -> FlightRole {
    if only_shareable {
        FlightRole::None
    } else if head || (config.sees_headers() && conditional::is_conditional(asked.headers)) {
        FlightRole::Follow
    } else {
        FlightRole::Lead
    }
}

fn has_refresh_flag(config: &RouteConfig, asked: &RequestFacts<'_>) -> bool {
    let flag = config.policy.nocache.name.as_deref();
    flag.zip(asked.query)
        .is_some_and(|(flag, query)| query::has_flag(query, flag))
}

#[cfg(test)]
mod tests;
