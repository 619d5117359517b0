//! `redis` and `memcached`, two processes of each, share what they make, as they say.

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

/// A report that one process has made and another has found, and what it says. It is written behind
/// the answer, and a machine may be too busy for a budget: so it may take some.
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

/// Goes through what is printed.
fn share(one: &Program, other: &Program) {
    let (page, made) = found(one, other);
    assert!(other.get(&page).ttl().is_some(), "it is in memory now");
    let told = other.send_form("POST", "/reports", "");
    assert_eq!(told.status, "HTTP/1.1 200 OK");
    assert_ne!(other.get(&page).body, made);
    one.get_until(&page, "it has heard", |answer| answer.body != made);
}

fn goes_on_alone(program: &Program) {
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
fn a_process_without_redis_goes_on_by_itself() {
    let nobody = format!("redis://127.0.0.1:{}", free_port().expect("a free port"));
    goes_on_alone(&process("redis", "REDIS_URL", &nobody));
}

#[test]
fn processes_share_reports_by_memcached() {
    let server = Memcached::start().expect("a server");
    let start = || process("memcached", "MEMCACHED", &server.address());
    share(&start(), &start());
}

#[test]
fn a_process_without_memcached_goes_on_by_itself() {
    let nobody = format!("127.0.0.1:{}", free_port().expect("a free port"));
    goes_on_alone(&process("memcached", "MEMCACHED", &nobody));
}
