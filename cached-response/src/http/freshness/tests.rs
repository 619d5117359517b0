use super::*;
use crate::http::cache_control;
use actix_web::http::header::{HeaderName, HeaderValue, HttpDate};
use proptest::prelude::*;

/// In the year 2026, and in the middle of a second.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_000_000_400)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many seconds from now, as fields say it.
fn at(offset: i64) -> String {
    let then = 1_795_000_000_u64.saturating_add_signed(offset);
    HttpDate::from(UNIX_EPOCH + seconds(then)).to_string()
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn received(headers: &HeaderMap) -> Received<'_> {
    Received {
        headers,
        at: now(),
        delay: Duration::ZERO,
    }
}

fn age(fields: &[(&str, &str)]) -> u64 {
    received(&headers(fields)).age().as_secs()
}

fn lifetime(fields: &[(&str, &str)], fraction: Option<f32>) -> Lifetime {
    let headers = headers(fields);
    let said = cache_control::effective(&headers, None);
    received(&headers).lifetime(&said, fraction)
}

/// RFC 9111 §5.1.
#[test]
fn age_is_the_first_member_if_that_is_a_number() {
    for (lines, read) in [
        (&["7200"][..], 7200),
        (&["0"], 0),
        (&["007"], 7),
        (&["2147483647"], 2_147_483_647),
        (&["2147483648"], 1 << 31),
        (&["99999999999999999999"], 1 << 31),
        (&["7200, 0"], 7200),
        (&["7200", "0"], 7200),
        (&["0, 7200"], 0),
        (&["0", "7200"], 0),
        (&["abc"], 0),
        (&["-7200"], 0),
        (&["+7200"], 0),
        (&["7200.0"], 0),
        (&["7200;foo=bar"], 0),
        (&["\"7200\""], 0),
        (&["", "7200"], 0),
        (&[""], 0),
        (&[], 0),
    ] {
        let fields: Vec<_> = lines.iter().map(|line| ("age", *line)).collect();
        assert_eq!(age(&fields), read, "{lines:?}");
    }
}

/// RFC 9111 §4.2.3.
#[test]
fn the_age_on_arrival_is_the_larger_of_age_and_apparent_age() {
    for (date, told, expected) in [
        (at(0), "0", 0),
        (at(-100), "0", 100),
        (at(-100), "30", 100),
        (at(-100), "130", 130),
        (at(100), "0", 0),
        (at(100), "30", 30),
        ("yesterday".into(), "30", 30),
    ] {
        assert_eq!(
            age(&[("date", &date), ("age", told)]),
            expected,
            "{date} {told}"
        );
    }
    let twice = [("date", &*at(-100)), ("date", &*at(-100))];
    assert_eq!(age(&twice), 0, "a repeated `Date` is none");
}

/// RFC 9111 §4.2.3: `response_delay`.
#[test]
fn the_duration_of_a_run_adds_to_age_and_not_to_date() {
    for (fields, expected) in [
        (headers(&[]), 5),
        (headers(&[("age", "30")]), 35),
        (headers(&[("age", "30"), ("date", &at(-100))]), 100),
        (headers(&[("age", "99"), ("date", &at(-100))]), 104),
    ] {
        let received = Received {
            delay: seconds(5),
            ..received(&fields)
        };
        assert_eq!(received.age(), seconds(expected), "{fields:?}");
    }
}

/// RFC 9111 §4.2.1.
#[test]
fn the_first_lifetime_in_order_of_precedence_holds() {
    let (past, date, soon, far) = (at(-10), at(0), at(300), "Fri, 31 Dec 9999 23:59:59 GMT");
    let later = at(400);
    for (fields, expected) in [
        (
            &[
                ("cache-control", "max-age=9, s-maxage=5"),
                ("expires", &*soon),
            ][..],
            5,
        ),
        (&[("cache-control", "s-maxage=50, max-age=9")], 50),
        (&[("cache-control", "max-age=9"), ("expires", &soon)], 9),
        (&[("cache-control", "max-age=9"), ("expires", "0")], 9),
        (&[("cache-control", "max-age=x"), ("expires", &soon)], 0),
        (&[("cache-control", "s-maxage=x, max-age=9")], 0),
        (&[("date", &date), ("expires", &soon)], 300),
        (&[("date", &past), ("expires", &soon)], 310),
        (&[("date", &later), ("expires", &soon)], 0),
        (&[("date", "yesterday"), ("expires", &soon)], 299),
        (&[("expires", &soon)], 299),
        (&[("expires", &past)], 0),
        (&[("date", &date), ("expires", &date)], 0),
        (&[("expires", "0")], 0),
        (&[("expires", "")], 0),
        (
            &[("date", &date), ("expires", &soon), ("expires", &soon)],
            0,
        ),
        (&[("date", &date), ("expires", far)], 251_607_300_799),
    ] {
        match lifetime(fields, Some(0.1)) {
            Lifetime::Explicit(said) => assert_eq!(said.as_secs(), expected, "{fields:?}"),
            other => panic!("{fields:?}: {other:?}"),
        }
    }
}

/// RFC 9213 §2.2.
#[test]
fn beside_a_targeted_field_expires_is_ignored() {
    let soon = at(300);
    let fields = headers(&[("expires", &soon), ("cdn-cache-control", "public")]);
    let said =
        cache_control::effective(&fields, Some(&HeaderName::from_static("cdn-cache-control")));
    assert_eq!(received(&fields).lifetime(&said, None), Lifetime::Unknown);
}

/// RFC 9111 §4.2.2.
#[test]
fn a_guess_is_a_fraction_of_the_time_since_the_last_modification() {
    let (date, modified, long_ago) = (at(0), at(-1000), at(-100_000_000));
    for (fields, fraction, expected) in [
        (
            &[("date", &*date), ("last-modified", &*modified)][..],
            0.5,
            500,
        ),
        (&[("date", &date), ("last-modified", &modified)], 1.0, 1000),
        (
            &[("date", &date), ("last-modified", &long_ago)],
            0.5,
            86_400,
        ),
        (&[("last-modified", &modified)], 0.5, 500),
        (&[("date", &date), ("last-modified", &date)], 0.5, 0),
    ] {
        assert!(
            matches!(lifetime(fields, Some(fraction)), Lifetime::Heuristic(guess)
                if guess.as_secs() == expected),
            "{fields:?}"
        );
        assert_eq!(lifetime(fields, None), Lifetime::Unknown, "only if asked");
    }
    for fields in [
        &[][..],
        &[("last-modified", "long ago")],
        &[("last-modified", &modified), ("last-modified", &modified)],
        &[("date", &modified), ("last-modified", &date)],
    ] {
        assert_eq!(lifetime(fields, Some(0.5)), Lifetime::Unknown, "{fields:?}");
    }
}

#[test]
fn an_etag_or_a_readable_date_is_a_validator() {
    let modified = at(-1000);
    for (fields, has) in [
        (&[("etag", "\"a\"")][..], true),
        (&[("etag", "W/\"a\"")], true),
        (&[("last-modified", &*modified)], true),
        (&[("last-modified", "long ago")], false),
        (&[("etag", "")], false),
        (&[], false),
    ] {
        assert_eq!(
            has_validator(&received(&headers(fields))),
            has,
            "{fields:?}"
        );
    }
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u64..253_402_300_800)
            .prop_map(|then| HttpDate::from(UNIX_EPOCH + seconds(then)).to_string()),
        "[ -~]{0,12}",
    ]
}

proptest! {
    #[test]
    fn no_field_makes_it_panic_or_an_age_shorter_than_the_run(
        fields in prop::collection::vec(
            (prop::sample::select(vec!["date", "expires", "last-modified"]), date()),
            0..4,
        ),
        told in "[ -~]{0,24}",
        control in "[ -~]{0,24}",
        fraction in 0.001_f32..=1.0,
        delay in 0_u64..100,
    ) {
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        fields.extend([("age", &*told), ("cache-control", &*control)]);
        let headers = headers(&fields);
        let received = Received { delay: seconds(delay), ..received(&headers) };
        prop_assert!(received.age() >= seconds(delay));
        received.lifetime(&cache_control::effective(&headers, None), Some(fraction));
    }
}

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
    for (line, (no_cache, no_store, only_if_cached)) in [
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
        assert_eq!(heard, (no_cache, no_store, only_if_cached), "{line}");
    }
    let lines = read(&[("cache-control", "a"), ("cache-control", "no-cache")]);
    assert!(lines.is_some_and(|directives| directives.no_cache));
}

/// RFC 9111 §5.4.
#[test]
fn pragma_counts_only_without_cache_control() {
    let no_cache = |fields| read(fields).is_some_and(|directives| directives.no_cache);
    assert!(no_cache(&[("pragma", "no-cache")]));
    assert!(no_cache(&[("pragma", "x, No-Cache")]));
    assert!(!no_cache(&[
        ("pragma", "no-cache"),
        ("cache-control", "max-age=60")
    ]));
    assert!(!no_cache(&[("pragma", "no-cache"), ("cache-control", "")]));
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
    fn an_additional_directive_never_makes_a_client_accept_more(
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
