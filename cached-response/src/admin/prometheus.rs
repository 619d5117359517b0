//! The counts of a cache in the text format of Prometheus, version 0.0.4.

use crate::metrics::stats::{RemoteStats, RouteStats, Stats, ValueStats};
use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
};

/// The type of the answer.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the counts as text.
pub(crate) fn text(stats: &Stats) -> String {
    let mut families = Families::default();
    for route in &stats.routes {
        let pattern = route.patterns.first().map_or("", |pattern| pattern);
        let labels = [("handler", route.handler), ("route", pattern)];
        families.counts(&labels, &Counts::from(route));
    }
    let labels = [("handler", "get_or_compute"), ("route", "")];
    families.counts(&labels, &Counts::from(&stats.values));
    families.memory(stats);
    if let Some(remote) = &stats.remote {
        families.remote(remote);
    }
    families.text()
}

/// A family of samples.
#[derive(Clone, Copy)]
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: "counter",
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: "gauge",
        help,
    }
}

const REQUESTS: Metric = counter("requests", "Requests by outcome.");
const RUN_SECONDS: Metric = counter("run_seconds", "Time that runs took.");
const SAVED_SECONDS: Metric = counter(
    "saved_seconds",
    "Time of the runs that hits made unnecessary.",
);
const BYPASSES: Metric = counter("bypasses", "Requests that were not looked up.");
const NOT_STORED: Metric = counter("not_stored", "Responses that were not stored.");
const STALE: Metric = counter("stale", "Requests that a stale response answered.");

const REMOTE: [Metric; 8] = [
    counter("remote_calls", "Calls to the remote store."),
    counter("remote_timeouts", "Calls that timed out."),
    counter(
        "remote_refused_calls",
        "Calls that were not made: the breaker was open.",
    ),
    counter(
        "remote_over_max_calls",
        "Calls that were not made: too many were in progress.",
    ),
    counter(
        "remote_breaker_openings",
        "Times that the breaker has opened.",
    ),
    counter("remote_writes", "Background writes that succeeded."),
    counter(
        "remote_dropped_writes",
        "Background writes that were discarded.",
    ),
    gauge("remote_breaker_open", "1 while the breaker is open."),
];
const REMOTE_ERRORS: Metric = counter("remote_errors", "Failed calls by the kind of the error.");

/// The counts of a route or of the values.
struct Counts {
    totals: [(Metric, u64); 9],
    seconds: [(Metric, f64); 2],
    /// By a label and its value.
    parts: Vec<(Metric, &'static str, &'static str, u64)>,
}

macro_rules! counts_from {
    ($($stats:ty),*) => {$(
        impl From<&$stats> for Counts {
            fn from(stats: &$stats) -> Self {
                let totals = [
                    (counter("not_modified", "Hits that were answered with 304."), stats.not_modified),
                    (counter("remote_hits", "Hits from the remote store."), stats.remote_hits),
                    (counter("stored", "Responses that were stored."), stats.stored),
                    (counter("runs", "Runs of handlers that ended."), stats.runs),
                    (counter("failed_runs", "Runs that panicked or were dropped."), stats.failed),
                    (counter("refreshes", "Runs in the background of a stale response."), stats.refreshes),
                    (counter("collapsed", "Misses that another request's run answered."), stats.collapsed),
                    (counter("wait_timeouts", "Waits for another request's run that timed out."), stats.wait_timeouts),
                    (counter("served_bytes", "Bytes of the bodies of hits."), stats.served_bytes),
                ];
                let outcomes = [
                    ("hit", stats.hits),
                    // A hit in the remote store is a miss in memory before.
                    ("miss", stats.misses.saturating_sub(stats.remote_hits)),
                    ("forced-refresh", stats.forced_refreshes),
                    ("bypass", stats.bypasses.total()),
                ];
                let outcomes = outcomes.map(|(outcome, count)| (REQUESTS, "outcome", outcome, count));
                let mut parts = outcomes.to_vec();
                parts.extend(stats.bypasses.iter().map(|(why, count)| (BYPASSES, "reason", why.as_str(), count)));
                parts.extend(stats.skips.iter().map(|(why, count)| (NOT_STORED, "reason", why.as_str(), count)));
                parts.extend(stats.stale.iter().map(|(rule, count)| (STALE, "reason", rule.as_str(), count)));
                Self {
                    totals,
                    seconds: [
                        (RUN_SECONDS, stats.run_time.as_secs_f64()),
                        (SAVED_SECONDS, stats.time_saved.as_secs_f64()),
                    ],
                    parts,
                }
            }
        }
    )*};
}

counts_from!(RouteStats, ValueStats);

/// Families of samples, by name.
#[derive(Default)]
struct Families(BTreeMap<&'static str, Family>);

struct Family {
    metric: Metric,
    /// By labels. Two handlers of one name are one sample.
    samples: BTreeMap<String, f64>,
}

type Labels<'a> = &'a [(&'static str, &'a str)];

impl Families {
    fn counts(&mut self, labels: Labels<'_>, counts: &Counts) {
        for (metric, count) in counts.totals {
            self.count(metric, labels, count);
        }
        for (metric, seconds) in counts.seconds {
            self.add(metric, labels, seconds);
        }
        for &(metric, label, value, count) in &counts.parts {
            self.count(metric, &[labels, &[(label, value)]].concat(), count);
        }
    }

    fn memory(&mut self, stats: &Stats) {
        let running = u64::try_from(stats.running).unwrap_or(u64::MAX);
        for (metric, count) in [
            (
                gauge("memory_bytes", "Size of the entries in memory."),
                stats.bytes,
            ),
            (
                gauge("memory_max_bytes", "Bound on the size of the entries."),
                stats.max_bytes,
            ),
            (gauge("memory_entries", "Entries in memory."), stats.entries),
            (gauge("running", "Runs in progress."), running),
            (
                counter("evictions", "Entries that were evicted to make room."),
                stats.evictions,
            ),
            (
                counter("invalidations", "Invalidations and expiries."),
                stats.invalidations,
            ),
        ] {
            self.count(metric, &[], count);
        }
    }

    fn remote(&mut self, remote: &RemoteStats) {
        let counts = [
            remote.calls,
            remote.slow,
            remote.refused,
            remote.over_max_calls,
            remote.opened,
            remote.written,
            remote.dropped,
            remote.is_open.into(),
        ];
        for (metric, count) in REMOTE.into_iter().zip(counts) {
            self.count(metric, &[], count);
        }
        for (kind, count) in remote.failures() {
            self.count(REMOTE_ERRORS, &[("reason", kind)], count);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "samples are floats")]
    fn count(&mut self, metric: Metric, labels: Labels<'_>, count: u64) {
        self.add(metric, labels, count as f64);
    }

    fn add(&mut self, metric: Metric, labels: Labels<'_>, value: f64) {
        let family = self.0.entry(metric.name).or_insert_with(|| Family {
            metric,
            samples: BTreeMap::new(),
        });
        *family.samples.entry(written(labels)).or_default() += value;
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for Family { metric, samples } in self.0.values() {
            let Metric { name, kind, help } = metric;
            let suffix = if *kind == "counter" { "_total" } else { "" };
            let name = format!("cached_response_{name}{suffix}");
            line(&mut text, format_args!("# HELP {name} {help}"));
            line(&mut text, format_args!("# TYPE {name} {kind}"));
            for (labels, value) in samples {
                line(&mut text, format_args!("{name}{labels} {value}"));
            }
        }
        text
    }
}

fn line(text: &mut String, line: impl Display) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}

fn written(labels: Labels<'_>) -> String {
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", labels.join(","))
    }
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(handler: &'static str, pattern: &str, hits: u64) -> RouteStats {
        RouteStats {
            handler,
            patterns: vec![pattern.to_owned()],
            hits,
            ..RouteStats::default()
        }
    }

    #[test]
    fn labels_are_escaped() {
        let routes = vec![route("a", "/{id:\\d+}/\"x\"\n", 7)];
        let text = text(&Stats {
            routes,
            ..Stats::default()
        });
        let sample = r#"{handler="a",route="/{id:\\d+}/\"x\"\n",outcome="hit"} 7"#;
        assert!(text.contains(sample), "{text}");
        assert!(
            text.lines().all(|line| line.starts_with(['#', 'c'])),
            "{text}"
        );
    }

    #[test]
    fn each_count_of_a_remote_store_has_its_own_name() {
        let mut remote = RemoteStats::default();
        (remote.calls, remote.slow, remote.refused) = (1, 2, 3);
        (remote.over_max_calls, remote.opened, remote.written) = (4, 5, 6);
        (remote.dropped, remote.is_open) = (7, true);
        let stats = Stats {
            remote: Some(remote),
            ..Stats::default()
        };
        let text = text(&stats);
        for sample in [
            "calls_total 1",
            "timeouts_total 2",
            "refused_calls_total 3",
            "over_max_calls_total 4",
            "breaker_openings_total 5",
            "writes_total 6",
            "dropped_writes_total 7",
            "breaker_open 1",
        ] {
            assert!(
                text.contains(&format!("\ncached_response_remote_{sample}\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn handlers_of_one_name_and_pattern_are_one_sample() {
        let routes = vec![route("a", "/", 7), route("a", "/", 8), route("b", "/", 1)];
        let text = text(&Stats {
            routes,
            ..Stats::default()
        });
        let samples: Vec<_> = text
            .lines()
            .filter(|line| line.contains("outcome=\"hit\""))
            .collect();
        assert_eq!(
            samples,
            [
                r#"cached_response_requests_total{handler="a",route="/",outcome="hit"} 15"#,
                r#"cached_response_requests_total{handler="b",route="/",outcome="hit"} 1"#,
                r#"cached_response_requests_total{handler="get_or_compute",route="",outcome="hit"} 0"#,
            ]
        );
    }
}
