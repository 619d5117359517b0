//! The counts of a cache in the text format of Prometheus, version 0.0.4.

use crate::metrics::{
    families::{Family, Labels, Samples, families},
    stats::Stats,
};
use std::fmt::{Display, Write as _};

/// The type of the answer.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the counts as text.
pub(crate) fn text(stats: &Stats) -> String {
    let mut text = String::new();
    for family in families(stats) {
        add(&mut text, &family);
    }
    text
}

fn add(text: &mut String, family: &Family) {
    let Family { name, help, .. } = family;
    line(text, format_args!("# HELP {name} {help}"));
    match &family.samples {
        Samples::Counter(samples) => {
            line(text, format_args!("# TYPE {name} counter"));
            for (labels, count) in samples {
                line(text, format_args!("{name}{} {count}", written(labels)));
            }
        }
        Samples::Gauge(samples) => {
            line(text, format_args!("# TYPE {name} gauge"));
            for (labels, value) in samples {
                line(text, format_args!("{name}{} {value}", written(labels)));
            }
        }
        Samples::Summary(samples) => {
            line(text, format_args!("# TYPE {name} summary"));
            for (labels, durations) in samples {
                let (labels, sum) = (written(labels), durations.sum.as_secs_f64());
                line(text, format_args!("{name}_sum{labels} {sum}"));
                line(
                    text,
                    format_args!("{name}_count{labels} {}", durations.count),
                );
            }
        }
    }
}

fn line(text: &mut String, line: impl Display) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}

fn written(labels: &Labels) -> String {
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
    use crate::metrics::stats::{RemoteStats, RouteStats};

    fn text_of(routes: &[(&str, u64)]) -> String {
        let routes = routes.iter().map(|&(route, hits)| RouteStats {
            route: route.to_owned(),
            hits,
            ..RouteStats::default()
        });
        text(&Stats {
            routes: routes.collect(),
            ..Stats::default()
        })
    }

    #[test]
    fn labels_are_escaped() {
        let text = text_of(&[("/{id:\\d+}/\"x\"\n", 7)]);
        let sample = r#"cached_response_hits_total{route="/{id:\\d+}/\"x\"\n"} 7"#;
        assert!(text.contains(sample), "{text}");
        assert!(
            text.lines().all(|line| line.starts_with(['#', 'c'])),
            "{text}"
        );
    }

    #[test]
    fn each_count_of_a_remote_store_has_its_own_sample() {
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
            "rejected_calls_total{reason=\"breaker-open\"} 3",
            "rejected_calls_total{reason=\"over-max-calls\"} 4",
            "breaker_openings_total 5",
            "writes_total{outcome=\"written\"} 6",
            "writes_total{outcome=\"dropped\"} 7",
            "breaker_open 1",
        ] {
            assert!(
                text.contains(&format!("\ncached_response_remote_{sample}\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn handlers_of_one_route_are_one_sample() {
        let text = text_of(&[("/", 7), ("/", 8), ("/b", 1)]);
        let samples: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("cached_response_hits_total"))
            .collect();
        assert_eq!(
            samples,
            [
                r#"cached_response_hits_total{route="/"} 15"#,
                r#"cached_response_hits_total{route="/b"} 1"#,
            ]
        );
    }
}
