//! Invalidations while something is wrong.

use std::time::{Duration, Instant};

use tests::nodes::{Node, Origin, Point, Settings};
use tests::proxy::{HELD, Mode, Proxy};
use tests::raw::{Connection, Request};
use tests::stage::eventually;

use crate::setting::{MARGIN, Setting, knows_its_tags, start, until_page};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Time for which these nodes trust their memory without a heartbeat.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);
/// For so long memory may be older than an invalidation.
pub(crate) const BOUND: Duration = Duration::from_secs(3);

/// Number of measurements.
const ROUNDS: usize = 20;

/// The write of what `/page/p` was answered with, and no other command: its name is of 14 octets and a digest.
const WRITE: &[u8] = b"\r\n$3\r\nSET\r\n$54\r\nnodes:/page/p:";

/// A node whose write is held on its way while it is stopped itself.
fn held(setting: &Setting, settings: &Settings, proxy: &Proxy) -> (Node, u64) {
    let node = start(settings);
    proxy.set(Mode::Hold(WRITE));
    let version = node.page("/page/p").version;
    proxy.barriers().wait_arrived(HELD, 1, TIMEOUT);
    node.stop();
    assert!(setting.stored("/page/p").is_empty());
    (node, version)
}

/// A late write to the store never becomes an answer.
#[test]
fn a_write_delayed_past_an_invalidation_never_answers() {
    let setting = Setting::start();
    let proxy = setting.proxy();
    let settings = Settings {
        silence: Some(SILENCE),
        ..setting.behind(&proxy, "a")
    };
    let (a, old) = held(&setting, &settings, &proxy);
    let b = setting.forgetful("b");
    let version = setting.origin.change("p");
    let invalidated = Instant::now();
    assert_eq!(b.invalidate("tag/page:p").status(), 204);
    proxy.barriers().release(HELD);
    setting.is_stored("/page/p");
    assert_eq!(b.page("/page/p").version, version);
    a.resume();
    let late = until_page(&a, "/page/p", invalidated, |it| it.version == version);
    assert!(late <= BOUND + MARGIN, "{old} {late:?} after {version}");
    assert_eq!(b.page("/page/p").version, version);
}

/// A late write to the store never becomes an answer.
#[test]
fn a_run_that_was_stopped_over_an_invalidation_is_never_answered_with() {
    let setting = Setting::start();
    let (a, b) = (setting.forgetful("a"), setting.forgetful("b"));
    knows_its_tags(&a);
    for target in ["/page/p", "/named/p"] {
        let old = interrupted(&setting.origin, &a, target, |version| {
            assert_eq!(b.invalidate("tag/page:p").status(), 204);
            assert_eq!(b.page(target).version, version);
        });
        let version = setting.origin.version("p");
        assert_eq!(b.page(target).version, version, "{old}, {target}");
        assert_eq!(a.page(target).version, version, "{old}, {target}");
        assert_eq!(b.invalidate("all").status(), 204);
    }
}

/// Asks a node, stops it between what it has read and its return, changes the page, has `then` happen, and lets it
/// go on; gives what it answers.
fn interrupted(origin: &Origin, node: &Node, target: &str, then: impl FnOnce(u64)) -> String {
    let request = Request::get(target);
    let mut client = Connection::open(node.address()).unwrap();
    let before = origin.held(Point::Return, "p");
    origin.hold(Point::Return, "p");
    client.send(&request).unwrap();
    origin.wait_held(Point::Return, "p", before + 1);
    node.stop();
    origin.hold_no_more(Point::Return, "p");
    then(origin.change("p"));
    origin.let_one_go_on(Point::Return, "p");
    node.resume();
    client.receive(&request).unwrap().text()
}

/// An invalidation that is acknowledged has taken effect.
#[test]
fn an_invalidation_in_a_full_store_is_effective_or_an_error() {
    let setting = Setting::with(&["--maxmemory-policy", "noeviction"]);
    let (a, b) = (setting.forgetful("a"), setting.forgetful("b"));
    let memory = |bytes: &str| {
        let reply = setting.redis.ask(&["CONFIG", "SET", "maxmemory", bytes]);
        assert_eq!(reply.unwrap().text(), "OK");
    };
    for (target, way) in [
        ("/page/p", "tag/page:p"),
        ("/named/p", "tag/page:p"),
        ("/page/p", "path/page/p"),
        ("/page/p", "all"),
    ] {
        memory("0");
        setting.redis.ask(&["FLUSHALL"]).unwrap();
        setting.put(&a, target);
        memory("1");
        let full = setting.redis.ask(&["SET", "more", "of it"]).unwrap();
        assert!(full.text().starts_with("OOM"), "{full:?}");
        let old = b.page(target).version;
        let version = setting.origin.change("p");
        assert_eq!(b.page(target).version, old, "it is there still");
        let answer = a.invalidate(way);
        if answer.status() == 204 {
            assert_eq!(b.page(target).version, version, "{target} {way}");
        } else {
            assert_eq!(answer.status(), 503);
            assert!(!answer.text().is_empty());
        }
        assert_eq!(
            a.page(target).version,
            version,
            "it holds here, whatever it was answered with"
        );
    }
}

/// Answers to a refused delete, and the time when it takes effect.
#[test]
fn an_invalidation_that_the_store_refuses_is_an_error_and_made_good_later() {
    let setting = Setting::start();
    let (a, b) = (setting.forgetful("a"), setting.forgetful("b"));
    setting.put(&a, "/page/p");
    setting.put(&a, "/named/p");
    let version = setting.origin.change("p");
    let user = |rule: &str| {
        setting
            .redis
            .ask(&["ACL", "SETUSER", "default", rule])
            .unwrap()
    };
    assert_eq!(user("-unlink").text(), "OK");
    user("-del");
    let answer = a.invalidate("tag/page:p");
    assert_eq!(answer.status(), 503, "{}", answer.text());
    // Not the other: what is stored now would be found whether the invalidation is made good or not.
    assert_eq!(a.page("/named/p").version, version);
    user("+unlink");
    user("+del");
    let allowed = Instant::now();
    let late = until_page(&b, "/page/p", allowed, |it| it.version == version);
    assert!(late < Duration::from_secs(3) + MARGIN, "{late:?}");
}

/// Shortest time of the invalidation of a group, and the commands of one round.
fn rounds(setting: &Setting, node: &Node, group: &str) -> (Duration, Vec<String>) {
    let mut best = Duration::MAX;
    let mut monitor = setting.redis.monitor().unwrap();
    for _ in 0..ROUNDS {
        let asked = Instant::now();
        assert_eq!(node.invalidate(&format!("tag/group:{group}")).status(), 204);
        best = best.min(asked.elapsed());
    }
    let mut seen = monitor.seen(&setting.redis).unwrap();
    // Beats are published, too, whether anything is invalidated or not.
    seen.retain(|command| !command.starts_with("\"PUBLISH\""));
    (best, seen)
}

/// Two deletes and a message, however many carry the tag.
fn an_invalidation_of_many(members: usize) {
    let setting = Setting::start();
    let node = setting.node("a");
    fill(&setting, &node, "few", 1);
    fill(&setting, &node, "many", members);
    let (few, _) = rounds(&setting, &node, "few");
    let (many, seen) = rounds(&setting, &node, "many");
    assert!(
        many <= few * 5 + Duration::from_millis(5),
        "{few:?} -> {many:?}"
    );
    let deletes = |it: &String| it.starts_with("\"UNLINK\"") || it.starts_with("\"DEL\"");
    assert!(seen.iter().all(deletes), "{seen:#?}");
    assert!(seen.len() <= 2 * ROUNDS, "{seen:#?}");
    let answer = node.get("/member/many/0");
    assert!(answer.header("age").is_none(), "{:?}", answer.head);
}

/// Asks for so many members of a group, on a few connections, until the store has all of them.
fn fill(setting: &Setting, node: &Node, group: &str, members: usize) {
    const CLIENTS: usize = 8;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut connection = Connection::open(node.address()).unwrap();
                for member in (client..members).step_by(CLIENTS) {
                    let request = Request::get(format!("/member/{group}/{member}"));
                    assert_eq!(connection.exchange(&request).unwrap().status(), 200);
                }
            });
        }
    });
    let size = || {
        setting
            .redis
            .ask(&["DBSIZE"])
            .unwrap()
            .text()
            .parse::<usize>()
            .unwrap()
    };
    eventually("most are stored", || size() >= members * 9 / 10);
}

/// An invalidation costs the same however much it reaches.
#[test]
fn a_tag_of_thousands_is_invalidated_by_three_commands() {
    an_invalidation_of_many(5_000);
}

/// An invalidation costs the same however much it reaches.
#[test]
#[ignore = "takes minutes in a debug build"]
fn a_tag_of_a_hundred_thousand_is_invalidated_by_three_commands() {
    an_invalidation_of_many(100_000);
}
