//! Nodes that receive no invalidations.

use std::time::Instant;

use tests::nodes::Settings;
use tests::proxy::{Mode, Proxy};
use tests::stage::eventually;

use crate::invalidations::{BOUND, SILENCE};
use crate::setting::{MARGIN, Setting, start, until_page};

/// Fault on the connection of a node's subscription.
#[derive(Debug, Clone, Copy)]
enum Deaf {
    Killed,
    Kicked,
    Swallowed,
    CutOff,
}

impl Deaf {
    fn make(self, setting: &Setting, proxy: &Proxy) {
        match self {
            Self::Killed => hang_up(setting),
            Self::Kicked => {
                let limit = "client-output-buffer-limit";
                let limit = ["CONFIG", "SET", limit, "pubsub 64kb 64kb 1"];
                assert_eq!(setting.redis.ask(&limit).unwrap().text(), "OK");
                let long = "x".repeat(1 << 20);
                let heard = setting.redis.ask(&["PUBLISH", "nodes:bus", &long]);
                assert_ne!(heard.unwrap().text(), "0");
            }
            Self::Swallowed => {
                let listening = proxy.lines_that_said(b"SUBSCRIBE");
                assert!(!listening.is_empty());
                for line in listening {
                    line.set(Mode::BlackHole);
                }
            }
            Self::CutOff => proxy.set(Mode::BlackHole),
        }
    }
}

/// Makes the server end the connections of its subscribers.
fn hang_up(setting: &Setting) {
    let ended = setting.redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_ne!(ended.unwrap().text(), "0");
}

/// Waits until the node behind the proxy is subscribed on a working connection.
fn listens(proxy: &Proxy) {
    eventually("it listens", || {
        let lines = proxy.lines_that_said(b"SUBSCRIBE");
        lines.iter().any(|line| !line.has_lost())
    });
}

fn memory_is_no_older_than_its_bound(deaf: Deaf) {
    let setting = Setting::start();
    let proxy = setting.proxy();
    let settings = Settings {
        silence: Some(SILENCE),
        ..setting.behind(&proxy, "b")
    };
    let (a, b) = (setting.node("a"), start(&settings));
    listens(&proxy);
    setting.put(&a, "/page/p");
    assert_eq!(b.page("/page/p").node, "a");
    for _ in 0..3 {
        deaf.make(&setting, &proxy);
        let version = setting.origin.change("p");
        assert_eq!(a.invalidate("tag/page:p").status(), 204);
        let invalidated = Instant::now();
        let late = until_page(&b, "/page/p", invalidated, |it| it.version == version);
        assert!(late <= BOUND + MARGIN, "{late:?}");
        proxy.set(Mode::Pass);
        listens(&proxy);
        eventually("it is reused again", || {
            b.get("/page/p").header("age").is_some()
        });
    }
}

/// Memory is no older than the silence bound allows.
#[test]
fn a_killed_subscription_is_noticed_and_memory_is_no_older_than_its_bound() {
    memory_is_no_older_than_its_bound(Deaf::Killed);
}

/// Memory is no older than the silence bound allows.
#[test]
fn a_subscription_closed_by_the_server_is_noticed_and_memory_is_no_older_than_its_bound() {
    memory_is_no_older_than_its_bound(Deaf::Kicked);
}

/// Memory is no older than the silence bound allows.
#[test]
fn a_silent_subscription_is_noticed_and_memory_is_no_older_than_its_bound() {
    memory_is_no_older_than_its_bound(Deaf::Swallowed);
}

/// Memory is no older than the silence bound allows.
#[test]
fn a_partitioned_node_notices_and_memory_is_no_older_than_its_bound() {
    memory_is_no_older_than_its_bound(Deaf::CutOff);
}

/// A node that was stopped for longer than `max_unverified` has missed the invalidations meanwhile.
#[test]
fn a_node_that_was_stopped_believes_its_memory_no_more() {
    let setting = Setting::start();
    let settings = Settings {
        silence: Some(SILENCE),
        ..setting.settings("b")
    };
    let (a, b) = (setting.forgetful("a"), start(&settings));
    setting.put(&a, "/page/p");
    assert_eq!(b.page("/page/p").node, "a");
    b.stop();
    // The message that it would receive first when it continues.
    hang_up(&setting);
    let version = setting.origin.change("p");
    assert_eq!(a.invalidate("tag/page:p").status(), 204);
    let stopped = Instant::now();
    eventually("its silence is over", || {
        stopped.elapsed() > SILENCE + MARGIN
    });
    b.resume();
    assert_eq!(b.page("/page/p").version, version);
}
