//! Refusals of a real server, each by a real state: a miss, a line in the log, and recovery.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use tests::nodes::{Node, Remote, Settings};
use tests::servers::cluster::Cluster;
use tests::servers::redis::Redis;
use tests::stage::eventually;

use crate::setting::{Setting, start};

/// For so long each state is left as it is.
const WHILE: Duration = Duration::from_secs(3);

/// Asks for pages old and new: each is answered, and right.
fn is_served(node: &Node) {
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < WHILE {
        number += 1;
        for page in ["p".to_owned(), format!("p{number}")] {
            let info = node.page(&format!("/page/{page}"));
            assert_eq!(info.page, page);
        }
        let named = node.page(&format!("/named/p{number}"));
        assert_eq!(named.page, format!("p{number}"));
    }
    assert!(number > 10, "{number}");
}

/// Warnings come once a second for each kind, and say what to do.
fn warns_now_and_then(node: &Node) {
    let mut last: HashMap<String, Instant> = HashMap::new();
    let log = node.timed_log();
    let warnings = log.iter().filter(|(_, line)| line.starts_with("WARN"));
    for (at, line) in warnings.clone() {
        // The failure first, then what to do.
        let kind = line.split(':').next().unwrap().to_owned();
        if let Some(before) = last.insert(kind, *at) {
            let apart = at.duration_since(before);
            assert!(apart > Duration::from_millis(800), "{apart:?}: {log:#?}");
        }
    }
    assert!(warnings.count() > 0, "{log:#?}");
}

fn is_well_again(setting: &Setting, node: &Node) {
    let mut number = 0;
    eventually("it stores again", || {
        number += 1;
        let target = format!("/page/again{number}");
        node.page(&target);
        thread::sleep(Duration::from_millis(20));
        !setting.stored(&target).is_empty()
    });
}

/// Answer to a command without an effect.
fn answered(setting: &Setting, command: &[&str]) -> String {
    setting.redis.ask(command).unwrap().text()
}

/// Puts a server into a state and takes it out again.
struct State {
    enter: fn(&Setting),
    /// A command, and the word that it is refused with meanwhile.
    shows: (&'static [&'static str], &'static str),
    leave: fn(&Setting),
}

fn survives(state: &State) {
    let setting = Setting::with(&["--enable-debug-command", "yes"]);
    let node = setting.forgetful("a");
    setting.put(&node, "/page/p");
    (state.enter)(&setting);
    let (command, word) = state.shows;
    assert!(
        answered(&setting, command).starts_with(word),
        "{}",
        answered(&setting, command)
    );
    is_served(&node);
    (state.leave)(&setting);
    is_well_again(&setting, &node);
    warns_now_and_then(&node);
}

fn execute(setting: &Setting, command: &[&str]) {
    let said = answered(setting, command);
    assert!(!said.starts_with("ERR"), "{command:?}: {said}");
}

#[test]
fn a_full_store_fails_no_request() {
    survives(&State {
        enter: |it| execute(it, &["CONFIG", "SET", "maxmemory", "1"]),
        shows: (&["SET", "a", "b"], "OOM"),
        leave: |it| execute(it, &["CONFIG", "SET", "maxmemory", "0"]),
    });
}

#[test]
fn a_store_that_is_read_only_fails_no_request() {
    survives(&State {
        enter: |it| execute(it, &["REPLICAOF", "127.0.0.1", "1"]),
        shows: (&["SET", "a", "b"], "READONLY"),
        leave: |it| execute(it, &["REPLICAOF", "NO", "ONE"]),
    });
}

/// Nothing that is connected stays so: what connects again knows no password.
#[test]
fn a_store_that_wants_a_password_fails_no_request() {
    survives(&State {
        enter: |it| {
            execute(it, &["CONFIG", "SET", "requirepass", "secret"]);
            let wire = it.redis.wire().unwrap();
            execute_on(
                wire,
                &[&["AUTH", "secret"], &["CLIENT", "KILL", "TYPE", "normal"]],
            );
        },
        shows: (&["GET", "a"], "NOAUTH"),
        leave: |it| {
            let wire = it.redis.wire().unwrap();
            execute_on(
                wire,
                &[&["AUTH", "secret"], &["CONFIG", "SET", "requirepass", ""]],
            );
        },
    });
}

fn execute_on(mut wire: tests::servers::resp::Wire, commands: &[&[&str]]) {
    for command in commands {
        let said = wire.ask(command).unwrap().text();
        assert!(!said.starts_with("ERR"), "{command:?}: {said}");
    }
}

#[test]
fn a_store_that_permits_nothing_fails_no_request() {
    survives(&State {
        enter: |it| {
            let rules = ["-@read", "-@write", "-@pubsub"];
            let command = ["ACL", "SETUSER", "default"];
            execute(it, &[&command[..], &rules[..]].concat());
        },
        shows: (&["GET", "a"], "NOPERM"),
        leave: |it| execute(it, &["ACL", "SETUSER", "default", "+@all"]),
    });
}

#[test]
fn a_store_busy_with_a_script_fails_no_request() {
    survives(&State {
        enter: |it| {
            execute(it, &["CONFIG", "SET", "busy-reply-threshold", "50"]);
            let mut wire = it.redis.wire().unwrap();
            wire.send(&["EVAL", "while true do end", "0"]).unwrap();
            eventually("it is busy", || {
                answered(it, &["GET", "a"]).starts_with("BUSY")
            });
        },
        shows: (&["GET", "a"], "BUSY"),
        leave: |it| execute(it, &["SCRIPT", "KILL"]),
    });
}

/// All values in the store are of another type, responses and nonces.
#[test]
fn lists_of_others_under_our_names_fail_no_request() {
    fn spoil(setting: &Setting) {
        for name in answered(setting, &["KEYS", "nodes:*"]).lines() {
            setting.redis.ask(&["DEL", name]).unwrap();
            setting.redis.ask(&["RPUSH", name, "of", "others"]).unwrap();
        }
    }
    let setting = Setting::start();
    let node = setting.forgetful("a");
    let info = setting.put(&node, "/page/p");
    setting.put(&node, "/named/p");
    spoil(&setting);
    let type_of = |name: &str| answered(&setting, &["TYPE", name]);
    assert_eq!(type_of(&setting.stored("/page/p")[0]), "list");
    assert_ne!(node.page("/page/p").run, info.run);
    assert_eq!(node.page("/named/p").page, "p");
    is_served(&node);
    setting.redis.ask(&["FLUSHALL"]).unwrap();
    is_well_again(&setting, &node);
}

/// Nothing of it can be read as what was stored.
#[test]
fn junk_under_our_names_is_a_miss() {
    let setting = Setting::start();
    let node = setting.forgetful("a");
    let info = setting.put(&node, "/page/p");
    for name in answered(&setting, &["KEYS", "nodes:*"]).lines() {
        setting
            .redis
            .ask(&["SET", name, "junk", "PX", "60000"])
            .unwrap();
    }
    assert_ne!(node.page("/page/p").run, info.run);
    is_served(&node);
    setting.redis.ask(&["FLUSHALL"]).unwrap();
    is_well_again(&setting, &node);
}

#[test]
fn a_store_that_loads_fails_no_request() {
    let options = [
        ["--enable-debug-command", "yes"],
        ["--key-load-delay", "500"],
        ["--loading-process-events-interval-bytes", "1024"],
    ];
    let mut setting = Setting::with(&options.concat());
    let node = setting.forgetful("a");
    setting.put(&node, "/page/p");
    execute(&setting, &["DEBUG", "POPULATE", "10000"]);
    execute(&setting, &["SAVE"]);
    setting.redis.restart().unwrap();
    let loads = answered(&setting, &["GET", "a"]);
    assert!(loads.starts_with("LOADING"), "{loads}");
    is_served(&node);
    eventually("it has loaded", || {
        !answered(&setting, &["GET", "a"]).starts_with("LOADING")
    });
    is_well_again(&setting, &node);
    warns_now_and_then(&node);
}

/// A server of a cluster that has no slots.
#[test]
fn a_cluster_that_is_down_fails_no_request() {
    let mut setting = Setting::start();
    setting.redis = Redis::with(&["--cluster-enabled", "yes"]).unwrap();
    let node = start(&setting.settings("a").without_memory());
    let down = answered(&setting, &["GET", "a"]);
    assert!(down.starts_with("CLUSTERDOWN"), "{down}");
    is_served(&node);
    warns_now_and_then(&node);
    let of_a_cluster = Settings {
        remote: Remote::Cluster(vec![setting.redis.url()]),
        ..setting.settings("b").without_memory()
    };
    let node = start(&of_a_cluster);
    is_served(&node);
    warns_now_and_then(&node);
}

/// Of most names it says that another has them.
#[test]
fn one_server_of_a_cluster_fails_no_request() {
    let setting = Setting::start();
    let cluster = Cluster::start(3, &[]).unwrap();
    let first = &cluster.nodes()[0];
    let moved = (0..3).any(|it| {
        first
            .ask(&["GET", &it.to_string()])
            .unwrap()
            .text()
            .starts_with("MOVED")
    });
    assert!(moved);
    let alone = Settings {
        remote: Remote::Redis(first.url()),
        ..setting.settings("a").without_memory()
    };
    let node = start(&alone);
    is_served(&node);
    warns_now_and_then(&node);
}
