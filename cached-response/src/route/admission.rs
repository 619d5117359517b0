//! Whether a request is looked up, and what it may do then.

use crate::{
    http::{conditional, request_directives::RequestDirectives},
    key::query,
    metrics::reason::Bypass,
    route::{config::RouteConfig, inputs::Inputs},
};
use actix_web::http::{
    Method,
    header::{self, HeaderMap, HeaderName},
};

/// What a request is admitted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Lookup(Admitted),
    Bypass(Bypass),
}

/// What a request that is looked up may do on a miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) reuse: AllowedReuse,
    pub(crate) flight: FlightRole,
    /// HEAD: whatever the handler makes of it has no body to store.
    pub(crate) head: bool,
    /// The client's wishes, where it has some and the route respects them.
    // Boxed, as few have any: this is handed on several times on the way to a hit.
    pub(crate) directives: Option<Box<RequestDirectives>>,
}

/// Which stored responses may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowedReuse {
    Any,
    /// Only those that say so: the request has `Authorization` (RFC 9111 §3.5).
    OnlyShareable,
}

/// The part a request may take in a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlightRole {
    Lead,
    /// Its own response may be a part or a 304, so others must not wait for it.
    Follow,
    None,
}

/// The facts of a request that the rules ask for.
#[derive(Debug)]
pub(crate) struct RequestFacts<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    /// Where the flag of a live answer would be, if the route's `only_if` allows this request to
    /// ask for one.
    pub(crate) query: Option<&'a str>,
    /// There is a body, and its bytes are not in the key.
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
    let method = if head { &Method::GET } else { asked.method };
    if !config.policy.methods.contains(method) {
        return Admission::Bypass(Bypass::Method);
    }
    if *method == Method::GET && asked.unkeyed_body && !config.body {
        return Admission::Bypass(Bypass::Body);
    }
    if config.undeclared {
        return Admission::Bypass(Bypass::Undeclared);
    }
    if config.inputs.any(Inputs::REQUEST) && overrides_method(asked.headers) {
        return Admission::Bypass(Bypass::MethodOverride);
    }
    if let Some(allowlist) = &config.allowlist
        && let Some(objection) = allowlist.objection(asked.headers)
    {
        return Admission::Bypass(objection.reason());
    }
    if config.query.flag().is_none() && asks_for_live(config, asked) {
        return Admission::Bypass(Bypass::Nocache);
    }
    let directives = if config.policy.respect_client {
        RequestDirectives::read(asked.headers).map(Box::new)
    } else {
        None
    };
    // A client that wants a stored response alone has no handler run for it in any case.
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
    let open = !config.identity && asked.headers.contains_key(&header::AUTHORIZATION);
    Admitted {
        reuse: if open {
            AllowedReuse::OnlyShareable
        } else {
            AllowedReuse::Any
        },
        flight: part(config, asked, head, open),
        head,
        directives,
    }
}

fn overrides_method(headers: &HeaderMap) -> bool {
    METHOD_OVERRIDES
        .iter()
        .any(|name| headers.contains_key(name))
}

fn part(config: &RouteConfig, asked: &RequestFacts<'_>, head: bool, open: bool) -> FlightRole {
    if open {
        FlightRole::None
    } else if head || (config.sees_headers() && conditional::is_conditional(asked.headers)) {
        FlightRole::Follow
    } else {
        FlightRole::Lead
    }
}

fn asks_for_live(config: &RouteConfig, asked: &RequestFacts<'_>) -> bool {
    let flag = config.policy.nocache.name.as_deref();
    flag.zip(asked.query)
        .is_some_and(|(flag, query)| query::has_flag(query, flag))
}

#[cfg(test)]
mod tests;
