//! The cached routes with their policies and figures.

use crate::{
    cache::ResponseCache, engine::subject::stale_rules, metrics::stats::RouteStats,
    policy::stale::Timeout, route::Route,
};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// A cached handler on a route.
#[derive(Debug, Serialize)]
pub(crate) struct RouteRow {
    pattern: String,
    handler: &'static str,
    policy: PolicyRow,
    #[serde(flatten)]
    figures: Figures,
}

/// The figures of a handler, over all its patterns: a path is counted for the handler that it reaches.
#[derive(Debug, Serialize)]
struct Figures {
    requests: u64,
    hits: u64,
    hit_ratio: Option<f64>,
    time_saved_seconds: f64,
}

impl From<&RouteStats> for Figures {
    fn from(stats: &RouteStats) -> Self {
        Self {
            requests: stats.requests(),
            hits: stats.hits,
            hit_ratio: stats.hit_ratio(),
            time_saved_seconds: stats.time_saved.as_secs_f64(),
        }
    }
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
            figures: Figures::from(&shared.counters.of(route)),
        }));
    }
    rows
}

fn policy(route: &Route, cache: &ResponseCache) -> PolicyRow {
    let (policy, limits) = (&route.config.policy, &cache.shared().limits);
    let stale = stale_rules(&route.config, cache.shared());
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
