//! Starts the examples like a user, sends requests over plain sockets, and checks the answers.
//! `cargo test -p examples` builds the examples; `--test examples` alone does not.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::SystemTime;

use program::{Answer, Program, start};

mod admin;
mod custom_store;
mod program;
mod sent;
mod shared;
mod stale;
mod tour;
mod values;

#[test]
fn hello_answers_the_second_request_from_memory() {
    let program = Program::hello();
    let (live, stored) = (program.get("/hello/"), program.get("/hello/"));
    assert!(live.is_live(), "{live:?}");
    assert!(
        stored
            .ttl()
            .is_some_and(|ttl| (86_000..=86_400).contains(&ttl)),
        "{stored:?}"
    );
    assert_eq!(
        (live.body.as_str(), stored.body.as_str()),
        ("Hello, world!", "Hello, world!")
    );
}

#[test]
fn the_readme_shows_what_countries_prints_and_answers() {
    let readme = include_str!("../../../README.md");
    let shown = readme
        .split("```console\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let exchanges: Vec<_> = shown.expect("a transcript").split("$ ").skip(1).collect();
    assert_eq!(exchanges.len(), 2);

    let program = Program::countries();
    for exchange in exchanges {
        let (command, answer) = exchange.split_once('\n').expect("a command and its answer");
        let command = command.replace("127.0.0.1:8080", &program.address);
        assert_eq!(program.printed[1], format!("Try twice: {command}"));
        let target = command.split(&program.address).nth(1).expect("a target");
        let answered = program.get(target.trim_end_matches('\''));
        assert_eq!(answered.shape(), Answer::parse(answer).shape());
    }
}

#[test]
fn countries_takes_another_port_if_8080_is_in_use() {
    // If this fails, another process uses the port, which is as good.
    let _taken = TcpListener::bind("127.0.0.1:8080");
    let program = Program::announced(start("countries", None));
    assert!(!program.address.ends_with(":8080"), "{}", program.address);
    assert_eq!(program.get("/api/countries/va").status, "HTTP/1.1 200 OK");
}

#[test]
fn a_search_runs_once_whatever_else_is_in_the_url() {
    let program = Program::countries();
    let live = program.get("/api/search?q=onatrio&page=1");
    let stored = program.get("/api/search?page=1&utm_source=mail&q=onatrio");
    assert!(live.is_live(), "{live:?}");
    assert!(live.body.contains("\"Ontario\""), "{live:?}");
    assert!(stored.ttl().is_some_and(|ttl| ttl <= 300), "{stored:?}");
    assert_eq!(live.body, stored.body);
    let other = program.get("/api/search?q=onatrio&page=2");
    assert!(other.is_live() && other.body != live.body, "{other:?}");
}

#[test]
fn two_users_never_see_each_others_favourites() {
    let program = Program::countries();
    let mine = |user| program.get_as(user, "/api/me/favourites");
    let seen = [mine("alice"), mine("bob"), mine("alice"), mine("bob")];
    assert!(seen[0].is_live() && seen[1].is_live(), "{seen:?}");
    assert!(
        seen[2].ttl().is_some() && seen[3].ttl().is_some(),
        "{seen:?}"
    );
    for (answer, user, country) in [(0, "alice", "NZ"), (1, "bob", "KE")] {
        assert!(
            seen[answer].body.contains(&format!("\"user\":\"{user}\"")),
            "{seen:?}"
        );
        assert!(
            seen[answer]
                .body
                .contains(&format!("\"code\":\"{country}\"")),
            "{seen:?}"
        );
        assert_eq!(seen[answer].body, seen[answer + 2].body);
    }
    let bodies: BTreeSet<_> = seen.iter().map(|answer| &answer.body).collect();
    assert_eq!(bodies.len(), 2);
}

#[test]
fn a_request_without_a_token_is_refused_even_if_a_response_is_stored() {
    let program = Program::countries();
    program.get_as("alice", "/api/me/favourites");
    program.get_as("alice", "/api/me/favourites");
    let refused = program.get("/api/me/favourites");
    assert_eq!(refused.status, "HTTP/1.1 401 Unauthorized");
    assert!(!refused.body.contains("favourites\":"), "{refused:?}");
}

#[test]
fn a_random_country_is_never_answered_from_memory() {
    let program = Program::countries();
    let answers: Vec<_> = (0..20).map(|_| program.get("/api/random")).collect();
    assert!(answers.iter().all(Answer::is_live), "{answers:?}");
    // Twenty draws from 249 countries are never all the same.
    let countries: BTreeSet<_> = answers.iter().map(|answer| &answer.body).collect();
    assert!(countries.len() > 1);
}

#[test]
fn statistics_hold_until_midnight() {
    let program = Program::countries();
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("later");
    let left = 86_400 - since_1970.as_secs() % 86_400;
    program.get("/api/statistics");
    let stored = program.get("/api/statistics");
    let Some(ttl) = stored.ttl() else {
        // Midnight may have passed between the two.
        assert!(left < 20, "{stored:?}");
        return;
    };
    assert!(
        ttl <= left && ttl + 20 > left || left < 20,
        "{ttl} of {left}"
    );
}

#[test]
fn a_country_is_stored_and_its_absence_is_not() {
    let program = Program::countries();
    let (live, stored) = (
        program.get("/api/countries/va"),
        program.get("/api/countries/va"),
    );
    assert!(
        live.body.contains("\"Holy See\"") && live.is_live(),
        "{live:?}"
    );
    assert!(
        stored.ttl().is_some() && stored.body == live.body,
        "{stored:?}"
    );
    for _ in 0..2 {
        let absent = program.get("/api/countries/zz");
        assert_eq!(absent.status, "HTTP/1.1 404 Not Found");
        assert!(absent.is_live(), "{absent:?}");
    }
}

#[test]
fn the_page_offers_every_region() {
    let program = Program::countries();
    let page = program.get("/");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for region in ["africa", "americas", "asia", "europe", "oceania"] {
        assert!(
            page.body.contains(&format!("<option>{region}</option>")),
            "{region}"
        );
    }
    assert!(program.get("/").ttl().is_some());
}

/// Sends the request twice: the second answer comes from memory and equals the first.
fn seen_twice(program: &Program, target: &str) -> String {
    let [live, stored] = [program.get(target), program.get(target)];
    assert!(live.is_live(), "{live:?}");
    assert!(stored.ttl().is_some(), "{stored:?}");
    assert_eq!(live.body, stored.body);
    live.body
}

#[test]
fn an_edited_product_is_changed_on_every_page_that_shows_it() {
    let program = Program::invalidate();
    let (list, tea, cake) = ("/products", "/products/1", "/products/2");
    assert!(seen_twice(&program, list).contains("\"Tea\""));
    assert!(seen_twice(&program, tea).contains("\"Tea\""));
    seen_twice(&program, cake);

    let edited = program.send_form("PUT", tea, "name=Green+tea&price=6");
    assert_eq!(edited.status, "HTTP/1.1 204 No Content");
    for page in [list, tea] {
        assert!(
            seen_twice(&program, page).contains("\"Green tea\""),
            "{page}"
        );
    }
    assert!(program.get(cake).ttl().is_some(), "it has not changed");

    let added = program.send_form("POST", list, "name=Jam&price=2");
    assert_eq!(added.status, "HTTP/1.1 201 Created");
    assert!(seen_twice(&program, list).contains("\"Jam\""));
    assert!(seen_twice(&program, added.header("location")).contains("\"Jam\""));

    let absent = program.send_form("PUT", "/products/9", "name=Nothing&price=0");
    assert_eq!(absent.status, "HTTP/1.1 404 Not Found");
    for page in [list, tea, cake] {
        assert!(program.get(page).ttl().is_some(), "{page} has not changed");
    }
}
