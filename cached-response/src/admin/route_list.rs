//! The cached routes with their policies.

use crate::{cache::ResponseCache, policy::stale::Timeout, route::Route};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// A cached handler on a route.
#[derive(Debug, Serialize)]
pub(crate) struct RouteRow {
    pattern: String,
    handler: &'static str,
    policy: PolicyRow,
}

/// The options of a policy that a person looks for first. Times are in seconds.
#[derive(Debug, Serialize)]
struct PolicyRow {
    timeout: TimeoutRow,
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vary: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_while_revalidate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_if_error: Option<f64>,
    max_body_bytes: usize,
    /// The key has values of the handler's own arguments, such as the id of a user.
    keyed_by_arguments: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TimeoutRow {
    Seconds(f64),
    By(&'static str),
}

/// Lists the handlers that were called since the start of the process, by pattern.
pub(crate) fn list(cache: &ResponseCache) -> Vec<RouteRow> {
    let shared = cache.shared();
    let mut rows = Vec::new();
    for (pattern, handlers) in shared.routes.by_pattern() {
        rows.extend(handlers.iter().map(|route| RouteRow {
            pattern: pattern.clone(),
            handler: route.name,
            policy: policy(route, cache),
        }));
    }
    rows
}

fn policy(route: &Route, cache: &ResponseCache) -> PolicyRow {
    let (policy, limits) = (&route.config.policy, &cache.shared().limits);
    let stale = policy.stale.or(&cache.shared().stale);
    let tags = policy
        .tags
        .fill(|name| Some(Cow::Owned(format!("{{{name}}}"))));
    let window = |window: Option<Duration>| window.filter(|window| !window.is_zero());
    PolicyRow {
        timeout: match &policy.timeout {
            Timeout::OfCache => TimeoutRow::Seconds(limits.timeout.as_secs_f64()),
            Timeout::Fixed(timeout) => TimeoutRow::Seconds(timeout.as_secs_f64()),
            Timeout::Computed(_) => TimeoutRow::By("function"),
            Timeout::Response(_) => TimeoutRow::By("response"),
        },
        methods: policy.methods.iter().map(ToString::to_string).collect(),
        vary: route.config.vary.iter().map(ToString::to_string).collect(),
        tags: tags.unwrap_or_default(),
        stale_while_revalidate: window(stale.while_revalidate).map(|window| window.as_secs_f64()),
        stale_if_error: window(stale.if_error).map(|window| window.as_secs_f64()),
        max_body_bytes: policy.max_body_bytes.unwrap_or(limits.max_body_bytes),
        keyed_by_arguments: route.has_parts(),
    }
}
