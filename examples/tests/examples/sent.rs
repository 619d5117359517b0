//! The commands to Redis in the guide are those that a process sends.

use std::time::{Duration, Instant};

use tests::servers::redis::Redis;

use crate::program::{Program, start_with};

/// Returns the commands below a mark in the guide.
fn shown(mark: &str) -> Vec<String> {
    let guide = include_str!("../../../docs/operating.md");
    let rest = guide.split(&format!("<!-- {mark} -->")).nth(1);
    let block = rest.and_then(|rest| rest.split("```").nth(1));
    let lines = block.expect("a block behind the mark").lines().skip(1);
    shapes(lines)
}

/// Returns each command with the kinds of its names. `PUBLISH` is left out, since heartbeats come at any
/// time.
fn shapes<'a>(commands: impl Iterator<Item = &'a str>) -> Vec<String> {
    let shape = |command: &str| {
        let mut words = command.split(' ').map(|word| word.trim_matches('"'));
        let verb = words.next()?;
        let names = words.take(if verb == "MGET" { usize::MAX } else { 1 });
        let kinds = names.map(|name| Some(name.rsplit_once(':')?.0));
        let kinds: Option<Vec<_>> = kinds.collect();
        let kinds = kinds.filter(|kinds| !kinds.is_empty())?.join(" ");
        (verb != "PUBLISH").then(|| format!("{verb} {kinds}"))
    };
    commands.filter_map(shape).collect()
}

/// Repeats an action until the commands below a mark are sent: on a busy machine, some calls time out.
fn is_sent(server: &Redis, mark: &str, mut act: impl FnMut(u32)) {
    let shown = shown(mark);
    assert!(shown.len() > 1, "{shown:?}");
    let deadline = Instant::now() + Duration::from_secs(20);
    for page in 6.. {
        let mut monitor = server.monitor().expect("a connection");
        act(page);
        let mut sent = Vec::new();
        let until = Instant::now() + Duration::from_millis(500);
        while sent.len() < shown.len() && Instant::now() < until {
            let seen = monitor.seen(server).expect("an answer");
            sent.extend(shapes(seen.iter().map(String::as_str)));
        }
        // All names are of one page.
        let page = format!("/reports/{page}");
        let sent: Vec<_> = sent
            .iter()
            .map(|it| it.replace(&page, "/reports/5"))
            .collect();
        if sent == shown {
            return;
        }
        assert!(Instant::now() < deadline, "{sent:#?}");
    }
}

#[test]
fn the_guide_shows_what_is_sent_to_redis() {
    let server = Redis::start().expect("a server");
    let start = || {
        let child = start_with("redis", |command| {
            command.arg("0").env("REDIS_URL", server.url());
        });
        Program::announced_in(child, 5)
    };
    let (one, other) = (start(), start());
    // Connects both before the monitor starts.
    one.get("/reports/1");
    other.get("/reports/2");
    is_sent(&server, "miss", |page| {
        one.get(&format!("/reports/{page}"));
    });
    for page in 6..30 {
        one.get(&format!("/reports/{page}"));
    }
    is_sent(&server, "hit", |page| {
        other.get(&format!("/reports/{page}"));
    });
    is_sent(&server, "invalidation", |_| {
        one.send_form("POST", "/reports", "");
    });
}
