//! The commands that `admin` prints, and the page about `countries` under load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::{env, fs, thread};

use serde_json::{Value, json};
use tests::browser::Browser;

use crate::program::{Program, start, start_with};

/// Runs the command after these words.
fn run(program: &Program, words: &str) -> String {
    let mut lines = program.printed.iter();
    let command = lines
        .find_map(|line| line.strip_prefix(words))
        .expect("it is printed");
    let output = Command::new("sh")
        .args(["-c", command.trim()])
        .output()
        .expect("a shell");
    assert!(
        output.status.success(),
        "{command}: {output:?} (it needs `apt-get install curl`)"
    );
    String::from_utf8(output.stdout).expect("text")
}

fn run_json(program: &Program, words: &str) -> Value {
    let text = run(program, words);
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_printed_commands_watch_and_steer_the_cache() {
    let program = Program::announced_in(start("admin", Some("0")), 8);
    run(&program, "Some pages: ");
    run(&program, "Some pages: ");
    let stats = run_json(&program, "The counts: ");
    assert_eq!((&stats["hits"], &stats["misses"]), (&json!(5), &json!(5)));
    let metrics = run(&program, "For Prometheus: ");
    assert!(
        metrics.contains("cached_response_hits_total{route=\"/products/{id}\"} 5\n"),
        "{metrics}"
    );
    let routes = run_json(&program, "The routes: ");
    assert_eq!(routes["routes"][0]["policy"]["timeout"], 3600.0);
    let entries = run_json(&program, "In memory: ");
    assert_eq!(
        entries["entries"][1]["tags"],
        json!(["product:2", "products"])
    );
    assert_eq!(entries["next"], "1:/products/2");
    let explained = run_json(&program, "What becomes of: ");
    assert_eq!(explained["handlers"][0]["reason"], "uri-miss");
    let invalidated = run_json(&program, "Invalidate: ");
    assert_eq!(
        invalidated,
        json!({ "soft": false, "confirmed": 1, "failed": [] })
    );
    run(&program, "Some pages: ");
    let stats = run_json(&program, "The counts: ");
    assert_eq!((&stats["hits"], &stats["misses"]), (&json!(9), &json!(6)));
}

const TOKEN: &str = "a token of sixteen bytes or more";

/// Requests as from many users: most of them for few pages.
fn load(address: SocketAddr, stop: &AtomicBool) {
    let names = ["onatrio", "allemange", "brazl", "nippon", "kenia", "grece"];
    let codes = ["de", "fr", "jp", "ke", "nz", "br", "in", "us", "va", "it"];
    let targets = |n: usize| match n % 20 {
        0..9 => format!("/api/search?q={}", names[n * n % 7 % names.len()]),
        9..15 => format!("/api/countries/{}", codes[n * n % 11 % codes.len()]),
        15 | 16 => "/".to_owned(),
        17 => "/api/statistics".to_owned(),
        18 if n.is_multiple_of(3) => "/api/random".to_owned(),
        18 => "/api/countries/zz".to_owned(),
        _ => format!(
            "/api/search?q={}&page={}",
            names[n % names.len()],
            n % 9 + 1
        ),
    };
    let mut stream = TcpStream::connect(address).expect("it listens");
    let mut answer = vec![0; 1 << 20];
    for n in 0.. {
        if stop.load(Relaxed) {
            return;
        }
        let request = format!("GET {} HTTP/1.1\r\nhost: {address}\r\n\r\n", targets(n));
        stream.write_all(request.as_bytes()).expect("sent");
        // Whatever comes: the next request follows what has come of this one.
        assert!(stream.read(&mut answer).expect("an answer") > 0);
    }
}

/// With `DASHBOARD_PNG` it writes the picture of the README there.
#[test]
fn the_page_about_countries_shows_its_load() {
    let countries = start_with("countries", |command| {
        command.env("PORT", "0").env("ADMIN_TOKEN", TOKEN);
    });
    let program = Program::announced_in(countries, 3);
    let address = program.address.parse().expect("an address");
    let path = env::var("DASHBOARD_PNG").ok();
    let samples = if path.is_some() { 25 } else { 3 };
    let stop = AtomicBool::new(false);
    let (shown, picture) = thread::scope(|scope| {
        scope.spawn(|| load(address, &stop));
        let mut browser = Browser::start("countries").expect("it starts");
        browser.look(1280, 940, "light");
        browser.headers(&json!({ "authorization": format!("Bearer {TOKEN}") }));
        browser.open(&format!("http://{address}/cache/"));
        browser.until(&format!("(history.get('') || []).length >= {samples}"));
        let picture = browser.screenshot();
        stop.store(true, Relaxed);
        let shown = browser.eval("document.querySelector('#routes').innerText");
        (shown.as_str().expect("text").to_owned(), picture)
    });
    for pattern in [
        "/api/search",
        "/api/countries/{code}",
        "/api/statistics",
        "/api/random",
    ] {
        assert!(shown.contains(pattern), "{shown}");
    }
    if let Some(path) = path {
        fs::write(path, picture).expect("written");
    }
}
