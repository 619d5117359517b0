//! Two processes of `redis`, and two of `memcached`, share responses, as they print.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tests::servers::free_port;
use tests::servers::memcached::Memcached;
use tests::servers::redis::Redis;

use crate::program::{Program, start_with};

const LINES: usize = 5;

fn process(example: &str, variable: &str, server: &str) -> Program {
    let child = start_with(example, |command| {
        command.arg("0").env(variable, server);
    });
    Program::announced_in(child, LINES)
}

/// Returns the path and the text of a report that one process made and the other found. The write
/// happens in the background, and on a busy machine some exceed `remote_timeout`: so it may need several.
fn found(one: &Program, other: &Program) -> (String, String) {
    let deadline = Instant::now() + Duration::from_secs(20);
    for month in 1.. {
        let page = format!("/reports/{month}");
        let made = one.get(&page);
        assert!(made.is_live(), "{made:?}");
        sleep(Duration::from_millis(20));
        let found = other.get(&page);
        if found.is_remote() {
            assert_eq!(found.body, made.body);
            return (page, made.body);
        }
        assert!(Instant::now() < deadline, "{found:?}");
    }
    unreachable!("months do not end");
}

/// Runs the printed commands.
fn share(one: &Program, other: &Program) {
    let (page, made) = found(one, other);
    assert!(other.get(&page).ttl().is_some(), "it is in memory now");
    let changed = other.send_form("POST", "/reports", "");
    assert_eq!(changed.status, "HTTP/1.1 200 OK");
    assert_ne!(other.get(&page).body, made);
    one.get_until(&page, "it was notified", |answer| answer.body != made);
}

fn works_alone(program: &Program) {
    let page = "/reports/5";
    let made = program.get(page);
    assert!(made.is_live(), "{made:?}");
    assert_eq!(program.get(page).body, made.body);
    program.send_form("POST", "/reports", "");
    assert_ne!(program.get(page).body, made.body);
}

#[test]
fn processes_share_reports_by_redis() {
    let server = Redis::start().expect("a server");
    let start = || process("redis", "REDIS_URL", &server.url());
    share(&start(), &start());
}

#[test]
fn a_process_without_redis_works_alone() {
    let unused = format!("redis://127.0.0.1:{}", free_port().expect("a free port"));
    works_alone(&process("redis", "REDIS_URL", &unused));
}

#[test]
fn processes_share_reports_by_memcached() {
    let server = Memcached::start().expect("a server");
    let start = || process("memcached", "MEMCACHED", &server.address());
    share(&start(), &start());
}

#[test]
fn a_process_without_memcached_works_alone() {
    let unused = format!("127.0.0.1:{}", free_port().expect("a free port"));
    works_alone(&process("memcached", "MEMCACHED", &unused));
}
