//! Hosts that a request names, in its fields and in its target.

use actix_web::{HttpRequest, HttpResponse, get, guard, http::Uri, web};
use cached_response::{TrackedRequest, cached_response};
use tests::raw::Request as Sent;

use super::{blind, fetch, serve};
use crate::ask::{is_hit, run};

#[get("/link/{n}", name = "link")]
#[cached_response(vary(none))]
async fn link(request: HttpRequest) -> String {
    let built = request.url_for("link", ["1"]).unwrap();
    format!("{} {} {}", run(), request.full_url(), built)
}

/// No client sees a host that another one has sent.
#[test]
fn a_victim_never_sees_the_host_that_an_attacker_named() {
    let (server, cache) = serve(|app| {
        app.service(link);
    });
    let attacks: [&[(&str, &str)]; 12] = [
        &[("X-Forwarded-Host", "evil.example")],
        &[("X-Forwarded-Host", "127.0.0.1, evil.example")],
        &[("X-Forwarded-Host", "evil.example, 127.0.0.1")],
        &[
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Host", "127.0.0.1"),
        ],
        &[("Forwarded", "host=evil.example")],
        &[("Forwarded", "for=1.1.1.1; host=\"evil.example\"")],
        &[
            ("Forwarded", "for=1.1.1.1"),
            ("Forwarded", "HOST=evil.example"),
        ],
        &[("X-Forwarded-Proto", "evil")],
        &[("X-Forwarded-Proto", "evil, http")],
        &[("Forwarded", "proto=evil")],
        &[("Host", "evil.example")],
        &[("Host", "127.0.0.1:666")],
    ];
    for (n, attack) in attacks.iter().enumerate() {
        let target = format!("/link/{n}");
        let attack = attack
            .iter()
            .fold(Sent::get(&target), |request, (name, value)| {
                request.header(name, value)
            });
        let attacked = fetch(&server, &attack);
        let victim = fetch(&server, &Sent::get(&target));
        let text = victim.text();
        assert!(!text.contains("evil") && !text.contains("666"), "{text}");
        assert_ne!(attacked.text(), text);
        // Nor the other way round: what the victim has stored does not answer the attacker.
        assert_eq!(fetch(&server, &attack).text(), attacked.text());
    }
    assert_eq!(cache.stats().entries, 2 * attacks.len() as u64);
}

/// No client sees a host that another one has sent.
#[test]
fn an_absolute_target_is_not_taken_for_a_path() {
    let (server, _) = serve(|app| {
        app.service(link);
    });
    let absolute = |host| Sent::get(format!("http://{host}/link/1"));
    let plain = Sent::get("/link/1").without_host();
    let runs = [
        fetch(&server, &absolute("evil.example").http_1_0().without_host()),
        fetch(&server, &absolute("evil.example")),
        fetch(&server, &absolute("127.0.0.1")),
        fetch(&server, &Sent::get("/link/1")),
        fetch(&server, &plain.http_1_0()),
    ];
    assert!(runs.iter().all(|response| !is_hit(response)));
    assert!(
        runs[2..]
            .iter()
            .all(|response| !response.text().contains("evil"))
    );
}

#[get("/recorded")]
#[cached_response]
async fn recorded(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.host())
}

#[get("/uri")]
#[cached_response]
async fn uri(uri: Uri) -> String {
    format!("{} {uri}", run())
}

/// Responses for two hosts are never shared.
#[test]
fn a_handler_that_can_see_the_host_has_a_response_for_each() {
    let (server, _) = serve(|app| {
        app.service(link).service(recorded);
    });
    for target in ["/link/1", "/recorded"] {
        let [one, other] = ["one.example", "two.example"].map(|host| {
            let first = fetch(&server, &Sent::get(target).header("Host", host));
            assert!(first.text().contains(host) && !is_hit(&first));
            let again = fetch(&server, &Sent::get(target).header("Host", host));
            assert!(is_hit(&again));
            assert_eq!(again.text(), first.text());
            first
        });
        assert_ne!(one.text(), other.text());
    }
}

/// Responses for two hosts are never shared.
#[test]
fn a_handler_that_sees_the_target_keys_its_authority() {
    let (server, cache) = serve(|app| {
        app.service(uri);
    });
    for target in ["/uri", "http://one.example/uri", "http://two.example/uri"] {
        let first = fetch(&server, &Sent::get(target));
        assert!(first.text().ends_with(target), "{}", first.text());
        assert_eq!(fetch(&server, &Sent::get(target)).text(), first.text());
    }
    assert_eq!(cache.stats().entries, 3);
}

/// Responses for two hosts are never shared.
#[test]
fn a_handler_that_sees_no_host_shares_one_response() {
    let (server, cache) = serve(|app| {
        app.service(blind);
    });
    fetch(&server, &Sent::get("/blind"));
    let evil = Sent::get("/blind").header("Host", "evil.example");
    assert!(is_hit(&fetch(
        &server,
        &evil.header("X-Forwarded-Host", "worse.example")
    )));
    assert!(is_hit(&fetch(
        &server,
        &Sent::get("http://two.example/blind")
    )));
    assert_eq!(cache.stats().entries, 1);
}

#[cached_response]
async fn of_one() -> &'static str {
    "one"
}

#[cached_response]
async fn of_two() -> &'static str {
    "two"
}

/// Responses for two hosts are never shared.
#[test]
fn two_handlers_behind_host_guards_do_not_meet() {
    let (server, cache) = serve(|app| {
        app.route("/", web::get().guard(guard::Host("one.example")).to(of_one))
            .route("/", web::get().guard(guard::Host("two.example")).to(of_two));
    });
    for round in 0..2 {
        for (host, body) in [("one.example", "one"), ("two.example", "two")] {
            let response = fetch(&server, &Sent::get("/").header("Host", host));
            assert_eq!(
                (response.text().as_str(), is_hit(&response)),
                (body, round == 1)
            );
        }
    }
    assert_eq!(cache.stats().entries, 2);
}

/// A host in each spelling, on a server without TLS.
const SPELLINGS: [&str; 4] = ["a.example", "A.Example", "a.example:80", "A.EXAMPLE:"];

#[get("/varies")]
#[cached_response(vary("host"))]
async fn varies(request: HttpRequest) -> String {
    format!("{} {}", run(), request.method())
}

#[get("/declares")]
#[cached_response(vary(none))]
async fn declares(_: HttpRequest) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("vary", "host"))
        .body(run().to_string())
}

#[test]
fn two_spellings_of_a_host_are_one_site() {
    let (server, cache) = serve(|app| {
        app.service(recorded)
            .service(varies)
            .service(declares)
            .service(uri);
    });
    for target in ["/recorded", "/varies", "/declares"] {
        let pages = SPELLINGS.map(|host| fetch(&server, &Sent::get(target).header("Host", host)));
        let first = pages[0].text();
        assert!(!is_hit(&pages[0]));
        for page in &pages[1..] {
            assert!(
                is_hit(page) && page.text() == first,
                "{target}: {}",
                page.text()
            );
        }
        for other in ["a.example:443", "a.example:8080", "b.example", "a.example."] {
            let other = fetch(&server, &Sent::get(target).header("Host", other));
            assert!(!is_hit(&other) && other.text() != first, "{target}");
        }
    }
    let absolute = |host| fetch(&server, &Sent::get(format!("http://{host}/uri")));
    assert!(!is_hit(&absolute("a.example")) && is_hit(&absolute("A.EXAMPLE:80")));
    assert!(!is_hit(&absolute("a.example:8080")));
    assert_eq!(cache.stats().hits, 3 * 3 + 1);
}

#[test]
fn the_host_that_a_handler_is_shown_is_the_one_that_is_compared() {
    let (server, _) = serve(|app| {
        app.service(recorded);
    });
    for host in ["A.Example:80", "a.example"] {
        let page = fetch(&server, &Sent::get("/recorded").header("Host", host));
        assert!(
            page.text().ends_with("Some(\"a.example\")"),
            "{}",
            page.text()
        );
    }
}
