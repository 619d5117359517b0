//! Reader of metrics in the text format of Prometheus.

use std::collections::BTreeMap;

const FORMAT: &str = "the text is in the format of Prometheus";

/// One metric: its type, its help and its samples.
#[derive(Debug, Default, PartialEq)]
pub struct Family {
    /// Type: `counter`, `gauge` or `summary`.
    pub kind: String,
    /// Help text.
    pub help: String,
    /// Samples by name and sorted labels, as `hits_total{route="/a"}`.
    pub samples: BTreeMap<String, f64>,
}

/// The families of a text, by name.
///
/// Quantiles are left out. Panics where a family has two types, a sample is there twice, or the name of a
/// sample contradicts its type.
pub fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::<String, Family>::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect(FORMAT);
            help.clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(FORMAT);
            name.clone_into(&mut last);
            let family = families.entry(name.to_owned()).or_default();
            assert_eq!(family.kind, "", "{name} has two types");
            kind.clone_into(&mut family.kind);
        } else if !line.contains("quantile=") {
            let family = families.get_mut(&last).expect(FORMAT);
            let (sample, value) = sample(line, &last, &family.kind);
            let before = family.samples.insert(sample, value);
            assert!(before.is_none(), "{line} is there twice");
        }
    }
    families
}

fn sample(line: &str, family: &str, kind: &str) -> (String, f64) {
    let (sample, value) = line.rsplit_once(' ').expect(FORMAT);
    let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
    if kind == "summary" {
        let part = name.strip_prefix(family);
        assert!(matches!(part, Some("_sum" | "_count")), "{line}");
    } else {
        let is_counter = name.ends_with("_total");
        assert_eq!((name, kind == "counter"), (family, is_counter), "{line}");
    }
    let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    // Sums of durations are added in another order.
    let value = (value.parse::<f64>().expect(FORMAT) * 1e6).round() / 1e6;
    (format!("{name}{{{}}}", labels.join(",")), value)
}

/// The sum of the samples whose name and sorted labels begin with `start`.
pub fn sum(families: &BTreeMap<String, Family>, start: &str) -> f64 {
    let samples = families.values().flat_map(|family| &family.samples);
    let of_name = samples.filter(|(sample, _)| sample.starts_with(start));
    // The empty sum of floats is -0.
    of_name.fold(0.0, |sum, (_, value)| sum + value)
}

#[cfg(test)]
mod tests {
    use super::{families, sum};

    #[test]
    fn families_have_their_samples_by_sorted_labels() {
        let families = families(
            "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{b=\"2\",a=\"1\"} 3\nhits_total{a=\"2\"} 4\n\n\
             # TYPE run_seconds summary\nrun_seconds{quantile=\"0.5\"} 1\nrun_seconds_sum 1.5\nrun_seconds_count 2\n",
        );
        let hits = &families["hits_total"];
        assert_eq!((&*hits.kind, &*hits.help), ("counter", "Hits."));
        let samples: Vec<_> = hits.samples.keys().collect();
        assert_eq!(
            samples,
            ["hits_total{a=\"1\",b=\"2\"}", "hits_total{a=\"2\"}"]
        );
        for (start, expected) in [
            ("hits_total", "7"),
            ("hits_total{a=\"1\"", "3"),
            ("run_seconds_sum", "1.5"),
            ("run_seconds", "3.5"),
            ("misses_total", "0"),
        ] {
            assert_eq!(sum(&families, start).to_string(), expected, "{start}");
        }
    }

    #[test]
    #[should_panic(expected = "hits 3")]
    fn a_counter_without_its_suffix_is_an_error() {
        families("# TYPE hits counter\nhits 3\n");
    }
}
