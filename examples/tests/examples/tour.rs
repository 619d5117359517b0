//! `tour`, step by step, as in the page "The first hour" of the guide.

use std::borrow::Borrow;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, process::Command};

use tests::raw::{self, Request, Response};
use tests::servers::free_port;
use tests::servers::redis::Redis;

use crate::program::{Program, start_with};

/// Number of lines that the tour prints: a heading and one for each step.
const LINES: usize = 13;

const MISS: &str = "cached-response; fwd=uri-miss; stored";

/// A tour in a separate process.
struct Tour {
    program: Program,
    address: SocketAddr,
}

impl Tour {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with_redis(url: &str) -> Self {
        Self::with(|command| {
            command.env("REDIS_URL", url);
        })
    }

    fn with(configure: impl FnOnce(&mut Command)) -> Self {
        let child = start_with("tour", |command| {
            command.env("PORT", "0").env_remove("REDIS_URL");
            configure(command);
        });
        let program = Program::announced_in(child, LINES);
        let address = program.address.parse().expect("an address");
        Self { program, address }
    }

    fn send(&self, request: impl Borrow<Request>) -> Response {
        raw::fetch(self.address, request.borrow()).expect("an answer")
    }

    fn get(&self, target: &str) -> Response {
        self.send(Request::get(target))
    }

    fn get_with(&self, target: &str, name: &str, value: &str) -> Response {
        self.send(Request::get(target).header(name, value))
    }

    /// Sends a request twice: the second answer is a hit, and has the body of the first.
    fn twice(&self, request: Request) -> Response {
        let live = self.send(&request);
        assert_eq!(
            (live.status(), cache_status(&live).as_str()),
            (200, MISS),
            "{live:?}"
        );
        let stored = self.send(request);
        assert!(is_hit(&stored), "{stored:?}");
        assert_eq!(stored.body, live.body);
        stored
    }
}

fn cache_status(response: &Response) -> String {
    response.header("cache-status").unwrap_or_default()
}

fn is_hit(response: &Response) -> bool {
    cache_status(response).starts_with("cached-response; hit; ttl=")
}

#[test]
fn step_1_two_pages_of_a_list_are_two_responses() {
    let tour = Tour::start();
    let one = tour.twice(Request::get("/products?page=1"));
    let two = tour.twice(Request::get("/products?page=2"));
    assert!(one.text().starts_with("products, page 1, "));
    assert!(two.text().starts_with("products, page 2, "));
    let from_a_mail = tour.get("/products?page=1&utm_source=mail");
    assert!(is_hit(&from_a_mail) && from_a_mail.body == one.body);
    assert_eq!(tour.get("/products?page=first").status(), 400);
}

#[test]
fn step_2_no_user_sees_the_page_of_another() {
    let tour = Tour::start();
    let page = |token: &str| Request::get("/me").header("authorization", token);
    let alice = tour.twice(page("Bearer alice"));
    let bob = tour.twice(page("Bearer bob"));
    assert!(alice.text().starts_with("the page of alice, "));
    assert!(bob.text().starts_with("the page of bob, "));
    let again = tour.send(page("Bearer alice"));
    assert!(is_hit(&again) && again.body == alice.body);
    for refused in [tour.get("/me"), tour.send(page("Basic alice"))] {
        assert_eq!(refused.status(), 401);
        assert!(!refused.text().contains("page of"), "{refused:?}");
    }
}

#[test]
fn step_3_each_language_has_its_response() {
    let tour = Tour::start();
    let page = |language: &str| Request::get("/greeting").header("accept-language", language);
    let german = tour.twice(page("de"));
    let english = tour.twice(page("en"));
    assert!(german.text().starts_with("Guten Tag, "));
    assert!(english.text().starts_with("Good day, "));
    assert_eq!(german.header("vary").as_deref(), Some("accept-language"));
    // The handler does not read this header.
    let other = tour.send(page("de").header("x-other", "1"));
    assert!(is_hit(&other) && other.body == german.body);
}

#[test]
fn step_4_a_page_of_html_is_stored_with_its_type_and_validated_by_its_tag() {
    let tour = Tour::start();
    let page = tour.twice(Request::get("/news"));
    let kind = page.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{kind}");
    let tag = page.header("etag").expect("it has a tag");
    let unchanged = tour.get_with("/news", "if-none-match", &tag);
    assert_eq!(unchanged.status(), 304);
    assert!(is_hit(&unchanged) && unchanged.body.is_empty());
}

#[test]
fn step_5_a_new_note_is_in_the_list() {
    let tour = Tour::start();
    let empty = tour.twice(Request::get("/notes"));
    for (note, all) in [("buy tea", "buy tea, "), ("bake", "buy tea, bake, ")] {
        let request = Request::post("/notes", note).header("content-type", "text/plain");
        assert_eq!(tour.send(request).text(), "noted\n");
        let notes = tour.twice(Request::get("/notes"));
        assert!(
            notes.text().starts_with(all) && notes.body != empty.body,
            "{notes:?}"
        );
    }
}

/// The cookie that an answer sets.
fn cookie(response: &Response) -> String {
    assert_eq!(response.status(), 200, "{response:?}");
    let set = response.header("set-cookie").expect("it sets a cookie");
    set.split(';').next().expect("a first part").to_owned()
}

fn log_in(tour: &Tour, name: &str) -> String {
    let request = Request::post("/account/login", name).header("content-type", "text/plain");
    cookie(&tour.send(request))
}

#[test]
fn step_6_no_user_sees_the_orders_of_another() {
    let tour = Tour::start();
    let [alice, bob] = ["alice", "bob"].map(|name| log_in(&tour, name));
    let page = |user: &str| Request::get("/account/orders").header("cookie", user);
    let hers = tour.twice(page(&alice));
    let his = tour.twice(page(&bob));
    assert!(hers.text().starts_with("orders of alice, "));
    assert!(his.text().starts_with("orders of bob, "));
    assert!(hers.header("set-cookie").is_none(), "{hers:?}");

    // A second login gives another cookie for the same user, and the same response.
    let again = tour.send(page(&log_in(&tour, "alice")));
    assert!(is_hit(&again) && again.body == hers.body);
    assert_eq!(tour.get("/account/orders").status(), 401);
    let logout = Request::post("/account/logout", "").header("cookie", &alice);
    let out = cookie(&tour.send(logout));
    assert_eq!(tour.send(page(&out)).status(), 401);
}

#[test]
fn step_6_a_value_from_the_session_is_in_the_key() {
    let tour = Tour::start();
    let choose = |colour: &str| {
        let request = Request::post("/account/colour", colour);
        cookie(&tour.send(request.header("content-type", "text/plain")))
    };
    let page = |session: &str| Request::get("/account/colour").header("cookie", session);
    let [red, blue] = ["red", "blue"].map(choose);
    assert!(tour.twice(page(&red)).text().starts_with("red, "));
    assert!(tour.twice(page(&blue)).text().starts_with("blue, "));
    let none = tour.twice(Request::get("/account/colour"));
    assert!(none.text().starts_with("no colour, "));
}

#[test]
fn step_7_all_origins_share_one_response_and_each_has_its_own_fields() {
    let tour = Tour::start();
    let get = |origin: &str| tour.get_with("/prices/tea", "origin", origin);
    let allowed = |answer: &Response| answer.header("access-control-allow-origin");
    let [shop, admin] = ["https://shop.example", "https://admin.example"];
    let live = get(shop);
    assert_eq!(cache_status(&live), MISS);
    let stored = get(admin);
    assert!(is_hit(&stored) && stored.body == live.body, "{stored:?}");
    assert_eq!(allowed(&live).as_deref(), Some(shop));
    assert_eq!(allowed(&stored).as_deref(), Some(admin));

    let preflight = Request::new("OPTIONS", "/prices/tea")
        .header("origin", shop)
        .header("access-control-request-method", "GET");
    let preflight = tour.send(preflight);
    assert_eq!(
        (preflight.status(), cache_status(&preflight).as_str()),
        (200, "")
    );
    assert_eq!(allowed(&preflight).as_deref(), Some(shop));
}

#[test]
fn step_8_one_plain_response_is_stored_and_each_client_has_its_coding() {
    let tour = Tour::start();
    let get = |coding: &str| tour.get_with("/report/2026", "accept-encoding", coding);
    let live = get("gzip");
    assert_eq!(cache_status(&live), MISS);
    let stored = get("gzip");
    assert!(is_hit(&stored), "{stored:?}");
    for coded in [&live, &stored] {
        assert_eq!(coded.header("content-encoding").as_deref(), Some("gzip"));
        assert!(coded.body.starts_with(&[0x1f, 0x8b]) && coded.body.len() < 1000);
    }
    let plain = get("identity");
    assert!(is_hit(&plain) && plain.header("content-encoding").is_none());
    assert!(
        plain.text().starts_with("report on 2026, run 1\n"),
        "{plain:?}"
    );
}

#[test]
fn step_9_files_are_stored_and_an_unknown_cookie_bypasses() {
    let tour = Tour::start();
    let live = tour.get("/files/menu.txt");
    // A file is a stream: when its head is sent, it is not known yet if it will be stored.
    assert_eq!(cache_status(&live), "cached-response; fwd=uri-miss");
    let menu = tour.get("/files/menu.txt");
    assert!(is_hit(&menu), "{menu:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tour/files");
    let file = fs::read(folder.join("menu.txt")).expect("the file");
    assert_eq!(menu.body, file);

    let part = tour.get_with("/files/menu.txt", "range", "bytes=0-2");
    assert_eq!((part.status(), part.text().as_str()), (206, "Tea"));
    assert!(is_hit(&part), "{part:?}");
    let session = tour.get_with("/files/menu.txt", "cookie", "session=1");
    assert_eq!(
        cache_status(&session),
        "cached-response; fwd=bypass; detail=cookie:session"
    );
    assert_eq!(session.body, file);
    let absent = tour.get("/files/absent.txt");
    assert_eq!(absent.status(), 404);
    assert!(
        cache_status(&absent).ends_with("detail=status"),
        "{absent:?}"
    );
}

/// Returns a page that `one` made and `other` found. The write happens in the background, and on a busy
/// machine some exceed `remote_timeout`: so it may need several.
fn found(one: &Tour, other: &Tour) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    for number in 1.. {
        let page = format!("/products?page={number}");
        let made = one.get(&page);
        assert_eq!(cache_status(&made), MISS);
        std::thread::sleep(Duration::from_millis(20));
        let found = other.get(&page);
        if cache_status(&found).ends_with("; detail=remote") {
            assert_eq!(found.body, made.body);
            return page;
        }
        assert!(Instant::now() < deadline, "{found:?}");
    }
    unreachable!("numbers do not end");
}

#[test]
fn step_10_processes_share_responses_and_invalidations() {
    let server = Redis::start().expect("a server");
    let (one, other) = (
        Tour::with_redis(&server.url()),
        Tour::with_redis(&server.url()),
    );
    let page = found(&one, &other);
    let remembered = other.get(&page);
    assert!(is_hit(&remembered) && !cache_status(&remembered).contains("remote"));

    // In the other process, too, a page is answered only to its own user.
    let page = |name: &str| Request::get("/me").header("authorization", format!("Bearer {name}"));
    let alice = one.twice(page("alice"));
    for tour in [&other, &one] {
        let bob = tour.send(page("bob"));
        assert!(bob.text().starts_with("the page of bob, "), "{bob:?}");
        assert_ne!(bob.body, alice.body);
    }

    let old = one.get("/notes");
    let request = Request::post("/notes", "buy tea").header("content-type", "text/plain");
    assert_eq!(other.send(request).status(), 200);
    let changed = |answer: &crate::program::Answer| answer.body != old.text().trim_end();
    one.program.get_until("/notes", "it is made anew", changed);
}

#[test]
fn step_10_a_process_without_its_redis_works_alone() {
    let unused = format!("redis://127.0.0.1:{}", free_port().expect("a free port"));
    let tour = Tour::with_redis(&unused);
    let made = tour.get("/products?page=1");
    assert_eq!(made.status(), 200, "{made:?}");
    assert_eq!(tour.get("/products?page=1").body, made.body);
}

#[test]
fn step_11_all_pages_show_one_computation() {
    let tour = Tour::start();
    let all = tour.get("/rates").text();
    assert_eq!(all, r#"{"EUR":1.17,"JPY":0.0066,"run":1.0}"#);
    assert_eq!(tour.get("/rates/EUR").text(), "EUR: 1.17\n");
    assert_eq!(tour.get("/rates/run").text(), "run: 1\n");
    assert_eq!(tour.get("/rates/none").status(), 404);
    assert_eq!(tour.get("/rates").text(), all);
}

/// The printed commands request existing pages. Step 12 runs the tests of the example.
#[test]
fn the_tour_prints_a_line_for_each_step() {
    let tour = Tour::start();
    let host = format!("http://{}", tour.address);
    let lines = &tour.program.printed[1..];
    assert_eq!(lines.len(), LINES - 1);
    for (number, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
        assert!(line.starts_with(&format!("{:2}  ", number + 1)), "{line}");
        for command in line.split(';') {
            let Some((curl, rest)) = command.split_once(&host) else {
                continue;
            };
            let target = rest.split(' ').next().expect("a target");
            let target = target.trim_end_matches('\'');
            let method = if curl.contains(" -d ") { "POST" } else { "GET" };
            let answer = tour.send(Request::new(method, target));
            assert_ne!(answer.status(), 404, "{line}");
        }
    }
}

/// Returns the code of a file, without its `//!` lines.
fn code(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tour");
    let source = fs::read_to_string(folder.join(file)).expect("a step");
    let lines = source.lines().skip_while(|line| line.starts_with("//!"));
    let lines: Vec<_> = lines.collect();
    lines.join("\n").trim().to_owned()
}

#[test]
fn the_guide_shows_each_step_as_it_is() {
    let guide = include_str!("../../../docs/first-hour.md");
    let shown = guide.split("```rs\n").skip(1);
    let shown: Vec<_> = shown
        .map(|rest| rest.split("\n```").next().expect("an end"))
        .collect();
    let steps = [
        "products.rs",
        "me.rs",
        "greeting.rs",
        "news.rs",
        "notes.rs",
        "account.rs",
        "prices.rs",
        "compressed.rs",
        "files.rs",
        "remote.rs",
        "rates.rs",
        "tests.rs",
        "main.rs",
    ];
    assert_eq!(shown.len(), steps.len());
    for (shown, step) in shown.iter().zip(steps) {
        assert_eq!(
            *shown,
            code(step),
            "docs/first-hour.md and examples/tour/{step} differ"
        );
    }
}
