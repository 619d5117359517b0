//! Table of the guide: cost of a request and result of an invalidation for each state of the store.

use std::time::{Duration, Instant};

use tests::nodes::{Node, Remote, Settings};
use tests::proxy::Mode;
use tests::servers::redis::Redis;
use tests::servers::sentinel::Sentinel;

use crate::setting::{Setting, alone, start};

/// Number of measured requests, each for a page that is not cached.
const REQUESTS: usize = 300;

/// Measurements of a node in one state.
struct Row {
    state: &'static str,
    first: Duration,
    median: Duration,
    /// The status of the first invalidation and of a later one, and how long they took.
    invalidations: [(u16, Duration); 2],
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (what(), began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Asks for pages that are new; each is answered, and right.
fn ask(node: &Node, state: &str, times: usize) -> Vec<Duration> {
    let ask = |number: usize| {
        let page = format!("{}{number}", state.replace(' ', ""));
        let (info, time) = timed(|| node.page(&format!("/page/{page}")));
        assert_eq!(info.page, page, "{state}");
        time
    };
    (0..times).map(ask).collect()
}

fn measure(node: &Node, state: &'static str) -> Row {
    let invalidate = || {
        let (answer, time) = timed(|| node.invalidate("tag/of-the-table"));
        (answer.status(), time)
    };
    let early = invalidate();
    let first = ask(node, &format!("first {state}"), 20);
    let later = ask(node, state, REQUESTS);
    Row {
        state,
        first: first.into_iter().max().unwrap_or_default(),
        median: median(later),
        invalidations: [early, invalidate()],
    }
}

/// A node, with a server of its own that is put into a state.
fn with(state: &'static str, options: &[&str], enter: impl FnOnce(&mut Setting)) -> Row {
    let mut setting = Setting::with(options);
    let node = setting.forgetful("a");
    setting.put(&node, "/page/before");
    enter(&mut setting);
    measure(&node, state)
}

fn slow() -> Row {
    let setting = Setting::start();
    let proxy = setting.proxy();
    let node = start(&setting.behind(&proxy, "a").without_memory());
    setting.put(&node, "/page/before");
    proxy.set(Mode::Delay(Duration::from_millis(20)));
    measure(&node, "slow")
}

fn failing_over() -> Row {
    let mut setting = Setting::start();
    let port = setting.redis.port().to_string();
    let _replica = Redis::with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    let sentinel = Sentinel::start(&setting.redis, 1).unwrap();
    let of_sentinels = Settings {
        remote: Remote::Sentinels(vec![sentinel.url()]),
        ..setting.settings("a").without_memory()
    };
    let node = start(&of_sentinels);
    setting.put(&node, "/page/before");
    setting.redis.kill();
    measure(&node, "failing over")
}

fn execute(setting: &Setting, command: &[&str]) {
    let said = setting.redis.ask(command).unwrap().text();
    assert!(!said.starts_with("ERR"), "{command:?}: {said}");
}

fn rows() -> Vec<Row> {
    let loading = [
        ["--enable-debug-command", "yes"],
        ["--key-load-delay", "500"],
        ["--loading-process-events-interval-bytes", "1024"],
    ];
    vec![
        with("up", &[], |_| {}),
        slow(),
        with("stopped", &[], |it| it.redis.stop().unwrap()),
        with("killed", &[], |it| it.redis.kill()),
        with("full", &[], |it| {
            execute(it, &["CONFIG", "SET", "maxmemory", "1"]);
        }),
        with("read-only", &[], |it| {
            execute(it, &["REPLICAOF", "127.0.0.1", "1"]);
        }),
        with("loading", &loading.concat(), |it| {
            execute(it, &["DEBUG", "POPULATE", "20000"]);
            execute(it, &["SAVE"]);
            it.redis.restart().unwrap();
        }),
        failing_over(),
    ]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[test]
fn the_table_of_the_guide() {
    let setting = Setting::start();
    let node = alone("alone", &setting.origin);
    let bare = median(ask(&node, "alone", REQUESTS));
    println!("| the store is | a request costs | an invalidation answers |\n|---|---|---|");
    for row in rows() {
        let costs = milliseconds(row.median.saturating_sub(bare));
        let first = milliseconds(row.first.saturating_sub(bare));
        let answers = row.invalidations.map(|(status, time)| {
            let word = if status == 204 { "`Ok`" } else { "`Err`" };
            format!("{word} after {}", milliseconds(time))
        });
        let answers = answers.join(", later ");
        println!(
            "| {} | {costs}; of the first 20 at most {first} | {answers} |",
            row.state
        );
        // No request waits past what is stated, on a machine that is not idle.
        assert!(
            row.median < bare + Duration::from_millis(350),
            "{}",
            row.state
        );
        let known = row
            .invalidations
            .iter()
            .all(|(status, _)| [204, 503].contains(status));
        assert!(known, "{}", row.state);
    }
}
