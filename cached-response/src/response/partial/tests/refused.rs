//! Requests that are answered whole.

use super::*;

#[test]
fn only_a_get_is_answered_with_a_part() {
    let stored = stored("0123456789", &[]);
    for range in ["bytes=0-1", "bytes=10-"] {
        for method in [Method::HEAD, Method::POST] {
            let request = TestRequest::default().method(method.clone());
            let answer = ask(&stored, request, &[("range", range)]);
            assert_eq!(answer.status, 200, "{method} {range}");
            assert_eq!(answer.field("content-range"), None);
        }
    }
}

#[test]
fn only_a_200_has_ranges() {
    let mut stored = stored("0123456789", &[]);
    stored.status = StatusCode::NOT_FOUND;
    for range in ["bytes=0-1", "bytes=10-"] {
        assert_eq!(get(&stored, &[("range", range)]).status, 404);
    }
}

#[test]
fn accept_ranges_none_of_a_handler_is_honoured() {
    for (said, status) in [("none", 200), ("NONE", 200), ("bytes", 206)] {
        let stored = stored("0123456789", &[("accept-ranges", said)]);
        assert_eq!(get(&stored, &[("range", "bytes=0-1")]).status, status);
    }
}

#[test]
fn a_part_of_another_response_is_never_completed() {
    let stored = stored(
        "0123456789",
        &[
            ("last-modified", "Thu, 26 Jun 2008 12:00:01 GMT"),
            ("date", "Fri, 27 Jun 2008 12:00:01 GMT"),
        ],
    );
    for (name, value, status) in [
        ("if-range", "\"v1\"", 206),
        ("if-range", "\"v2\"", 200),
        ("if-range", "W/\"v1\"", 200),
        ("if-range", "Thu, 26 Jun 2008 12:00:01 GMT", 206),
        ("if-range", "Thu, 26 Jun 2008 12:00:00 GMT", 200),
        ("if-range", "Fri, 27 Jun 2008 12:00:01 GMT", 200),
        ("if-match", "\"v1\"", 200),
        ("if-match", "\"v2\"", 200),
        ("if-unmodified-since", "Thu, 26 Jun 2008 12:00:01 GMT", 200),
    ] {
        for range in ["bytes=5-9", "bytes=10-"] {
            let status = if status == 206 && range == "bytes=10-" {
                416
            } else {
                status
            };
            let answer = get(&stored, &[("range", range), (name, value)]);
            assert_eq!(answer.status, status, "{name}: {value}, {range}");
        }
    }
}

#[test]
fn if_range_alone_has_no_effect() {
    let stored = stored("0123456789", &[]);
    assert_eq!(get(&stored, &[("if-range", "\"v1\"")]).status, 200);
}

#[test]
fn a_part_that_may_have_been_coded_is_not_completed_with_one_that_is_not() {
    let text = [("content-type", "text/plain")];
    let picture = [("content-type", "image/png")];
    let coded = [("content-type", "text/plain"), ("content-encoding", "br")];
    for (fields, accepted, status) in [
        (&text[..], Some("gzip"), 200),
        (&[], Some("gzip"), 200),
        (&text, Some("identity"), 206),
        (&text, None, 206),
        (&picture, Some("gzip"), 206),
        (&coded, Some("br"), 206),
    ] {
        let config = RouteConfig::new(Policy::default(), &[]);
        let headers = fields.iter().chain(&[("etag", "\"v1\"")]);
        let headers = headers.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let body = Bytes::from_static(b"0123456789");
        let stored = headers::stored(
            &config,
            &Storable::default(),
            StatusCode::OK,
            &headers.collect(),
            &body,
        );
        let mut asked = vec![("range", "bytes=5-9"), ("if-range", "\"v1\"")];
        asked.extend(accepted.map(|coding| ("accept-encoding", coding)));
        let answer = get(&stored, &asked);
        assert_eq!(answer.status, status, "{fields:?} {accepted:?}");
        // A client without `If-Range` has no part yet.
        asked.remove(1);
        assert_eq!(get(&stored, &asked).status, 206);
    }
}
