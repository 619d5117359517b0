//! What tests of applications have, and the switch that turns everything off.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use actix_web::test::init_service;
use actix_web::{App, get};
use cached_response::cached_response;
use cached_response::testing::isolated;
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
fn one_word_in_the_environment_switches_everything_off() {
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
