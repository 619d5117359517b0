//! Publication of the counts through the facade crate `metrics`.

use crate::{
    cache::{Inner, ResponseCache},
    metrics::{
        counters::Counters,
        stats::{ReasonCounts, RemoteStats, RouteStats, Stats, ValueStats},
    },
    route::Route,
    util::sync::{Mutex, lock},
};
use ::metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use std::{fmt::Display, time::Duration};

/// The counts that were published last.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Stats>);

const RUN_DURATION: &str = "cached_response_run_duration_seconds";
const VALUE_RUN_DURATION: &str = "cached_response_value_run_duration_seconds";

/// Counters with their descriptions.
const COUNTERS: [(&str, &str); 17] = [
    (
        "cached_response_requests_total",
        "Requests to cached handlers, by outcome in memory: hit, miss, refresh or bypass.",
    ),
    (
        "cached_response_responses_total",
        "Responses of handlers, by outcome: stored or not_stored.",
    ),
    (
        "cached_response_remote_hits_total",
        "Misses in memory that the remote store has answered.",
    ),
    (
        "cached_response_not_modified_total",
        "Hits that were answered with 304.",
    ),
    (
        "cached_response_stale_total",
        "Requests answered with a stale response, by rule.",
    ),
    (
        "cached_response_collapsed_total",
        "Misses answered by the run of another request.",
    ),
    (
        "cached_response_wait_timeouts_total",
        "Misses whose wait for another run has timed out.",
    ),
    (
        "cached_response_refreshes_total",
        "Runs that refreshed a stored response in the background.",
    ),
    (
        "cached_response_failed_runs_total",
        "Runs that panicked or were dropped.",
    ),
    (
        "cached_response_served_bytes_total",
        "Bytes of the bodies of hits.",
    ),
    (
        "cached_response_values_total",
        "Values of get_or_compute, by outcome in memory: hit or miss.",
    ),
    (
        "cached_response_evictions_total",
        "Entries that were evicted, or not admitted, to make room.",
    ),
    (
        "cached_response_invalidations_total",
        "Invalidations and expiries.",
    ),
    (
        "cached_response_remote_calls_total",
        "Calls to the remote store.",
    ),
    (
        "cached_response_remote_errors_total",
        "Calls to the remote store that failed or were not made, by reason.",
    ),
    (
        "cached_response_remote_writes_total",
        "Background writes to the remote store, by outcome: written or dropped.",
    ),
    (
        "cached_response_remote_breaker_opened_total",
        "Times that the circuit breaker has opened.",
    ),
];

const GAUGES: [(&str, Unit, &str); 6] = [
    (
        "cached_response_memory_bytes",
        Unit::Bytes,
        "Size of the entries in memory.",
    ),
    (
        "cached_response_memory_max_bytes",
        Unit::Bytes,
        "Bytes that the entries may take.",
    ),
    ("cached_response_entries", Unit::Count, "Entries in memory."),
    (
        "cached_response_hit_for_pass_keys",
        Unit::Count,
        "Keys whose requests are not coalesced.",
    ),
    (
        "cached_response_runs",
        Unit::Count,
        "Runs in progress that others may wait for.",
    ),
    (
        "cached_response_time_saved_seconds",
        Unit::Seconds,
        "Time of the runs that hits made unnecessary.",
    ),
];

impl ResponseCache {
    /// Publishes the counts since the last call to the recorder of the crate
    /// [`metrics`](https://docs.rs/metrics), and the sizes of now. Call it before each scrape, or from a
    /// task every few seconds: a hit itself calls no recorder. Durations of runs are recorded as they end.
    ///
    /// Install the recorder first: what is published without one is lost. The counts of several caches add
    /// up; their gauges replace each other.
    ///
    /// [The guide](crate::guide::watching) has the names, and recipes for Prometheus and OpenTelemetry.
    ///
    /// ```
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.publish_metrics();
    /// ```
    pub fn publish_metrics(&self) {
        let mut published = lock(&self.shared().published.0);
        let stats = self.stats();
        describe();
        publish(&stats.since(&published));
        gauge!("cached_response_memory_bytes").set(float(stats.bytes));
        gauge!("cached_response_memory_max_bytes").set(float(stats.max_bytes));
        gauge!("cached_response_entries").set(float(stats.entries));
        gauge!("cached_response_hit_for_pass_keys").set(float(stats.hit_for_pass_keys));
        gauge!("cached_response_runs").set(float(stats.running as u64));
        gauge!("cached_response_time_saved_seconds").set(stats.time_saved.as_secs_f64());
        *published = stats;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn float(count: u64) -> f64 {
    count as f64
}

fn describe() {
    for (name, description) in COUNTERS {
        describe_counter!(name, description);
    }
    for (name, unit, description) in GAUGES {
        describe_gauge!(name, unit, description);
    }
    for name in [RUN_DURATION, VALUE_RUN_DURATION] {
        describe_histogram!(
            name,
            Unit::Seconds,
            "Time that runs took, to the end of the handler."
        );
    }
}

/// Adds to a counter, unless there is nothing to add and it is not there yet.
fn add(name: &'static str, labels: Vec<Label>, count: u64) {
    if count > 0 {
        counter!(name, labels).increment(count);
    }
}

fn label(name: &'static str, value: impl Into<SharedString>) -> Label {
    Label::new(name, value)
}

/// Adds counts by reason, with this outcome.
fn add_reasons<R: Display + Copy + PartialEq>(
    name: &'static str,
    labels: &[Label],
    counts: &ReasonCounts<R>,
) {
    for (reason, count) in counts.iter() {
        let mut labels = labels.to_vec();
        labels.push(label("reason", reason.to_string()));
        add(name, labels, count);
    }
}

fn publish(since: &Stats) {
    since.routes.iter().for_each(publish_route);
    publish_values(&since.values);
    add(
        "cached_response_evictions_total",
        Vec::new(),
        since.evictions,
    );
    add(
        "cached_response_invalidations_total",
        Vec::new(),
        since.invalidations,
    );
    if let Some(remote) = &since.remote {
        publish_remote(remote);
    }
}

fn publish_route(stats: &RouteStats) {
    let route = || label("route", stats.route.clone());
    let requests = "cached_response_requests_total";
    let outcome = |word: &'static str| vec![route(), label("outcome", word)];
    // A hit in the remote store is a miss in memory.
    let hits = stats.hits.saturating_sub(stats.remote_hits);
    add(requests, outcome("hit"), hits);
    for (reason, count) in stats.forwards.iter() {
        let word = if reason == crate::ForwardReason::Request {
            "refresh"
        } else {
            "miss"
        };
        let mut labels = outcome(word);
        labels.push(label("reason", reason.as_str()));
        add(requests, labels, count);
    }
    add_reasons(requests, &outcome("bypass"), &stats.bypasses);
    let responses = "cached_response_responses_total";
    add(responses, outcome("stored"), stats.stored);
    add_reasons(responses, &outcome("not_stored"), &stats.skips);
    add_reasons("cached_response_stale_total", &[route()], &stats.stale);
    for (name, count) in [
        ("cached_response_remote_hits_total", stats.remote_hits),
        ("cached_response_not_modified_total", stats.not_modified),
        ("cached_response_collapsed_total", stats.collapsed),
        ("cached_response_wait_timeouts_total", stats.wait_timeouts),
        ("cached_response_refreshes_total", stats.refreshes),
        ("cached_response_failed_runs_total", stats.failed),
        ("cached_response_served_bytes_total", stats.served_bytes),
    ] {
        add(name, vec![route()], count);
    }
}

fn publish_values(stats: &ValueStats) {
    let values = "cached_response_values_total";
    let hits = stats.hits.saturating_sub(stats.remote_hits);
    add(values, vec![label("outcome", "hit")], hits);
    add_reasons(values, &[label("outcome", "miss")], &stats.forwards);
}

fn publish_remote(stats: &RemoteStats) {
    add(
        "cached_response_remote_calls_total",
        Vec::new(),
        stats.calls,
    );
    let errors = "cached_response_remote_errors_total";
    let refusals = [
        ("slow", stats.slow),
        ("over-max-calls", stats.over_max_calls),
        ("breaker-open", stats.refused),
    ];
    for (reason, count) in stats.failures().chain(refusals) {
        add(errors, vec![label("reason", reason)], count);
    }
    for (outcome, count) in [("written", stats.written), ("dropped", stats.dropped)] {
        let labels = vec![label("outcome", outcome)];
        add("cached_response_remote_writes_total", labels, count);
    }
    let opened = "cached_response_remote_breaker_opened_total";
    add(opened, Vec::new(), stats.opened);
}

/// Records the duration of a run.
pub(crate) fn record_run(shared: &Inner, route: &Route, took: Duration) {
    if route.is_value() {
        histogram!(VALUE_RUN_DURATION).record(took);
        return;
    }
    let record = |counters: &Counters| {
        let label = counters.label().unwrap_or(route.name).to_owned();
        histogram!(RUN_DURATION, "route" => label).record(took);
    };
    shared.counters.with(route, record);
}
