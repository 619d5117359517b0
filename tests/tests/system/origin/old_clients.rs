//! Clients of HTTP/1.0: they know no chunks, and read to the end of the connection.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, route};
use cached_response::cached_response;
use futures_util::{Stream, stream};
use tests::raw::{Connection, Request as Sent};
use tests::server::Server;

use super::serve;
use crate::ask::is_hit;

/// Long enough for two parts to be shorter than the whole.
const LENGTH: usize = 10_000;

#[route("/page", method = "GET", method = "HEAD")]
#[cached_response]
async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("etag", "\"v1\""))
        .content_type("text/plain")
        .body("x".repeat(LENGTH))
}

fn chunks() -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(["one, ", "two, ", "three"].map(|chunk| Ok(Bytes::from(chunk))))
}

/// A body of declared length, for clients without chunked coding.
#[get("/declared")]
#[cached_response]
async fn declared() -> HttpResponse {
    HttpResponse::Ok().no_chunking(15).streaming(chunks())
}

#[get("/sized")]
#[cached_response]
async fn sized() -> HttpResponse {
    HttpResponse::Ok().body(SizedStream::new(15, chunks()))
}

#[get("/unsized")]
#[cached_response]
async fn of_any_length() -> HttpResponse {
    HttpResponse::Ok().streaming(chunks())
}

/// The same without a cache.
#[get("/bare")]
async fn bare() -> HttpResponse {
    HttpResponse::Ok().streaming(chunks())
}

fn server() -> Server {
    let (server, _) = serve(|app| {
        app.service(page)
            .service(declared)
            .service(sized)
            .service(of_any_length)
            .service(bare);
    });
    server
}

/// Bytes that such a client has read when the server closes the connection.
struct Read {
    head: String,
    body: Vec<u8>,
}

impl Read {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn is_hit(&self) -> bool {
        self.field("cache-status").unwrap().contains("; hit")
    }
}

/// Says nothing of `Connection`, and reads until the server has closed it.
fn read(server: &Server, request: Sent) -> Read {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let timeout = Some(Duration::from_secs(10));
    stream.set_read_timeout(timeout).unwrap();
    stream.write_all(&request.http_1_0().octets()).unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
    let body = octets.split_off(end.unwrap() + 4);
    let head = String::from_utf8(octets).unwrap();
    Read { head, body }
}

#[test]
fn a_live_answer_and_a_hit_can_be_read() {
    let server = server();
    for hit in [false, true] {
        let answer = read(&server, Sent::get("/page"));
        assert_eq!(answer.is_hit(), hit);
        assert!(answer.head.starts_with("HTTP/1.0 200 "), "{}", answer.head);
        assert_eq!(answer.field("content-length"), Some("10000"));
        assert_eq!(answer.body.len(), LENGTH);
    }
}

#[test]
fn a_stream_whose_length_is_known_can_be_read_live_and_from_the_store() {
    let server = server();
    for path in ["/declared", "/sized"] {
        for hit in [false, true] {
            let answer = read(&server, Sent::get(path));
            assert_eq!(
                (answer.is_hit(), answer.field("transfer-encoding")),
                (hit, None)
            );
            assert_eq!(answer.field("content-length"), Some("15"), "{path}");
            assert_eq!(answer.body, b"one, two, three");
        }
    }
}

/// Actix sends chunks to these clients, too: live nothing is better and nothing is worse than
/// without a cache.
#[test]
fn any_other_stream_is_sent_as_without_a_cache_and_can_be_read_from_the_store() {
    let server = server();
    let plain = read(&server, Sent::get("/bare"));
    let live = read(&server, Sent::get("/unsized"));
    assert_eq!(
        live.field("transfer-encoding"),
        plain.field("transfer-encoding")
    );
    assert_eq!(live.body, plain.body);
    let hit = read(&server, Sent::get("/unsized"));
    assert_eq!((hit.is_hit(), hit.field("transfer-encoding")), (true, None));
    assert_eq!(hit.field("content-length"), Some("15"));
    assert_eq!(hit.body, b"one, two, three");
}

#[test]
fn one_part_and_several_can_be_read() {
    let server = server();
    read(&server, Sent::get("/page"));
    let part = read(&server, Sent::get("/page").header("Range", "bytes=0-9"));
    assert!(part.head.starts_with("HTTP/1.0 206 ") && part.is_hit());
    assert_eq!(part.field("content-length"), Some("10"));
    assert_eq!(part.body, b"xxxxxxxxxx");
    let parts = read(
        &server,
        Sent::get("/page").header("Range", "bytes=0-9, 90-99"),
    );
    assert!(parts.head.starts_with("HTTP/1.0 206 ") && parts.is_hit());
    let media = parts.field("content-type").unwrap();
    let boundary = media
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    assert_eq!(
        parts.field("content-length"),
        Some(&*parts.body.len().to_string())
    );
    assert!(
        parts
            .body
            .ends_with(format!("--{boundary}--\r\n").as_bytes())
    );
}

#[test]
fn what_has_no_body_ends_with_its_head() {
    let server = server();
    read(&server, Sent::get("/page"));
    let head = read(&server, Sent::head("/page"));
    assert!(head.head.starts_with("HTTP/1.0 200 ") && head.is_hit());
    assert_eq!(
        (head.field("content-length"), head.body.len()),
        (Some("10000"), 0)
    );
    let unmodified = read(
        &server,
        Sent::get("/page").header("If-None-Match", "\"v1\""),
    );
    assert!(unmodified.head.starts_with("HTTP/1.0 304 ") && unmodified.is_hit());
    assert_eq!(unmodified.body.len(), 0);
}

#[test]
fn a_connection_that_is_kept_holds_one_answer_after_the_other() {
    let server = server();
    read(&server, Sent::get("/page"));
    let mut connection = Connection::open(server.address()).unwrap();
    for (request, hit) in [
        (Sent::get("/page"), true),
        (Sent::head("/page"), true),
        (Sent::get("/page").header("If-None-Match", "\"v1\""), true),
        (Sent::get("/page").header("Range", "bytes=0-9"), true),
        (Sent::get("/page").header("Range", "bytes=0-9, 90-99"), true),
        (Sent::get("/sized"), false),
        (Sent::get("/sized"), true),
    ] {
        let request = request.header("Connection", "keep-alive").http_1_0();
        let answer = connection.exchange(&request).unwrap();
        assert_eq!(is_hit(&answer), hit);
        assert_eq!(answer.header("connection").unwrap(), "keep-alive");
        assert_eq!(answer.header("transfer-encoding"), None);
    }
}
