use super::{UnsafeRequest, paths, resolve};
use actix_web::http::{
    Method, StatusCode, Uri,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use proptest::prelude::*;

const OWN: &str = "/orders/7";

fn fields<const N: usize>(fields: [(HeaderName, &str); N]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn outdated(method: &Method, status: u16, answered: &HeaderMap) -> Vec<String> {
    let asked = UnsafeRequest::of(
        method,
        &Uri::from_static(OWN),
        &fields([(header::HOST, "example.com:8080")]),
    );
    paths(&asked, StatusCode::from_u16(status).unwrap(), answered)
}

fn named(reference: &str) -> Option<String> {
    let answered = fields([(header::LOCATION, reference)]);
    let mut paths = outdated(&Method::POST, 201, &answered);
    assert_eq!(paths.remove(0), OWN);
    paths.pop()
}

#[test]
fn unsafe_methods_that_are_no_errors_make_their_target_outdated() {
    let unknown = Method::from_bytes(b"FROB").unwrap();
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        unknown,
    ] {
        for status in [200, 201, 204, 301, 303, 304] {
            assert_eq!(outdated(&method, status, &HeaderMap::new()), [OWN]);
        }
        for status in [400, 401, 404, 409, 500, 503] {
            assert!(outdated(&method, status, &HeaderMap::new()).is_empty());
        }
    }
}

#[test]
fn safe_methods_make_nothing_outdated() {
    let answered = fields([(header::LOCATION, "/a")]);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        assert!(outdated(&method, 200, &answered).is_empty());
    }
}

#[test]
fn both_fields_are_read_on_all_their_lines() {
    let answered = fields([
        (header::LOCATION, "/a"),
        (header::CONTENT_LOCATION, "/b"),
        (header::CONTENT_LOCATION, "/c"),
    ]);
    assert_eq!(
        outdated(&Method::PUT, 200, &answered),
        [OWN, "/a", "/b", "/c"]
    );
}

#[test]
fn references_are_resolved_against_the_target() {
    for (reference, path) in [
        ("/a", "/a"),
        ("a", "/orders/a"),
        ("./a?b=1#c", "/orders/a"),
        ("../a", "/a"),
        ("../../../a", "/a"),
        ("?page=2", OWN),
        ("", OWN),
        ("//example.com:8080/a", "/a"),
        ("http://example.com:8080/a?b", "/a"),
        ("http://EXAMPLE.com:8080", "/"),
        ("https://example.com:8080/a", "/a"),
    ] {
        assert_eq!(named(reference).as_deref(), Some(path), "{reference}");
    }
}

#[test]
fn other_hosts_and_ports_are_not_ours() {
    for reference in [
        "http://example.com/a",
        "http://example.com:8081/a",
        "http://www.example.com:8080/a",
        "http://example.com:8080@evil.org/a",
        "//evil.org/a",
        "\\\\evil.org/a",
        "ftp://example.com:8080/a",
        "mailto:example.com:8080",
        "http://[::1/a",
    ] {
        assert_eq!(named(reference), None, "{reference}");
    }
}

#[test]
fn a_default_port_is_the_same_written_or_not() {
    let asked = |host: &'static str| fields([(header::HOST, host)]);
    for (host, reference, same) in [
        ("example.com", "http://example.com:80/a", true),
        ("example.com", "https://example.com:443/a", true),
        ("example.com:443", "https://example.com/a", true),
        ("example.com:443", "http://example.com/a", false),
    ] {
        let asked = UnsafeRequest::of(&Method::POST, &Uri::from_static(OWN), &asked(host));
        assert_eq!(
            resolve(&asked, reference).is_some(),
            same,
            "{host} {reference}"
        );
    }
}

#[test]
fn the_target_names_the_host_before_the_field_does() {
    let asked = UnsafeRequest::of(
        &Method::POST,
        &Uri::from_static("http://here.com/orders/7"),
        &fields([(header::HOST, "there.com")]),
    );
    assert!(resolve(&asked, "http://here.com/a").is_some());
    assert!(resolve(&asked, "http://there.com/a").is_none());
}

#[test]
fn without_a_good_host_only_relative_references_count() {
    for host in ["", "a/b", "a?b", "user@a", "a b"] {
        let asked = UnsafeRequest::of(
            &Method::POST,
            &Uri::from_static(OWN),
            &fields([(header::HOST, host)]),
        );
        assert_eq!(resolve(&asked, "/a").as_deref(), Some("/a"), "{host}");
        assert_eq!(resolve(&asked, "http://a/a"), None, "{host}");
    }
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9]{1,3}",
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => Just(String::new()),
    ]
}

/// RFC 3986 §5.2.4, word for word.
fn without_dots(path: &str) -> String {
    let (mut input, mut output) = (path.to_owned(), String::new());
    while !input.is_empty() {
        if let Some(rest) = input.strip_prefix("/./") {
            input = format!("/{rest}");
        } else if input == "/." {
            input = "/".into();
        } else if input.starts_with("/../") || input == "/.." {
            let rest = input.strip_prefix("/../").unwrap_or_default();
            input = format!("/{rest}");
            output.truncate(output.rfind('/').unwrap_or(0));
        } else {
            let end = input[1..].find('/').map_or(input.len(), |end| end + 1);
            output.push_str(&input[..end]);
            input.drain(..end);
        }
    }
    output
}

proptest! {
    #[test]
    fn relative_references_are_merged_as_in_rfc_3986(
        base in proptest::collection::vec("[a-z]{1,3}", 1..4),
        reference in proptest::collection::vec(segment(), 1..6),
    ) {
        let base = format!("/{}", base.join("/"));
        let reference = reference.join("/");
        // A first segment that is empty makes it something else: a root, or an authority.
        prop_assume!(!reference.starts_with('/') && !reference.is_empty());
        let asked = UnsafeRequest::of(&Method::POST, &base.parse().unwrap(), &fields([(header::HOST, "example.com")]));
        let merged = format!("{}/{reference}", &base[..base.rfind('/').unwrap()]);
        prop_assert_eq!(resolve(&asked, &reference), Some(without_dots(&merged)));
    }

    #[test]
    fn no_text_that_names_another_host_leads_to_a_path(
        host in "[a-z]{1,8}\\.(com|org)", port in 1_u16.., path in "[ -~]{0,20}",
    ) {
        prop_assume!(!(host == "example.com" && port == 8080));
        let slashed = path.replace(['@', '\\'], "/");
        let reference = format!("http://{host}:{port}/{slashed}");
        prop_assert_eq!(named(&reference), None);
    }
}
