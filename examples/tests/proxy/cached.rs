//! Answers from the cache, and requests that reach the origin.

use tests::raw::{Request, Response};

use crate::ends::{Origin, Proxy};

/// Returns the live answer to a request, for which the origin sends these fields.
fn live(proxy: &Proxy, origin: &Origin, request: &Request, fields: &str) -> Response {
    let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: 4\r\n\r\nlive");
    let (_, answer) = origin.exchange(proxy, request, response);
    assert_eq!(answer.text(), "live");
    answer
}

fn is_hit(answer: &Response) -> bool {
    let status = answer.header("cache-status").unwrap_or_default();
    status.contains("; hit;") && answer.text() == "live"
}

#[test]
fn a_fresh_response_is_reused_and_grows_older() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/a?b");
    let fields = "cache-control: max-age=60\r\nage: 7\r\nx-a: 2\r\nx-a: 1\r\nvia: 1.0 last";
    let first = live(&proxy, &origin, &request, fields);
    let again = proxy.answer(&request);
    assert!(is_hit(&again), "{again:?}");
    assert_eq!(first.header("age").unwrap(), "7");
    let age: u32 = again.header("age").unwrap().parse().unwrap();
    assert!((7..30).contains(&age), "{again:?}");
    for name in ["x-a", "via", "date", "cache-control"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
}

#[test]
fn a_response_without_a_lifetime_is_not_reused() {
    let (proxy, origin) = Origin::behind_a_proxy();
    for fields in [
        "x-a: 1",
        "cache-control: no-store",
        "cache-control: private, max-age=60",
    ] {
        live(&proxy, &origin, &Request::get("/"), fields);
        live(&proxy, &origin, &Request::get("/"), fields);
    }
}

#[test]
fn another_host_is_another_site() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let at = |host| Request::get("/").header("Host", host);
    live(
        &proxy,
        &origin,
        &at("a.example"),
        "cache-control: max-age=60",
    );
    live(
        &proxy,
        &origin,
        &at("b.example"),
        "cache-control: max-age=60",
    );
    let absolute = Request::get("http://c.example/").header("Host", "a.example");
    live(&proxy, &origin, &absolute, "cache-control: max-age=60");
    assert!(is_hit(&proxy.answer(&at("a.example"))));
}

#[test]
fn nocache_in_a_query_belongs_to_the_origin() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/?nocache=1");
    live(&proxy, &origin, &request, "cache-control: max-age=60");
    assert!(is_hit(&proxy.answer(&request)));
}

#[test]
fn a_response_to_a_request_that_hides_a_field_is_not_stored() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let fields = "cache-control: max-age=60\r\nvary: x-lang";
    let request = Request::get("/").header("X-Lang", "de");
    let hiding = request.clone().header("Connection", "x-lang");
    live(&proxy, &origin, &hiding, fields);
    live(&proxy, &origin, &request, fields);
    assert!(is_hit(&proxy.answer(&request)));
}

#[test]
fn a_successful_unsafe_request_invalidates_its_path() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/");
    live(&proxy, &origin, &request, "cache-control: max-age=60");
    let refused = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
    origin.exchange(&proxy, &Request::new("M-SEARCH", "/"), refused);
    assert!(is_hit(&proxy.answer(&request)));
    let done = "HTTP/1.1 200 Yes\r\ncontent-length: 0\r\n\r\n";
    origin.exchange(&proxy, &Request::new("M-SEARCH", "/"), done);
    live(&proxy, &origin, &request, "cache-control: max-age=60");
}

#[test]
fn head_and_parts_are_answered_from_a_stored_get() {
    let (proxy, origin) = Origin::behind_a_proxy();
    live(
        &proxy,
        &origin,
        &Request::get("/"),
        "cache-control: max-age=60",
    );
    let head = proxy.answer(&Request::head("/"));
    assert_eq!(
        (head.status(), head.header("content-length").as_deref()),
        (200, Some("4"))
    );
    let part = proxy.answer(&Request::get("/").header("Range", "bytes=1-2"));
    assert_eq!((part.status(), part.text().as_str()), (206, "iv"));
}

#[test]
fn a_revalidated_response_is_answered_from_the_cache() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/");
    let fields = "cache-control: no-cache\r\netag: \"1\"\r\nx-edition: first";
    live(&proxy, &origin, &request, fields);
    let unchanged = "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\nx-edition: second\r\n\r\n";
    let ranged = request.clone().header("Range", "bytes=1-2");
    let known = request.clone().header("If-None-Match", "\"1\"");
    for (request, status, body) in [
        (&request, 200, "live"),
        (&ranged, 206, "iv"),
        (&known, 304, ""),
    ] {
        let (received, answer) = origin.exchange(&proxy, request, unchanged);
        assert_eq!(received.all("if-none-match"), [b"\"1\""]);
        assert!(received.all("range").is_empty());
        assert_eq!((answer.status(), answer.text()), (status, body.into()));
        assert_eq!(answer.header("x-edition").unwrap(), "second");
    }
}

#[test]
fn hop_by_hop_fields_are_not_replayed_and_age_grows() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let response = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
                    HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\nage: 7\r\n\
                    connection: x-foo, keep-alive\r\nx-foo: 1\r\nkeep-alive: timeout=5\r\n\
                    x-kept: 1\r\ncontent-length: 4\r\n\r\nlive";
    origin.exchange(&proxy, &Request::get("/"), response);
    let again = proxy.answer(&Request::get("/"));
    assert!(is_hit(&again) && again.interim.is_empty(), "{again:?}");
    for name in ["connection", "x-foo", "keep-alive", "link"] {
        assert_eq!(again.header(name), None, "{name}");
    }
    assert_eq!(again.header("x-kept").unwrap(), "1");
    let age: u32 = again.header("age").unwrap().parse().unwrap();
    assert!((7..30).contains(&age), "{again:?}");
}
