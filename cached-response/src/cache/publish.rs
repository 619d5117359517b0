//! Publication of the counts through the facade crate `metrics`.

use crate::{
    cache::{Inner, ResponseCache},
    metrics::{
        counters::RouteCounters,
        families::{Family, Labels, RUN_DURATION, Samples, Unit, VALUE_RUN_DURATION, families},
        stats::Stats,
    },
    route::Route,
    util::sync::{Mutex, lock},
};
use ::metrics::{
    Label, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

/// The counts that were published last.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Stats>);

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
        for family in families(&stats) {
            describe(&family);
            set_gauges(&family);
        }
        for family in families(&stats.since(&published)) {
            add_counts(&family);
        }
        *published = stats;
    }
}

fn describe(family: &Family) {
    let (name, help) = (family.name.clone(), family.help);
    let unit = match family.unit {
        Unit::Count => ::metrics::Unit::Count,
        Unit::Bytes => ::metrics::Unit::Bytes,
        Unit::Seconds => ::metrics::Unit::Seconds,
    };
    match family.samples {
        Samples::Counter(_) => describe_counter!(name, unit, help),
        Samples::Gauge(_) => describe_gauge!(name, unit, help),
        Samples::Summary(_) => describe_histogram!(name, unit, help),
    }
}

fn set_gauges(family: &Family) {
    if let Samples::Gauge(samples) = &family.samples {
        for (labels, value) in samples {
            gauge!(family.name.clone(), labels_of(labels)).set(*value);
        }
    }
}

/// Adds to the counters. One that is zero is there, too.
fn add_counts(family: &Family) {
    if let Samples::Counter(samples) = &family.samples {
        for (labels, count) in samples {
            counter!(family.name.clone(), labels_of(labels)).increment(*count);
        }
    }
}

fn labels_of(labels: &Labels) -> Vec<Label> {
    let labels = labels.iter();
    labels
        .map(|(name, value)| Label::new(*name, value.clone()))
        .collect()
}

/// Records the duration of a run.
pub(crate) fn record_run(shared: &Inner, route: &Route, took: Duration) {
    if route.is_value() {
        histogram!(VALUE_RUN_DURATION).record(took);
        return;
    }
    let record = |counters: &RouteCounters| {
        let label = counters.label().unwrap_or(route.name).to_owned();
        histogram!(RUN_DURATION, "route" => label).record(took);
    };
    shared.counters.with(route, record);
}
