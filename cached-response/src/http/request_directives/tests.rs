use super::*;
use actix_web::http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn read(fields: &[(&'static str, &str)]) -> Option<RequestDirectives> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    RequestDirectives::read(&headers)
}

fn directives(line: &str) -> RequestDirectives {
    read(&[("cache-control", line)]).unwrap_or_default()
}

/// Whether a response of this lifetime and age will do.
fn accepts(line: &str, lifetime: u64, age: u64) -> bool {
    accepts_of(line, lifetime, age, false)
}

fn accepts_of(line: &str, lifetime: u64, age: u64, never_stale: bool) -> bool {
    let (lifetime, age) = (Duration::from_secs(lifetime), Duration::from_secs(age));
    directives(line).accept(Freshness { lifetime, age }, never_stale)
}

/// RFC 9111 §5.2.3.
#[test]
fn a_request_without_cache_directives_has_none() {
    for fields in [
        &[][..],
        &[("cache-control", "")],
        &[("cache-control", "nothing-to-see-here"), ("pragma", "foo")],
        &[("cache-control", "no_cache, x=\"no-cache\", max-ages=1")],
        &[("cache-control", "no-transform")],
        &[("cache-control", "private, must-revalidate, s-maxage=0")],
        &[("pragma", "x=no-cache")],
    ] {
        assert_eq!(read(fields), None, "{fields:?}");
    }
}

/// RFC 9111 §5.2.1.1, §5.2.1.4, §5.2.1.5 and §5.2.1.7.
#[test]
fn a_directive_without_an_argument_is_read_in_any_spelling() {
    for (line, (live, no_store, only_if_cached)) in [
        ("no-cache", (true, false, false)),
        ("No-Cache", (true, false, false)),
        ("no-cache=\"x\"", (true, false, false)),
        ("max-age=0", (true, false, false)),
        ("max-age=60, max-age=0", (true, false, false)),
        ("no-store", (false, true, false)),
        ("no-store=1", (false, true, false)),
        ("only-if-cached", (false, false, true)),
        ("a, no-store ,only-if-cached, no-cache", (true, true, true)),
        ("max-age=60, min-fresh=1, max-stale", (false, false, false)),
    ] {
        let read = directives(line);
        let heard = (read.no_cache, read.no_store, read.only_if_cached);
        assert_eq!(heard, (live, no_store, only_if_cached), "{line}");
    }
    let lines = read(&[("cache-control", "a"), ("cache-control", "no-cache")]);
    assert!(lines.is_some_and(|directives| directives.no_cache));
}

/// RFC 9111 §5.4.
#[test]
fn pragma_counts_only_without_cache_control() {
    let live = |fields| read(fields).is_some_and(|directives| directives.no_cache);
    assert!(live(&[("pragma", "no-cache")]));
    assert!(live(&[("pragma", "x, No-Cache")]));
    assert!(!live(&[
        ("pragma", "no-cache"),
        ("cache-control", "max-age=60")
    ]));
    assert!(!live(&[("pragma", "no-cache"), ("cache-control", "")]));
}

/// RFC 9111 §5.2.1.1, §5.2.1.2 and §5.2.1.3.
#[test]
fn a_response_is_as_young_and_as_fresh_as_the_client_requires() {
    for (line, lifetime, age, expected) in [
        ("no-transform", 60, 59, true),
        ("no-transform", 60, 60, false),
        ("max-age=10", 60, 10, true),
        ("max-age=10", 60, 11, false),
        ("max-age=10, max-age=5", 60, 6, false),
        ("max-age=99", 60, 60, false),
        ("max-age=99999999999999", 60, 59, true),
        ("max-age=soon", 60, 1, false),
        ("max-age", 60, 1, false),
        ("min-fresh=10", 60, 50, true),
        ("min-fresh=10", 60, 51, false),
        ("min-fresh=5, min-fresh=10", 60, 51, false),
        ("min-fresh=0", 60, 59, true),
        ("min-fresh=soon", 60, 0, false),
        ("min-fresh", 60, 0, false),
        ("max-stale", 60, 9999, true),
        ("max-stale=10", 60, 70, true),
        ("max-stale=10", 60, 71, false),
        ("max-stale=10, max-stale", 60, 71, false),
        ("max-stale=soon", 60, 61, false),
        ("max-stale=", 60, 61, false),
        ("max-stale=10, max-age=65", 60, 66, false),
        ("max-stale=10, max-age=65", 60, 65, true),
        ("max-stale=10, min-fresh=1", 60, 61, false),
    ] {
        assert_eq!(
            accepts(line, lifetime, age),
            expected,
            "{line} {lifetime} {age}"
        );
    }
}

/// RFC 9111 §5.2.2.2 and §4.2.4.
#[test]
fn a_must_revalidate_response_is_never_stale_for_any_directive() {
    assert!(accepts_of("max-stale", 60, 59, true));
    for line in ["max-stale", "max-stale=999"] {
        assert!(!accepts_of(line, 60, 60, true), "{line}");
    }
}

fn directive() -> impl Strategy<Value = String> {
    prop_oneof![
        "(max-age|min-fresh|max-stale|no-cache|x)=[0-9]{1,3}",
        "(max-age|min-fresh|no-store|only-if-cached|x)(=[a-z\"]{0,3})?",
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(lines: Vec<Vec<u8>>) {
        let mut headers = HeaderMap::new();
        for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append(header::CACHE_CONTROL, line);
        }
        RequestDirectives::read(&headers);
    }

    #[test]
    fn one_more_wish_never_makes_a_client_accept_more(
        said in prop::collection::vec(directive(), 0..4),
        more in directive().prop_filter("this one does", |more| !more.starts_with("max-stale")),
        lifetime in 0_u64..200,
        age in 0_u64..200,
    ) {
        let before = accepts(&said.join(", "), lifetime, age);
        let after = accepts(&[said, vec![more]].concat().join(", "), lifetime, age);
        prop_assert!(before || !after);
    }
}
