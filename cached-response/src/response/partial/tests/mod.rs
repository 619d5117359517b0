use super::*;
use crate::{
    http::storable::Storable, policy::Policy, response::headers, route::config::RouteConfig,
};
use actix_web::{
    HttpResponse,
    body::{MessageBody, to_bytes},
    test::TestRequest,
    web::Bytes,
};
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

const MEDIA: &str = "text/plain; charset=utf-8";

/// A stored 200 with this body, and these fields beside its type and tag.
fn stored(body: impl Into<Bytes>, fields: &[(&'static str, &'static str)]) -> StoredResponse {
    let config = RouteConfig::new(Policy::default(), &[]);
    let usual = [("content-type", MEDIA), ("etag", "\"v1\"")];
    let headers: HeaderMap = usual
        .iter()
        .chain(fields)
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    headers::stored(
        &config,
        &Storable::default(),
        StatusCode::OK,
        &headers,
        &body.into(),
    )
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The answer to a GET with these fields, from the whole one.
fn get(stored: &StoredResponse, fields: &[(&str, &str)]) -> Answer {
    ask(stored, TestRequest::get(), fields)
}

fn ask(stored: &StoredResponse, request: TestRequest, fields: &[(&str, &str)]) -> Answer {
    let request = fields
        .iter()
        .fold(request, |request, field| request.append_header(*field))
        .to_http_request();
    let mut head = HttpResponse::with_body(stored.status, ());
    for (name, value) in stored.headers.iter() {
        head.headers_mut().append(name.clone(), value.clone());
    }
    let body = narrow(stored, &request, head.head_mut());
    Answer {
        status: head.status().as_u16(),
        headers: head.headers().clone(),
        body: body.map_or_else(|| stored.body.clone(), bytes),
    }
}

fn bytes(body: BoxBody) -> Bytes {
    body.try_into_bytes().unwrap_or_else(collected)
}

fn collected(body: BoxBody) -> Bytes {
    let mut body = pin!(to_bytes(body));
    match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(bytes)) => bytes,
        _ => panic!("it is all there"),
    }
}

const LONG: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// A body that is longer than two parts with their heads.
fn long() -> String {
    LONG.repeat(20)
}

mod read_back;
mod refused;

#[test]
fn a_part_has_its_content_range_and_the_fields_of_the_whole() {
    let stored = stored("0123456789", &[("x-more", "a"), ("vary", "x")]);
    let part = get(&stored, &[("range", "bytes=2-5")]);
    assert_eq!((part.status, &part.body[..]), (206, &b"2345"[..]));
    assert_eq!(part.field("content-range"), Some("bytes 2-5/10"));
    for (name, value) in stored.headers.iter() {
        assert_eq!(part.headers.get(name), Some(value), "{name}");
    }
}

#[test]
fn a_part_is_not_copied() {
    let stored = stored(long(), &[]);
    let part = get(&stored, &[("range", "bytes=36-99")]);
    assert_eq!(part.body.as_ptr(), stored.body[36..].as_ptr());
}

#[test]
fn digests_of_the_whole_are_not_sent_with_a_part() {
    let sums = [
        ("content-md5", "x"),
        ("content-digest", "x"),
        ("content-range", "bytes 0-9/10"),
    ];
    let stored = stored("0123456789", &sums);
    let part = get(&stored, &[("range", "bytes=2-5")]);
    assert_eq!(part.field("content-md5"), None);
    assert_eq!(part.field("content-digest"), None);
    assert_eq!(part.field("content-range"), Some("bytes 2-5/10"));
}

#[test]
fn several_parts_have_a_head_each() {
    let stored = stored(long(), &[]);
    let answer = get(&stored, &[("range", "bytes=0-1,10-19,-2")]);
    assert_eq!(answer.status, 206);
    assert_eq!(answer.field("content-range"), None);
    let media = answer.field("content-type").unwrap();
    let boundary = media
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let head = |place: &str| {
        format!("\r\n--{boundary}\r\nContent-Type: {MEDIA}\r\nContent-Range: {place}\r\n\r\n")
    };
    let expected = format!(
        "{}01{}abcdefghij{}yz\r\n--{boundary}--\r\n",
        head("bytes 0-1/720"),
        head("bytes 10-19/720"),
        head("bytes 718-719/720"),
    );
    assert_eq!(answer.body, expected);
}

#[test]
fn no_boundary_is_used_twice() {
    let stored = stored(long(), &[]);
    let media = || get(&stored, &[("range", "bytes=0-1,10-19")]).headers;
    let (one, other) = (media(), media());
    assert_ne!(one.get("content-type"), other.get("content-type"));
}

#[test]
fn parts_that_would_be_longer_than_the_whole_are_not_sent() {
    let stored = stored("0123456789", &[]);
    let answer = get(&stored, &[("range", "bytes=0-1,5-6")]);
    assert_eq!((answer.status, &answer.body[..]), (200, &b"0123456789"[..]));
    assert_eq!(answer.field("content-type"), Some(MEDIA));
}

#[test]
fn several_parts_of_a_coded_response_are_not_sent_and_one_is() {
    let stored = stored(long(), &[("content-encoding", "gzip")]);
    assert_eq!(get(&stored, &[("range", "bytes=0-1,10-19")]).status, 200);
    assert_eq!(get(&stored, &[("range", "bytes=0-1")]).status, 206);
}

#[test]
fn a_416_has_the_length_of_the_response_and_no_field_of_its_content() {
    let fields = [
        ("content-disposition", "inline"),
        ("content-language", "de"),
        ("last-modified", "Thu, 26 Jun 2008 12:00:01 GMT"),
        ("cache-control", "public, max-age=600"),
        ("cdn-cache-control", "max-age=600"),
        ("expires", "Thu, 26 Jun 2099 12:00:01 GMT"),
        ("vary", "x"),
        ("access-control-allow-origin", "*"),
    ];
    let answer = get(&stored("0123456789", &fields), &[("range", "bytes=10-")]);
    assert_eq!((answer.status, answer.body.len()), (416, 0));
    let mut said: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-store"),
            ("content-range", "bytes */10"),
            ("etag", "\"v1\""),
            ("vary", "x"),
        ]
    );
}
