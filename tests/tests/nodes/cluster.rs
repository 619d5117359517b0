//! A cluster whose slots move under load.

use std::time::Duration;

use tests::nodes::{Origin, Remote, Settings};
use tests::servers::cluster::Cluster;
use tests::servers::redis::Redis;
use tests::stage::eventually;

use crate::load::Load;
use crate::setting::start;

const PAGES: usize = 100;

fn one_of_many(number: usize) -> String {
    format!("/page/p{}", number % PAGES)
}

/// The names of ours that a server of the cluster has.
fn names(cluster: &Cluster) -> Vec<String> {
    let names = |it: &Redis| it.ask(&["KEYS", "nodes:*"]).unwrap().text();
    let names = cluster.nodes().iter().map(names);
    let names: Vec<_> = names.collect();
    let lines = names.iter().flat_map(|names| names.lines());
    lines.map(ToOwned::to_owned).collect()
}

/// Moves each slot in which there is something to another server, and says how many.
fn reshard(cluster: &Cluster) -> usize {
    let slots = names(cluster).into_iter();
    let mut slots: Vec<_> = slots.map(|name| cluster.slot(&name).unwrap()).collect();
    slots.sort_unstable();
    slots.dedup();
    for slot in slots.iter().copied() {
        let to = (cluster.owner(slot).unwrap() + 1) % cluster.nodes().len();
        cluster.begin_to_move(slot, to).unwrap();
        cluster.move_names(slot, to).unwrap();
        cluster.end_to_move(slot, to).unwrap();
    }
    slots.len()
}

#[test]
fn slots_that_move_cost_next_to_nothing() {
    let origin = Origin::start().unwrap();
    let cluster = Cluster::start(3, &[]).unwrap();
    let urls = cluster.nodes().iter().map(Redis::url).collect();
    let settings = Settings::new("a", Remote::Cluster(urls), origin.address());
    let node = start(&Settings {
        budget: Some(Duration::from_secs(1)),
        ..settings.without_memory()
    });
    eventually("all pages are stored", || {
        let reused = (0..PAGES).filter(|page| {
            let answer = node.get(&one_of_many(*page));
            answer.header("age").is_some()
        });
        reused.count() == PAGES
    });
    let runs = origin.all_runs();
    let load = Load::start(node.address(), 4, Duration::from_millis(5), one_of_many);
    let moved = reshard(&cluster);
    assert!(moved > PAGES, "{moved}");
    let samples = load.end();
    samples.all_are_well();
    let missed = usize::try_from(origin.all_runs() - runs).unwrap();
    let count = samples.count();
    assert!(missed * 100 <= count, "{missed} misses of {count}");
    let log = node.log();
    let crossed = log.iter().find(|line| line.contains("CROSSSLOT"));
    assert!(crossed.is_none(), "{log:#?}");
    let version = origin.change("p1");
    assert_eq!(node.invalidate("tag/page:p1").status(), 204);
    assert_eq!(node.page("/page/p1").version, version);
}
