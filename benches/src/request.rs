//! The one request that every contender answers: ten headers and two query pairs.

use actix_web::test::TestRequest;
use std::fmt::Write;

/// Path and query.
pub const TARGET: &str = "/category/42?page=2&sort=name";

/// Headers that a browser sends with a navigation.
pub const HEADERS: [(&str, &str); 10] = [
    ("host", "example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0)"),
    ("accept", "text/html,application/json"),
    ("accept-language", "en"),
    ("accept-encoding", "gzip, br"),
    ("connection", "keep-alive"),
    ("cookie", "_ga=1"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("referer", "https://example.com/"),
];

/// The request for an application without sockets.
pub fn in_process() -> actix_http::Request {
    HEADERS
        .into_iter()
        .fold(TestRequest::with_uri(TARGET), TestRequest::insert_header)
        .to_request()
}

/// The request as HTTP/1.1 writes it.
pub fn on_the_wire(target: &str) -> Vec<u8> {
    let mut text = format!("GET {target} HTTP/1.1\r\n");
    for (name, value) in HEADERS {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}
