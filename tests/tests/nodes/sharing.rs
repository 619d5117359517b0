//! State that nodes share: responses, invalidations, runs.

use std::thread;
use std::time::{Duration, Instant};

use tests::nodes::{Point, RunInfo, Settings};
use tests::raw::{Connection, Request};
use tests::servers::redis::Redis;
use tests::stage::eventually;

use crate::setting::{MARGIN, Setting, start, until_page};

#[test]
fn nodes_reuse_one_anothers_responses() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.forgetful("b"));
    for target in ["/page/p", "/named/p"] {
        let info = setting.put(&a, target);
        assert_eq!(info.node, "a");
        assert_eq!(b.page(target), info);
        let again = b.get(target);
        assert!(again.header("age").is_some(), "{:?}", again.head);
    }
    assert_eq!(setting.origin.runs("p"), 2);
}

#[test]
fn nodes_reuse_one_anothers_variants() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.node("b"));
    let spoken = |language| Request::get("/spoken/p").header("accept-language", language);
    let english = a.ask(&spoken("en"));
    setting.is_stored("/spoken/p");
    let names = || setting.stored("/spoken/p").len();
    // The list of names, and the variant.
    eventually("both are stored", || names() == 2);
    assert_eq!(b.ask(&spoken("en")).text(), english.text());
    assert!(b.ask(&spoken("de")).text().ends_with("in de"));
    assert_eq!(setting.origin.runs("p"), 2);
}

/// Every way to say it, and both ways to name a tag.
#[test]
fn an_invalidation_holds_at_once_on_a_node_without_memory() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.forgetful("b"));
    let ways = [
        ("/page/p", "tag/page:p"),
        ("/named/p", "tag/page:p"),
        ("/page/p", "path/page/p"),
        ("/page/p", "all"),
    ];
    for (target, way) in ways {
        setting.put(&a, target);
        let before = b.page(target).version;
        let version = setting.origin.change("p");
        assert_eq!(b.page(target).version, before, "it is stored");
        assert_eq!(a.invalidate(way).status(), 204, "{way}");
        assert_eq!(b.page(target).version, version, "{target} {way}");
        assert_eq!(a.page(target).version, version, "{target} {way}");
    }
}

#[test]
fn an_invalidation_reaches_the_memory_of_another_node() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.node("b"));
    for way in ["tag/page:p", "path/page/p", "all"] {
        setting.put(&a, "/page/p");
        b.page("/page/p");
        let version = setting.origin.change("p");
        let asked = Instant::now();
        assert_eq!(a.invalidate(way).status(), 204);
        let late = until_page(&b, "/page/p", asked, |it| it.version == version);
        assert!(late < Duration::from_secs(1) + MARGIN, "{way}: {late:?}");
    }
}

#[test]
fn nodes_that_miss_at_once_run_the_handler_once() {
    let setting = Setting::start();
    let patient = |name: &str| Settings {
        budget: Some(Duration::from_secs(10)),
        ..setting.settings(name)
    };
    let (a, b) = (start(&patient("a")), start(&patient("b")));
    setting.origin.hold(Point::Return, "p");
    let request = Request::get("/page/p");
    let mut first = Connection::open(a.address()).unwrap();
    first.send(&request).unwrap();
    setting.origin.wait_held(Point::Return, "p", 1);
    let mut second = Connection::open(b.address()).unwrap();
    second.send(&request).unwrap();
    // It has looked up, and found that another runs.
    eventually("the other misses", || b.count("misses") == 1);
    setting.origin.go_on(Point::Return, "p");
    let info = first.receive(&request).unwrap().text();
    assert_eq!(second.receive(&request).unwrap().text(), info);
    assert_eq!(setting.origin.runs("p"), 1);
}

#[test]
fn a_node_that_dies_with_the_lease_costs_a_second_run() {
    let setting = Setting::start();
    let (mut a, b) = (setting.node("a"), setting.node("b"));
    setting.origin.hold(Point::Return, "p");
    let request = Request::get("/page/p");
    let mut left = Connection::open(a.address()).unwrap();
    left.send(&request).unwrap();
    setting.origin.wait_held(Point::Return, "p", 1);
    a.kill();
    setting.origin.go_on(Point::Return, "p");
    let response = b.get("/page/p");
    assert_eq!(response.status(), 200);
    assert!(
        response.took < Duration::from_secs(5) + MARGIN,
        "{:?}",
        response.took
    );
    assert_eq!(setting.origin.runs("p"), 2);
}

#[test]
fn a_node_without_memory_reads_the_store_each_time() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.forgetful("b"));
    let info = setting.put(&a, "/page/p");
    assert_eq!(b.page("/page/p"), info);
    setting.redis.ask(&["FLUSHALL"]).unwrap();
    assert_eq!(b.page("/page/p").node, "b");
}

/// The ids of the connections of others.
fn connections(setting: &Setting) -> Vec<String> {
    let list = setting
        .redis
        .ask(&["CLIENT", "LIST", "TYPE", "normal"])
        .unwrap()
        .text();
    let ids = list.lines().filter(|line| !line.contains("cmd=client"));
    ids.map(|line| line.split(' ').next().unwrap().replace("id=", ""))
        .collect()
}

#[test]
fn each_worker_looks_up_on_a_connection_of_its_own_and_does_without_where_it_has_none() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.forgetful("b"));
    let info = setting.put(&a, "/page/p");
    drop(a);
    eventually("its connections end with a process", || {
        connections(&setting).len() <= 2
    });
    // One for calls that requests wait for, one for background calls, and that of a worker.
    eventually("a worker has one of its own", || {
        assert_eq!(b.page("/page/p"), info);
        connections(&setting).len() > 2
    });
    for id in connections(&setting) {
        setting.redis.ask(&["CLIENT", "KILL", "ID", &id]).unwrap();
        assert_eq!(b.page("/page/p"), info);
    }
    assert_eq!(setting.origin.runs("p"), 1);
    assert_eq!(b.count("remote/slow") + b.count("remote/opened"), 0);
}

#[test]
fn a_worker_leaves_a_server_that_is_no_primary_any_more() {
    let (setting, other) = (Setting::start(), Redis::start().unwrap());
    let b = setting.forgetful("b");
    b.page("/page/p");
    let port = other.port().to_string();
    setting
        .redis
        .ask(&["REPLICAOF", "127.0.0.1", &port])
        .unwrap();
    eventually("it gets no more requests", || {
        b.page("/page/p");
        connections(&setting).is_empty()
    });
}

/// The last index that a `GETRANGE` requests.
fn last_place(command: &str) -> Option<usize> {
    let command = command.strip_prefix("\"GETRANGE\"")?;
    let last = command.rsplit(' ').next().unwrap();
    Some(last.trim_matches('"').parse().unwrap())
}

#[test]
fn a_conditional_request_is_answered_without_the_body_that_is_stored() {
    const BODY: usize = 300_000;
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.forgetful("b"));
    let target = format!("/page/p?size={BODY}");
    setting.put(&a, &target);
    let whole = b.get(&target);
    assert_eq!(whole.body.len(), BODY);
    let tag = whole.header("etag").unwrap();
    let request = Request::get(target).header("if-none-match", tag);
    // The first may find out how long the head is.
    for _ in 0..2 {
        let mut monitor = setting.redis.monitor().unwrap();
        assert_eq!(b.ask(&request).status(), 304);
        let seen = monitor.seen(&setting.redis).unwrap();
        let places: Vec<_> = seen.iter().filter_map(|it| last_place(it)).collect();
        assert!(!places.is_empty(), "{seen:#?}");
        assert!(places.iter().all(|last| *last < BODY / 4), "{seen:#?}");
    }
    assert_eq!(setting.origin.runs("p"), 1);
}

/// Old and new in one store, and back again.
fn do_not_meet(target: &str, old: &Settings, new: &Settings, setting: &Setting) {
    let [old, new] = [old, new].map(|it| start(&it.clone().without_memory()));
    setting.put(&old, target);
    assert_eq!(new.page(target).node, "new");
    eventually("both are stored", || setting.stored(target).len() == 2);
    assert_eq!(old.page(target).node, "old");
    assert_eq!(new.page(target).node, "new");
    let version = setting.origin.change("p");
    assert_eq!(new.invalidate("tag/page:p").status(), 204);
    assert_eq!(old.page(target).version, version);
}

/// Bytes of another version are a miss.
#[test]
fn a_deploy_with_another_schema_never_reads_the_old_shape() {
    let setting = Setting::start();
    let new = Settings {
        schema: 2,
        ..setting.settings("new")
    };
    do_not_meet("/page/p", &setting.settings("old"), &new, &setting);
}

/// Bytes of another version are a miss.
#[test]
fn a_deploy_with_another_handler_never_reads_what_the_old_one_made() {
    let setting = Setting::start();
    let new = Settings {
        version: "2".to_owned(),
        ..setting.settings("new")
    };
    do_not_meet("/deployed/p", &setting.settings("old"), &new, &setting);
}

#[test]
fn applications_with_other_namespaces_do_not_meet() {
    let setting = Setting::start();
    let other = Settings {
        namespace: "others".to_owned(),
        ..setting.settings("b")
    };
    let (a, b) = (setting.forgetful("a"), start(&other));
    let info = setting.put(&a, "/page/p");
    assert_eq!(b.page("/page/p").node, "b");
    assert_eq!(b.invalidate("all").status(), 204);
    assert_eq!(a.page("/page/p"), info);
}

/// A refill from the store lives no longer than it would have.
#[test]
fn a_late_read_does_not_extend_the_lifetime() {
    let setting = Setting::start();
    let (a, b) = (setting.node("a"), setting.node("b"));
    let first = setting.put(&a, "/brief/p");
    let born = Instant::now();
    thread::sleep(Duration::from_millis(1500));
    let (mut ages, mut last) = (Vec::new(), Duration::ZERO);
    eventually("it runs again", || {
        let sent = born.elapsed();
        let answer = b.get("/brief/p");
        let info: RunInfo = answer.text().parse().unwrap();
        if info.run != first.run {
            return true;
        }
        let age = answer.header("age").unwrap();
        ages.push(age.parse::<u64>().unwrap());
        last = sent;
        false
    });
    assert!(ages.is_sorted(), "{ages:?}");
    assert!(ages[0] >= 1, "{ages:?}");
    assert!(last <= Duration::from_secs(3), "{last:?}");
}
