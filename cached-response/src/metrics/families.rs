//! Metric families: the one table of names, units, labels and help texts that `publish_metrics` and the
//! admin scope read.

use crate::metrics::{
    reason::ForwardReason,
    stats::{RemoteStats, RouteStats, Stats, ValueStats},
};
use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

/// The name of the durations of a route's runs.
pub(crate) const RUN_DURATION: &str = "cached_response_run_duration_seconds";

/// The name of the durations of the computations of values.
#[cfg_attr(
    not(feature = "metrics"),
    expect(dead_code, reason = "durations are recorded for exporters")
)]
pub(crate) const VALUE_RUN_DURATION: &str = "cached_response_value_run_duration_seconds";

/// The samples of one name.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) help: &'static str,
    pub(crate) samples: Samples,
}

/// The unit of a family, which its name ends with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Seconds,
}

impl Unit {
    fn of(name: &str) -> Self {
        let name = name.trim_end_matches("_total");
        if name.ends_with("_bytes") {
            Self::Bytes
        } else if name.ends_with("_seconds") {
            Self::Seconds
        } else {
            Self::Count
        }
    }
}

/// Samples by their labels, of one type. No family is without a sample.
#[derive(Debug)]
pub(crate) enum Samples {
    Counter(ByLabels<u64>),
    Gauge(ByLabels<f64>),
    Summary(ByLabels<Durations>),
}

/// Names and values of labels.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Two handlers of one route are one sample.
pub(crate) type ByLabels<T> = BTreeMap<Labels, T>;

/// The number of some durations, and their sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Durations {
    pub(crate) count: u64,
    pub(crate) sum: Duration,
}

impl AddAssign for Durations {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// The counts of a cache, by family.
pub(crate) fn families(stats: &Stats) -> Vec<Family> {
    let mut families = Vec::new();
    let routes: Vec<_> = stats
        .routes
        .iter()
        .map(|route| (vec![("route", route.route.clone())], route))
        .collect();
    families.extend(BY_ROUTE.iter().map(|row| row.read(&routes)));
    if stats.values != ValueStats::default() {
        let values = RouteStats::from(&stats.values);
        let of_values = BY_ROUTE.iter().filter(|row| row.of_values);
        families.extend(of_values.map(|row| Family {
            name: row.value_name(),
            ..row.read(&[(Labels::new(), &values)])
        }));
    }
    families.extend(
        OF_CACHE
            .iter()
            .map(|row| row.read(&[(Labels::new(), stats)])),
    );
    if let Some(remote) = &stats.remote {
        families.extend(
            OF_REMOTE
                .iter()
                .map(|row| row.read(&[(Labels::new(), remote)])),
        );
    }
    families.retain(|family| !family.samples.is_empty());
    families
}

impl Samples {
    fn is_empty(&self) -> bool {
        match self {
            Self::Counter(samples) => samples.is_empty(),
            Self::Gauge(samples) => samples.is_empty(),
            Self::Summary(samples) => samples.is_empty(),
        }
    }
}

/// A row of the table: a family of some counts.
struct Row<T> {
    name: &'static str,
    help: &'static str,
    /// There is one of the values of `get_or_compute`, too, under the name of [`Row::value_name`].
    of_values: bool,
    read: Read<T>,
}

/// The type of a family, and its samples in some counts.
enum Read<T> {
    Counter(fn(&T) -> u64),
    /// Counters by the values of a label.
    Counters(&'static str, fn(&T) -> Vec<(&'static str, u64)>),
    Gauge(fn(&T) -> f64),
    /// Durations, of which there is no sample before the first.
    Summary(fn(&T) -> Durations),
}

impl<T> Row<T> {
    fn value_name(&self) -> String {
        self.name
            .replace("cached_response_", "cached_response_value_")
    }

    fn read(&self, counts: &[(Labels, &T)]) -> Family {
        let counts = counts.iter();
        let counts = counts.map(|(labels, counts)| (labels.clone(), *counts));
        let samples = match &self.read {
            Counter(read) => {
                Samples::Counter(added(counts.map(|(labels, counts)| (labels, read(counts)))))
            }
            Counters(label, read) => {
                Samples::Counter(added(counts.flat_map(|(labels, counts)| {
                    let with = move |value: &str| {
                        let mut labels = labels.clone();
                        labels.push((*label, value.to_owned()));
                        labels
                    };
                    let counts = read(counts).into_iter();
                    counts.map(move |(value, count)| (with(value), count))
                })))
            }
            Gauge(read) => {
                Samples::Gauge(added(counts.map(|(labels, counts)| (labels, read(counts)))))
            }
            Summary(read) => {
                let durations = counts.map(|(labels, counts)| (labels, read(counts)));
                Samples::Summary(added(durations.filter(|(_, runs)| runs.count > 0)))
            }
        };
        Family {
            name: self.name.to_owned(),
            unit: Unit::of(self.name),
            help: self.help,
            samples,
        }
    }
}

fn added<T: AddAssign + Default>(samples: impl Iterator<Item = (Labels, T)>) -> ByLabels<T> {
    let mut by_labels = ByLabels::new();
    for (labels, sample) in samples {
        *by_labels.entry(labels).or_default() += sample;
    }
    by_labels
}

#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

use Read::{Counter, Counters, Gauge, Summary};

const fn row<T>(name: &'static str, read: Read<T>, help: &'static str) -> Row<T> {
    Row {
        name,
        help,
        of_values: false,
        read,
    }
}

/// A row of routes and of values.
const fn both(name: &'static str, read: Read<RouteStats>, help: &'static str) -> Row<RouteStats> {
    Row {
        of_values: true,
        ..row(name, read, help)
    }
}

/// The counts of each route. Each is counted as it is, and none is the difference of two: a difference may
/// decrease, which Prometheus takes for a restart.
const BY_ROUTE: &[Row<RouteStats>] = &[
    both(
        "cached_response_hits_total",
        Counter(|route| route.hits),
        "Requests that a stored response has answered.",
    ),
    both(
        "cached_response_misses_total",
        Counters("reason", |route| {
            let misses = route.forwards.iter();
            misses
                .filter(|(why, _)| *why != ForwardReason::Request)
                .map(|(why, count)| (why.as_str(), count))
                .collect()
        }),
        "Look-ups in memory that found nothing to reuse.",
    ),
    both(
        "cached_response_remote_hits_total",
        Counter(|route| route.remote_hits),
        "Hits from the remote store. Their look-up in memory was a miss.",
    ),
    row(
        "cached_response_not_modified_total",
        Counter(|route| route.not_modified),
        "Hits that were answered with 304.",
    ),
    both(
        "cached_response_stale_total",
        Counters("reason", |route| {
            let stale = route.stale.iter();
            stale.map(|(rule, count)| (rule.as_str(), count)).collect()
        }),
        "Requests that a stale response has answered.",
    ),
    row(
        "cached_response_forced_refreshes_total",
        Counter(|route| route.forced_refreshes),
        "Requests that forced a refresh.",
    ),
    row(
        "cached_response_bypasses_total",
        Counters("reason", |route| {
            let bypasses = route.bypasses.iter();
            bypasses.map(|(why, count)| (why.as_str(), count)).collect()
        }),
        "Requests that were not looked up.",
    ),
    row(
        "cached_response_only_if_cached_total",
        Counter(|route| route.only_if_cached),
        "Requests with only-if-cached that were answered with 504.",
    ),
    both(
        "cached_response_stored_total",
        Counter(|route| route.stored),
        "Responses that were stored.",
    ),
    both(
        "cached_response_not_stored_total",
        Counters("reason", |route| {
            let skips = route.skips.iter();
            skips.map(|(why, count)| (why.as_str(), count)).collect()
        }),
        "Responses that were not stored.",
    ),
    row(
        "cached_response_validated_total",
        Counter(|route| route.validated),
        "Runs that found the stored response unchanged.",
    ),
    both(
        "cached_response_refreshes_total",
        Counter(|route| route.refreshes),
        "Background refreshes of a stored response.",
    ),
    both(
        "cached_response_failed_runs_total",
        Counter(|route| route.failed),
        "Runs that panicked or were dropped.",
    ),
    both(
        "cached_response_detached_runs_total",
        Counter(|route| route.detached),
        "Runs that continued without their client.",
    ),
    both(
        "cached_response_collapsed_total",
        Counter(|route| route.collapsed),
        "Misses that another request's run has answered.",
    ),
    both(
        "cached_response_wait_timeouts_total",
        Counter(|route| route.wait_timeouts),
        "Waits for another request's run that timed out.",
    ),
    both(
        "cached_response_over_max_waiters_total",
        Counter(|route| route.over_max_waiters),
        "Misses whose run had as many waiters as it may.",
    ),
    both(
        "cached_response_nested_runs_total",
        Counter(|route| route.nested_runs),
        "Misses from within the run that they would have waited for.",
    ),
    both(
        "cached_response_hit_for_pass_total",
        Counter(|route| route.hit_for_pass),
        "Misses that did not wait: the last response was not storable.",
    ),
    both(
        "cached_response_served_bytes_total",
        Counter(|route| route.served_bytes),
        "Bytes of the bodies of hits.",
    ),
    // A gauge: counters of the facade crate are whole numbers.
    both(
        "cached_response_time_saved_seconds",
        Gauge(|route| route.time_saved.as_secs_f64()),
        "Time of the runs that hits made unnecessary, since the start.",
    ),
    both(
        RUN_DURATION,
        Summary(|route| Durations {
            count: route.runs,
            sum: route.run_time,
        }),
        "Time that runs took, to the end of the handler.",
    ),
];

/// The counts and sizes of a cache.
const OF_CACHE: &[Row<Stats>] = &[
    row(
        "cached_response_memory_bytes",
        Gauge(|stats| float(stats.bytes)),
        "Size of the entries in memory.",
    ),
    row(
        "cached_response_memory_max_bytes",
        Gauge(|stats| float(stats.max_bytes)),
        "Bytes that the entries may take.",
    ),
    row(
        "cached_response_memory_entries",
        Gauge(|stats| float(stats.entries)),
        "Entries in memory.",
    ),
    row(
        "cached_response_hit_for_pass_keys",
        Gauge(|stats| float(stats.hit_for_pass_keys)),
        "Keys whose requests are not coalesced.",
    ),
    row(
        "cached_response_hit_for_pass_bytes",
        Gauge(|stats| float(stats.hit_for_pass_bytes)),
        "Size of the keys whose requests are not coalesced.",
    ),
    row(
        "cached_response_runs_in_progress",
        Gauge(|stats| float(stats.running as u64)),
        "Runs that other requests may wait for.",
    ),
    row(
        "cached_response_evictions_total",
        Counter(|stats| stats.evictions),
        "Entries that were evicted, or not admitted, to make room.",
    ),
    row(
        "cached_response_invalidations_total",
        Counter(|stats| stats.invalidations),
        "Invalidations and expiries.",
    ),
];

/// The counts of the calls to a remote store.
const OF_REMOTE: &[Row<RemoteStats>] = &[
    row(
        "cached_response_remote_calls_total",
        Counter(|remote| remote.calls),
        "Calls to the remote store.",
    ),
    row(
        "cached_response_remote_timeouts_total",
        Counter(|remote| remote.slow),
        "Calls that took longer than their budget.",
    ),
    row(
        "cached_response_remote_errors_total",
        Counters("reason", |remote| remote.failures().collect()),
        "Calls that the remote store or the way to it has failed.",
    ),
    row(
        "cached_response_remote_rejected_calls_total",
        Counters("reason", |remote| {
            vec![
                ("breaker-open", remote.refused),
                ("over-max-calls", remote.over_max_calls),
            ]
        }),
        "Calls that were not made.",
    ),
    row(
        "cached_response_remote_writes_total",
        Counters("outcome", |remote| {
            vec![("written", remote.written), ("dropped", remote.dropped)]
        }),
        "Background writes to the remote store.",
    ),
    row(
        "cached_response_remote_breaker_openings_total",
        Counter(|remote| remote.opened),
        "Times that the circuit breaker has opened.",
    ),
    row(
        "cached_response_remote_breaker_open",
        Gauge(|remote| float(remote.is_open.into())),
        "1 while the circuit breaker is open.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn labels<T>(row: &Row<T>, of_route: &str) -> String {
        let own = match row.read {
            Counters(label, _) => Some(format!("`{label}`")),
            _ => None,
        };
        let route = (!of_route.is_empty()).then(|| of_route.to_owned());
        let all: Vec<_> = route.into_iter().chain(own).collect();
        all.join(", ")
    }

    fn documented<T>(table: &[Row<T>], of_route: &str) -> Vec<String> {
        let rows = table.iter().map(|row| {
            let kind = match row.read {
                Counter(_) | Counters(..) => "counter",
                Gauge(_) => "gauge",
                Summary(_) => "summary",
            };
            let value = if row.of_values { "yes" } else { "" };
            let (name, labels, help) = (row.name, labels(row, of_route), row.help);
            let of_values = if of_route.is_empty() {
                String::new()
            } else {
                format!(" {value} |")
            };
            let line = format!("| `{name}` | {kind} | {labels} |{of_values} {help} |");
            line.replace("  ", " ")
        });
        rows.collect()
    }

    #[test]
    fn the_guide_has_the_table() {
        let guide = include_str!("../../docs/watching.md");
        let rows: Vec<_> = guide
            .lines()
            .filter(|line| line.starts_with("| `cached_response_"))
            .collect();
        let expected = [
            documented(BY_ROUTE, "`route`"),
            documented(OF_CACHE, ""),
            documented(OF_REMOTE, ""),
        ]
        .concat();
        assert_eq!(
            rows,
            expected,
            "the guide should have\n{}",
            expected.join("\n")
        );
    }

    #[test]
    fn only_counters_end_with_total() {
        for row in BY_ROUTE {
            let is_counter = matches!(row.read, Counter(_) | Counters(..));
            assert_eq!(row.name.ends_with("_total"), is_counter, "{}", row.name);
        }
        for row in OF_CACHE {
            let is_counter = matches!(row.read, Counter(_));
            assert_eq!(row.name.ends_with("_total"), is_counter, "{}", row.name);
        }
        let durations = BY_ROUTE.iter().find(|row| row.name == RUN_DURATION);
        assert_eq!(durations.unwrap().value_name(), VALUE_RUN_DURATION);
    }

    fn counts(of: impl serde::Serialize) -> Vec<String> {
        let Value::Object(fields) = serde_json::to_value(of).unwrap() else {
            panic!("an object");
        };
        let fields = fields.into_iter();
        fields
            .filter(|(_, value)| value.is_u64())
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn each_count_has_a_family() {
        // Those that are shown under another name.
        let names = [
            ("misses", "misses_total"),
            ("runs", "run_duration_seconds"),
            ("failed", "failed_runs_total"),
            ("detached", "detached_runs_total"),
            ("entries", "memory_entries"),
            ("bytes", "memory_bytes"),
            ("max_bytes", "memory_max_bytes"),
            ("running", "runs_in_progress"),
            ("slow", "remote_timeouts_total"),
            ("over_max_calls", "remote_rejected_calls_total"),
            ("refused", "remote_rejected_calls_total"),
            ("opened", "remote_breaker_openings_total"),
            ("written", "remote_writes_total"),
            ("dropped", "remote_writes_total"),
            ("calls", "remote_calls_total"),
        ];
        let families: Vec<_> = BY_ROUTE
            .iter()
            .map(|row| row.name)
            .chain(OF_CACHE.iter().map(|row| row.name))
            .chain(OF_REMOTE.iter().map(|row| row.name))
            .collect();
        for count in counts(Stats::default())
            .into_iter()
            .chain(counts(RemoteStats::default()))
        {
            let other = names.iter().find(|(name, _)| *name == count);
            let name =
                other.map_or_else(|| format!("{count}_total"), |(_, name)| (*name).to_owned());
            let is_it = |family: &&str| {
                [name.clone(), name.replace("_total", "")]
                    .iter()
                    .any(|name| *family == format!("cached_response_{name}"))
            };
            assert!(families.iter().any(is_it), "{count} has no family {name}");
        }
    }
}
