//! Tools for tests of applications, and the switch that turns everything off.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::testing::{Isolated, isolated};
use cached_response::{Policy, ResponseCache, cached, cached_response};
use tests::process::Example;
use tests::raw::{self, Request as Sent};

use crate::ask::{get as ask_for, is_hit, run, said};

#[get("/")]
#[cached_response]
async fn page() -> String {
    run().to_string()
}

#[actix_web::test]
async fn an_isolated_cache_lasts_as_long_as_its_guard() {
    let app = init_service(App::new().service(page)).await;
    let outer = isolated();
    assert_eq!(ask_for(&app, "/").await.body, "1");
    {
        let inner = isolated();
        assert_eq!(ask_for(&app, "/").await.body, "2");
        assert_eq!(inner.cache().stats().entries, 1);
    }
    assert_eq!(ask_for(&app, "/").await.body, "1");
    assert_eq!(outer.cache().stats().stored, 1);
}

#[actix_web::test]
async fn two_threads_do_not_meet_in_their_isolated_caches() {
    let _cache = isolated();
    let app = init_service(App::new().service(page)).await;
    ask_for(&app, "/").await;
    let other = std::thread::spawn(|| {
        actix_web::rt::System::new().block_on(async {
            let _cache = isolated();
            let app = init_service(App::new().service(page)).await;
            ask_for(&app, "/").await.is_hit()
        })
    });
    assert!(!other.join().unwrap());
}

#[test]
fn one_environment_variable_switches_the_cache_off() {
    // Builds it, and shows that it caches otherwise.
    let on = Example::start("blackbox").unwrap();
    let program = std::fs::read_link(format!("/proc/{}/exe", on.pid())).unwrap();
    let mut child = Command::new(program)
        .env("PORT", "0")
        .env("CACHED_RESPONSE", "off")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let off = line
        .trim_end()
        .strip_prefix("listening on ")
        .unwrap()
        .parse()
        .unwrap();
    let second = |address| {
        let script = Sent::new("PUT", "/_script/1").body("[{}]");
        raw::fetch(address, &script).unwrap();
        raw::fetch(address, &Sent::get("/t60/1")).unwrap();
        raw::fetch(address, &Sent::get("/t60/1")).unwrap()
    };
    let (with, without) = (second(on.address()), second(off));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_hit(&with));
    assert_eq!(said(&without.head).parameter("detail"), "off");
    assert_eq!(without.header("x-run").unwrap(), "2");
}

/// Set in the process that plays two tests which share a cache, or have one each.
const PLAY: &str = "TEST_PLAYS_TWO_TESTS";

/// A test of a user's: a thread and an actix `System` of its own. Returns whether its first request is a hit.
fn a_test_of_a_user(begin: fn() -> Option<Isolated>) -> bool {
    let test = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let _cache = begin();
            // As a handler of another crate, it does not know that it is in a test.
            let handler = cached(Policy::new(300), async || "a page");
            let app = init_service(App::new().route("/", web::get().to(handler))).await;
            let first = ask_for(&app, "/").await.is_hit();
            ask_for(&app, "/").await;
            first
        })
    });
    test.join().unwrap()
}

#[test]
fn an_attribute_that_is_compiled_for_tests_gives_each_of_them_a_cache() {
    let test = || {
        std::thread::spawn(|| {
            actix_web::rt::System::new().block_on(async {
                let app = init_service(App::new().service(page)).await;
                let first = ask_for(&app, "/").await.is_hit();
                (first, ask_for(&app, "/").await.is_hit())
            })
        })
    };
    for test in [test(), test()] {
        assert_eq!(test.join().unwrap(), (false, true));
    }
}

/// Plays two tests in a process of their own: what each has found, and what that prints.
fn two_tests(name: &str, begin: fn() -> Option<Isolated>) -> Option<String> {
    if std::env::var_os(PLAY).is_some() {
        let found = [a_test_of_a_user(begin), a_test_of_a_user(begin)];
        eprintln!("found {found:?}");
        return None;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args([&format!("testing::{name}"), "--exact", "--nocapture"])
        .env(PLAY, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_second_test_on_the_process_cache_logs_how_to_isolate_it() {
    let name = "a_second_test_on_the_process_cache_logs_how_to_isolate_it";
    let Some(printed) = two_tests(name, || None) else {
        return;
    };
    assert!(printed.contains("found [false, true]"), "{printed}");
    let advice = "let _cache = cached_response::testing::isolated();";
    assert_eq!(printed.matches(advice).count(), 1, "{printed}");
}

#[test]
fn tests_with_caches_of_their_own_log_nothing() {
    let name = "tests_with_caches_of_their_own_log_nothing";
    let Some(printed) = two_tests(name, || Some(isolated())) else {
        return;
    };
    assert!(printed.contains("found [false, false]"), "{printed}");
    assert!(!printed.contains("cached-response:"), "{printed}");
}

#[actix_web::test]
async fn the_global_cache_of_a_test_is_the_one_that_its_routes_use() {
    let cache = isolated();
    let app = init_service(App::new().service(page)).await;
    assert_eq!(ask_for(&app, "/").await.body, "1");
    ResponseCache::global().invalidate_path("/").await.unwrap();
    assert_eq!(ask_for(&app, "/").await.body, "2");
    assert_eq!(cache.cache().stats().invalidations, 1);
}
