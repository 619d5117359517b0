//! A store that is dead, stopped, or slow to reach.

use std::time::{Duration, Instant};
use std::{hint, thread};

use tests::nodes::{Node, Settings};
use tests::proxy::Mode;
use tests::rss;
use tests::stage::eventually;

use crate::load::Load;
use crate::setting::{MARGIN, Setting, start};

/// Duration of a handler.
const H: Duration = Duration::from_millis(20);
const BUDGET: Duration = Duration::from_millis(50);
/// In which a node must be well again.
const RECOVERY: Duration = Duration::from_secs(2);

/// Each request is for a page that was not requested before.
fn misses(number: usize) -> String {
    format!("/plain/{number}?ms=20")
}

/// 500 requests a second, more or less.
fn load(node: &Node) -> Load {
    Load::start(node.address(), 20, Duration::from_millis(40), misses)
}

/// Time until the response of a node is in the store.
fn recovery(setting: &Setting, node: &Node) -> Duration {
    let started = Instant::now();
    let mut number = 0;
    eventually("the node stores again", || {
        number += 1;
        let target = format!("/plain/recovery-{number}");
        assert_eq!(node.get(&target).status(), 200);
        let until = Instant::now() + Duration::from_millis(50);
        while setting.stored(&target).is_empty() {
            if Instant::now() > until {
                return false;
            }
            hint::spin_loop();
        }
        true
    });
    started.elapsed()
}

/// A store that hangs fails no request.
#[test]
fn a_store_that_is_stopped_costs_its_budget_once_and_then_nothing() {
    let setting = Setting::start();
    let node = setting.forgetful("a");
    recovery(&setting, &node);
    let load = load(&node);
    let started = Instant::now();
    thread::sleep(Duration::from_secs(1));
    setting.redis.stop().unwrap();
    let stopped = Instant::now();
    thread::sleep(Duration::from_secs(3));
    let open = stopped + Duration::from_secs(1);
    let resumed = Instant::now();
    setting.redis.resume().unwrap();
    let recovery = recovery(&setting, &node);
    let samples = load.end();
    samples.all_are_well();
    let before = samples.between(started, stopped).share(50);
    let first = samples.between(stopped, open).slowest();
    let later = samples.between(open, resumed).share(50);
    assert!(first <= H + BUDGET + MARGIN, "{first:?}");
    assert!(
        later <= before + Duration::from_millis(10),
        "{before:?} -> {later:?}"
    );
    assert!(recovery <= RECOVERY + MARGIN, "{recovery:?}");
    // It was sent no command that could not be answered.
    assert!(node.count("remote/opened") > 0, "{}", node.stats());
    assert!(node.count("remote/refused") > 100, "{}", node.stats());
}

/// Memory is reused; without heartbeats, for `max_unverified` at most.
#[test]
fn memory_answers_while_the_store_is_stopped() {
    let setting = Setting::start();
    let node = setting.node("a");
    setting.put(&node, "/page/p");
    let started = Instant::now();
    let fresh = |_| "/page/p".to_owned();
    let load = Load::start(node.address(), 5, Duration::from_millis(10), fresh);
    thread::sleep(Duration::from_secs(1));
    setting.redis.stop().unwrap();
    let stopped = Instant::now();
    thread::sleep(Duration::from_secs(3));
    let ended = Instant::now();
    let samples = load.end();
    setting.redis.resume().unwrap();
    samples.all_are_well();
    let before = samples.between(started, stopped).share(50);
    let after = samples.between(stopped, ended).share(50);
    assert!(
        after <= before + Duration::from_millis(2),
        "{before:?} -> {after:?}"
    );
    assert_eq!(setting.origin.runs("p"), 1);
}

/// A store that is killed fails no request.
#[test]
fn a_store_that_is_killed_and_started_again_is_used_again() {
    let mut setting = Setting::start();
    let node = setting.forgetful("a");
    recovery(&setting, &node);
    let load = load(&node);
    thread::sleep(Duration::from_millis(500));
    setting.redis.kill();
    thread::sleep(Duration::from_secs(5));
    setting.redis.restart().unwrap();
    let recovery = recovery(&setting, &node);
    let samples = load.end();
    samples.all_are_well();
    assert!(samples.count() > 500, "{}", samples.count());
    let slowest = samples.slowest();
    assert!(
        slowest <= H + Duration::from_millis(250) + MARGIN,
        "{slowest:?}"
    );
    assert!(recovery <= RECOVERY + MARGIN, "{recovery:?}");
}

/// An application starts without its store.
#[test]
fn a_node_starts_without_its_store_and_finds_it_later() {
    let mut setting = Setting::start();
    setting.redis.kill();
    let started = Instant::now();
    let node = setting.node("a");
    let took = started.elapsed();
    assert!(took <= Duration::from_secs(1) + MARGIN, "{took:?}");
    let first = node.get("/page/p");
    assert_eq!(first.status(), 200);
    assert!(
        first.took <= Duration::from_millis(250) + MARGIN,
        "{:?}",
        first.took
    );
    assert_eq!(node.page("/page/p").run, 1, "it has a memory");
    setting.redis.restart().unwrap();
    let recovery = recovery(&setting, &node);
    assert!(recovery <= RECOVERY + MARGIN, "{recovery:?}");
}

/// A slow store delays no request past the budget.
#[test]
fn a_store_that_is_far_away_costs_no_more_than_the_budget() {
    let setting = Setting::start();
    let proxy = setting.proxy();
    let node = start(&setting.behind(&proxy, "a").without_memory());
    recovery(&setting, &node);
    proxy.set(Mode::Delay(Duration::from_millis(200)));
    let started = Instant::now();
    let load = load(&node);
    thread::sleep(Duration::from_secs(3));
    let samples = load.end();
    samples.all_are_well();
    let slowest = samples.slowest();
    assert!(slowest <= H + BUDGET + MARGIN, "{slowest:?}");
    let settled = started + Duration::from_secs(1);
    let usual = samples.between(settled, Instant::now()).share(50);
    assert!(usual <= H + BUDGET, "{usual:?}");
}

/// A store that swallows everything fills no memory.
#[test]
fn a_store_that_swallows_everything_lets_nothing_pile_up() {
    const GROWTH: usize = 40 << 20;
    let setting = Setting::start();
    let proxy = setting.proxy();
    let settings: Settings = setting.behind(&proxy, "a").without_memory();
    let node = start(&settings);
    let large = |number| format!("/plain/{number}?size=8192");
    recovery(&setting, &node);
    let warm = Load::start(node.address(), 50, Duration::ZERO, large);
    thread::sleep(Duration::from_secs(1));
    warm.end().all_are_well();
    let before = rss::resident(node.pid()).unwrap();
    proxy.set(Mode::BlackHole);
    let other = |number| format!("/plain/swallowed-{number}?size=8192");
    let load = Load::start(node.address(), 50, Duration::ZERO, other);
    thread::sleep(Duration::from_secs(4));
    let samples = load.end();
    samples.all_are_well();
    let after = rss::resident(node.pid()).unwrap();
    let count = samples.count();
    assert!(
        after <= before + GROWTH,
        "{before} -> {after} after {count}"
    );
    assert!(
        count * 8192 > 2 * GROWTH || count > 1000,
        "{count} are too few to tell"
    );
    let lost = node.count("remote/dropped") + node.count("remote/refused");
    assert!(lost > 0, "{}", node.stats());
}
