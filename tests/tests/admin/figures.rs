//! The counts as JSON and as text.

use std::collections::BTreeMap;

use tests::raw::Request;

use crate::shop::{Shop, authorized};

fn load(shop: &Shop) {
    for n in 0..20 {
        shop.get(&format!("/products/{}", n % 4));
        shop.get("/shops/a/items/1");
        shop.fetch(&Request::post("/search", ""));
    }
}

#[test]
fn stats_are_those_of_the_cache() {
    let shop = Shop::open();
    load(&shop);
    let expected = serde_json::to_value(shop.cache.stats()).unwrap();
    assert_eq!(shop.admin("/stats"), expected);
    assert_eq!(expected["hits"], 35);
}

/// The sums of the samples, by name or outcome. Checks the types.
fn sums(text: &str) -> BTreeMap<&str, f64> {
    let (mut types, mut sums) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(types.insert(name, kind).is_none(), "{name} has two types");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert_eq!(types[name] == "counter", name.ends_with("_total"), "{line}");
            let outcome = sample.split_once("outcome=\"");
            let by = outcome.map_or(name, |(_, outcome)| outcome.trim_end_matches("\"}"));
            *sums.entry(by).or_default() += value.parse::<f64>().unwrap();
        }
    }
    sums
}

#[test]
fn metrics_are_the_same_in_the_format_of_prometheus() {
    let shop = Shop::open();
    load(&shop);
    let response = shop.fetch(&authorized(Request::get("/cache/metrics")));
    let kind = response.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let (text, stats) = (response.text(), shop.cache.stats());
    let sums = sums(&text);
    let expected = [
        ("hit", stats.hits),
        ("miss", stats.misses),
        ("bypass", stats.bypasses.total()),
        ("cached_response_stored_total", stats.stored),
        ("cached_response_runs_total", stats.runs),
        ("cached_response_served_bytes_total", stats.served_bytes),
        ("cached_response_memory_bytes", stats.bytes),
        ("cached_response_memory_entries", stats.entries),
    ];
    for (name, count) in expected {
        assert_eq!(sums[name].to_string(), count.to_string(), "{name}");
    }
    assert!(
        text.contains(
            "handler=\"admin::shop::product\",route=\"/products/{id}\",outcome=\"hit\"} 16"
        ),
        "{text}"
    );
}
