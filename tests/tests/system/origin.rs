//! Hosts, targets and bodies that no test client of actix would send.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, get, guard, http::Uri};
use cached_response::{Bypass, Request, ResponseCache, cached_response};
use serde::Deserialize;
use tests::raw::{self, Connection, Request as Sent, Response};
use tests::server::Server;

use crate::ask::{is_hit, run, said};

/// A server with one worker and a cache of its own.
fn serve(routes: impl Fn(&mut ServiceConfig) + Send + Clone + 'static) -> (Server, ResponseCache) {
    let cache = ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::start(1, move |app| {
        app.app_data(own.clone());
        routes(app);
    });
    (server.unwrap(), cache)
}

fn fetch(server: &Server, request: &Sent) -> Response {
    raw::fetch(server.address(), request).unwrap()
}

#[get("/link/{n}", name = "link")]
#[cached_response(vary(none))]
async fn link(request: HttpRequest) -> String {
    let built = request.url_for("link", ["1"]).unwrap();
    format!("{} {} {}", run(), request.full_url(), built)
}

/// Bar row 4.
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

/// Bar row 4.
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
async fn recorded(request: Request) -> String {
    format!("{} {:?}", run(), request.host())
}

#[get("/uri")]
#[cached_response]
async fn uri(uri: Uri) -> String {
    format!("{} {uri}", run())
}

#[get("/blind")]
#[cached_response]
async fn blind() -> String {
    run().to_string()
}

/// Bar row 6.
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

/// Bar row 6.
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

/// Bar row 6.
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

/// Bar row 6.
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

#[derive(Deserialize)]
struct Posted {
    name: String,
}

#[get("/fat")]
#[cached_response]
async fn thin() -> String {
    run().to_string()
}

#[cached_response(key(form.name))]
async fn fat(form: web::Form<Posted>) -> String {
    format!("{} {}", run(), form.name)
}

#[cached_response(body)]
async fn keyed(body: web::Bytes) -> String {
    format!("{} {}", run(), String::from_utf8_lossy(&body))
}

/// Bar row 9.
#[test]
fn a_get_with_a_body_that_is_not_keyed_is_neither_looked_up_nor_stored() {
    let (server, cache) = serve(|app| {
        app.service(thin);
    });
    let chunked =
        b"GET /fat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send_octets(chunked).unwrap();
    let first = connection.receive(&Sent::get("/fat")).unwrap();
    let second = fetch(&server, &Sent::get("/fat").body("abc"));
    assert_eq!(said(&second.head).parameter("detail"), "body");
    assert_eq!((first.text().as_str(), second.text().as_str()), ("1", "2"));
    assert_eq!(cache.stats().entries, 0);

    assert_eq!(fetch(&server, &Sent::get("/fat")).text(), "3");
    assert_eq!(fetch(&server, &Sent::get("/fat").body("abc")).text(), "4");
    assert_eq!(
        fetch(&server, &Sent::head("/fat").body("abc")).status(),
        404
    );
    assert!(is_hit(&fetch(&server, &Sent::get("/fat").body(""))));
    assert_eq!(cache.stats().bypassed(Bypass::Body), 3);
}

/// Bar row 9.
#[test]
fn a_body_that_is_keyed_tells_gets_apart() {
    let (server, _) = serve(|app| {
        app.route("/keyed", web::get().to(keyed));
        app.route("/fat", web::get().to(fat));
    });
    let form = |name: &str| {
        let form = Sent::get("/fat").header("Content-Type", "application/x-www-form-urlencoded");
        form.body(format!("name={name}"))
    };
    assert_eq!(
        fetch(&server, &Sent::get("/keyed").body("evil")).text(),
        "1 evil"
    );
    assert_eq!(fetch(&server, &Sent::get("/keyed")).text(), "2 ");
    assert_eq!(
        fetch(&server, &Sent::get("/keyed").body("evil")).text(),
        "1 evil"
    );
    assert_eq!(fetch(&server, &form("a")).text(), "3 a");
    assert_eq!(fetch(&server, &form("b")).text(), "4 b");
    assert_eq!(fetch(&server, &form("a")).text(), "3 a");
    assert_eq!(fetch(&server, &Sent::get("/fat")).status(), 415);
}

/// What comes back for one GET over HTTP/2, its body given or left out.
async fn over_http2(server: &Server, body: Option<&'static [u8]>) -> (String, String) {
    let stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    actix_web::rt::spawn(async move { drop(connection.await) });
    let target = format!("http://{}/fat", server.address());
    let request = http02::Request::get(target).body(()).unwrap();
    let (response, mut sending) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        sending
            .send_data(web::Bytes::from_static(body), true)
            .unwrap();
    }
    let response = response.await.unwrap();
    let said = response.headers()["cache-status"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut stream = response.into_body();
    let mut text = Vec::new();
    while let Some(chunk) = stream.data().await {
        text.extend(chunk.unwrap());
    }
    (String::from_utf8(text).unwrap(), said)
}

/// Bar row 9.
#[actix_web::test]
async fn a_body_is_seen_over_http2_where_no_length_is_declared() {
    let cache = ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::run(move || {
        let app = move || actix_web::App::new().app_data(own.clone()).service(thin);
        let server = actix_web::HttpServer::new(app).workers(1);
        let server = server.bind_auto_h2c(tests::server::FREE_PORT)?;
        let address = server.addrs()[0];
        Ok((server.disable_signals().run(), address))
    });
    let server = server.unwrap();
    let (_, said) = over_http2(&server, Some(b"abc")).await;
    assert!(said.contains("detail=body"), "{said}");
    assert_eq!(cache.stats().entries, 0);
    let (first, said) = over_http2(&server, None).await;
    assert!(said.contains("stored"), "{said}");
    let (again, said) = over_http2(&server, None).await;
    assert!(said.contains("hit"), "{said}");
    assert_eq!(again, first);
    let (_, said) = over_http2(&server, Some(b"abc")).await;
    assert!(said.contains("detail=body"), "{said}");
}

#[cached_response]
async fn sized() -> String {
    format!("{}: twenty octets and more", run())
}

/// Bar row 13.
#[test]
fn head_is_answered_from_get_and_never_fills() {
    let (server, cache) = serve(|app| {
        app.service(web::resource("/").to(sized));
    });
    let (get, head) = (Sent::get("/"), Sent::head("/"));
    let first = fetch(&server, &head);
    assert_eq!((first.body.len(), cache.stats().entries), (0, 0));
    let second = fetch(&server, &get);
    assert_eq!(second.text(), "2: twenty octets and more");
    let length = second.header("content-length").unwrap();
    assert_eq!(first.header("content-length").unwrap(), length);
    let third = fetch(&server, &head);
    assert_eq!((third.body.len(), is_hit(&third)), (0, true));
    assert_eq!(third.header("content-length").unwrap(), length);
    for name in ["etag", "content-type", "date"] {
        assert_eq!(third.header(name), second.header(name), "{name}");
    }
    // On a connection that stays open nothing of a body may follow.
    let mut connection = Connection::open(server.address()).unwrap();
    for _ in 0..2 {
        assert!(is_hit(&connection.exchange(&head).unwrap()));
        assert_eq!(connection.exchange(&get).unwrap().text(), second.text());
    }
}

#[cached_response]
async fn by_method(method: actix_web::http::Method) -> String {
    format!("made for {method}")
}

#[test]
fn what_a_handler_makes_for_head_is_never_shown_to_get() {
    let (server, _) = serve(|app| {
        app.service(web::resource("/").to(by_method));
    });
    fetch(&server, &Sent::head("/"));
    assert_eq!(fetch(&server, &Sent::get("/")).text(), "made for GET");
    fetch(&server, &Sent::head("/"));
    let post = fetch(&server, &Sent::post("/", ""));
    assert_eq!(post.text(), "made for POST");
    assert_eq!(said(&post.head).parameter("fwd"), "method");
    assert_eq!(fetch(&server, &Sent::get("/")).text(), "made for GET");
}

#[get("/override")]
#[cached_response(vary(none))]
async fn overridden(request: HttpRequest) -> String {
    let named = request.headers().get("x-http-method-override");
    format!("{} {named:?}", run())
}

#[test]
fn a_method_override_bypasses_where_it_can_be_seen_and_only_there() {
    let (server, cache) = serve(|app| {
        app.service(overridden).service(blind);
    });
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
    ] {
        let response = fetch(&server, &Sent::get("/override").header(name, "DELETE"));
        assert_eq!(said(&response.head).parameter("detail"), "method-override");
        fetch(&server, &Sent::get("/blind").header(name, "DELETE"));
    }
    assert!(
        fetch(&server, &Sent::get("/override"))
            .text()
            .ends_with("None")
    );
    assert_eq!(cache.stats().bypassed(Bypass::MethodOverride), 3);
    assert_eq!(cache.stats().hits, 2);
}
