use super::*;
use actix_web::http::header::{HeaderMap, HeaderValue, HttpDate};
use std::time::UNIX_EPOCH;

const NOW: u64 = 1_795_000_000;

fn at(offset: i64) -> String {
    let then = NOW.saturating_add_signed(offset);
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(then)).to_string()
}

/// The verdict on a response with this status and these fields.
fn judged(
    by: &FromResponse,
    status: u16,
    fields: &[(&'static str, &str)],
    overrides: Overrides,
) -> Result<ResponseDirectives, Skip> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    let received = Received {
        headers: &headers,
        at: UNIX_EPOCH + Duration::from_secs(NOW),
        delay: Duration::ZERO,
    };
    let status = StatusCode::from_u16(status).unwrap();
    own_directives(by, status, &received, overrides)
}

fn plain(status: u16, fields: &[(&'static str, &str)]) -> Result<ResponseDirectives, Skip> {
    judged(
        &FromResponse::default(),
        status,
        fields,
        Overrides::default(),
    )
}

/// Its lifetime and age in seconds, or why it is not stored.
fn life(status: u16, fields: &[(&'static str, &str)]) -> Result<(u64, u64), Skip> {
    let own = plain(status, fields)?;
    Ok((
        own.freshness.lifetime.as_secs(),
        own.freshness.age.as_secs(),
    ))
}

const ETAG: (&str, &str) = ("etag", "\"a\"");

/// RFC 9111 §3 and §4.2.1.
#[test]
fn a_response_is_fresh_for_its_own_lifetime() {
    let (date, soon) = (at(-10), at(300));
    for (fields, expected) in [
        (&[("cache-control", "max-age=60")][..], (60, 0)),
        (&[("cache-control", "max-age=60"), ("age", "40")], (60, 40)),
        (
            &[("cache-control", "max-age=60"), ("date", &date)],
            (60, 10),
        ),
        (&[("cache-control", "max-age=60, made-up, =")], (60, 0)),
        (&[("cache-control", "max-age=0, s-maxage=60")], (60, 0)),
        (&[("expires", &soon)], (300, 0)),
        (&[("expires", &soon), ("date", &date)], (310, 10)),
    ] {
        assert_eq!(life(200, fields), Ok(expected), "{fields:?}");
    }
}

/// RFC 9111 §3, §4.2.1 and §5.2.2.
#[test]
fn a_response_stale_on_arrival_is_stored_only_for_validation() {
    let (past, modified) = (at(-10), at(-1000));
    for (fields, why) in [
        (&[][..], Skip::Lifetime),
        (&[("cache-control", "public")], Skip::Lifetime),
        (&[("cache-control", "max-age=0")], Skip::Expired),
        (&[("cache-control", "max-age=soon")], Skip::Expired),
        (
            &[("cache-control", "max-age=60, s-maxage=0")],
            Skip::Expired,
        ),
        (
            &[("cache-control", "max-age=60"), ("age", "60")],
            Skip::Expired,
        ),
        (&[("expires", &past)], Skip::Expired),
        (&[("expires", "0")], Skip::Expired),
        (&[("cache-control", "no-cache")], Skip::NoCache),
        (&[("cache-control", "no-cache, max-age=60")], Skip::NoCache),
        (&[("cache-control", "max-age=60, x=\"a")], Skip::NoCache),
    ] {
        assert_eq!(life(200, fields), Err(why), "{fields:?}");
        for validator in [ETAG, ("last-modified", &*modified)] {
            let own = plain(200, &[fields, &[validator]].concat()).unwrap();
            assert!(own.freshness.is_stale(), "{fields:?}");
            assert_eq!(own.no_cache, why == Skip::NoCache, "{fields:?}");
        }
    }
}

/// RFC 9111 §5.2.2.5 and §5.2.2.7.
#[test]
fn a_prohibition_holds_with_a_validator_too() {
    for (line, why) in [
        ("no-store, max-age=60", Skip::NoStore),
        ("NO-STORE", Skip::NoStore),
        ("private, max-age=60", Skip::Private),
        ("private=\"x-a\", private, max-age=60", Skip::Private),
        ("private=x-a, max-age=60", Skip::Private),
        ("private=\"content-type\", max-age=60", Skip::Private),
    ] {
        let fields = [("cache-control", line), ETAG];
        assert_eq!(life(200, &fields), Err(why), "{line}");
    }
}

/// RFC 9111 §3: a final status and explicit freshness. RFC 9110 §15.1: those without a word.
#[test]
fn any_final_status_is_stored_with_a_directive_and_some_without() {
    for status in [
        200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 599,
    ] {
        let said = [("cache-control", "max-age=60")];
        assert_eq!(life(status, &said), Ok((60, 0)), "{status}");
    }
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(life(status, &[ETAG]), Ok((0, 0)), "{status}");
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(life(status, &[ETAG]), Err(Skip::Lifetime), "{status}");
        let public = [("cache-control", "public"), ETAG];
        assert_eq!(life(status, &public), Ok((0, 0)), "{status}");
    }
    for status in [100, 103, 206, 304, 412, 416, 428, 429, 431, 511] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(!is_shared_status(status), "{status}");
        // What its author names may answer everyone, unless it never can.
        assert_eq!(
            is_storable_status(status),
            status.as_u16() > 416,
            "{status}"
        );
    }
}

/// RFC 9111 §4.2.2.
#[test]
fn a_heuristic_lifetime_needs_the_option_and_a_cacheable_status() {
    let modified = at(-1000);
    let by = FromResponse {
        heuristic_fraction: Some(0.5),
        targeted: None,
    };
    let guess = |status, line| {
        let fields = [("last-modified", &*modified), ("cache-control", line)];
        let own = judged(&by, status, &fields, Overrides::default())?;
        Ok(own.freshness.lifetime.as_secs())
    };
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(guess(status, ""), Ok(500), "{status}");
    }
    for status in [201, 202, 302, 403, 502, 503, 504, 599] {
        assert_eq!(guess(status, ""), Err(Skip::Lifetime), "{status}");
        assert_eq!(guess(status, "public"), Ok(500), "{status}");
    }
    assert_eq!(guess(200, "max-age=60"), Ok(60));
    assert_eq!(guess(200, "max-age=0"), Ok(0));
    assert_eq!(guess(200, "no-cache"), Ok(0));
}

/// RFC 9111 §5.2.2.3.
#[test]
fn must_understand_overrules_no_store_for_a_status_that_is_understood() {
    let said = [("cache-control", "max-age=60, no-store, must-understand")];
    for (status, expected) in [
        (200, Ok((60, 0))),
        (404, Ok((60, 0))),
        (302, Err(Skip::Status)),
        (599, Err(Skip::Status)),
    ] {
        assert_eq!(life(status, &said), expected, "{status}");
    }
    let argument = [("cache-control", "max-age=60, no-store, must-understand=1")];
    assert_eq!(life(200, &argument), Err(Skip::NoStore));
}

/// RFC 9111 §5.2.2.4 and §5.2.2.7.
#[test]
fn the_fields_of_a_qualified_form_are_withheld_and_the_rest_lives() {
    let own = plain(
        200,
        &[(
            "cache-control",
            "private=\"x-a\", no-cache=\"X-B\", max-age=60",
        )],
    )
    .unwrap();
    let names = ["x-a", "x-b"].map(HeaderName::from_static);
    assert_eq!(own.withheld, names);
    assert_eq!(
        (own.freshness.lifetime.as_secs(), own.no_cache),
        (60, false)
    );
    let all = [
        ("cache-control", "no-cache=\"x-b\", no-cache, max-age=60"),
        ETAG,
    ];
    assert!(plain(200, &all).unwrap().no_cache);
}

/// RFC 9111 §3.5 and §4.2.4.
#[test]
fn directives_that_permit_sharing_and_that_forbid_stale_reuse() {
    for (line, open, never_stale) in [
        ("max-age=60", false, false),
        ("max-age=60, public", true, false),
        ("max-age=60, must-revalidate", true, true),
        ("max-age=60, proxy-revalidate", false, true),
        ("max-age=60, must-revalidate=0", false, true),
        ("s-maxage=60", true, true),
        ("no-cache", false, true),
    ] {
        let own = plain(200, &[("cache-control", line), ETAG]).unwrap();
        assert_eq!(
            (own.shareable_with_authorization, own.never_stale),
            (open, never_stale),
            "{line}"
        );
    }
}

/// RFC 9213 §2.2.
#[test]
fn a_targeted_field_rules_alone() {
    let by = FromResponse {
        heuristic_fraction: None,
        targeted: Some(HeaderName::from_static("cdn-cache-control")),
    };
    let soon = at(300);
    for (targeted, plain, expected) in [
        ("max-age=60", "no-store", Ok(60)),
        ("max-age=60", "max-age=1, private", Ok(60)),
        ("max-age=0", "max-age=60", Err(Skip::Expired)),
        ("public", "max-age=60", Err(Skip::Lifetime)),
        ("max-age=60, private", "public", Err(Skip::Private)),
        ("max-age=60, no-cache", "public", Err(Skip::NoCache)),
        ("max-age=60, &&&&&", "no-store", Err(Skip::NoStore)),
        ("max-age=\"60\"", "max-age=60", Err(Skip::Lifetime)),
    ] {
        let fields = [
            ("cdn-cache-control", targeted),
            ("cache-control", plain),
            ("expires", &soon),
        ];
        let own = judged(&by, 200, &fields, Overrides::default());
        let lifetime = own.map(|own| own.freshness.lifetime.as_secs());
        assert_eq!(lifetime, expected, "{targeted} | {plain}");
    }
}

#[test]
fn the_authors_timeout_takes_the_place_of_a_lifetime_and_not_of_a_prohibition() {
    let author = Overrides {
        names_status: false,
        sets_ttl: true,
    };
    for (line, stored) in [
        ("", Ok(())),
        ("max-age=0", Ok(())),
        ("no-cache", Err(Skip::NoCache)),
        ("no-store", Err(Skip::NoStore)),
        ("private", Err(Skip::Private)),
    ] {
        for status in [200, 503] {
            let fields = [("cache-control", line)];
            let own = judged(&FromResponse::default(), status, &fields, author);
            assert_eq!(own.map(|_| ()), stored, "{status} {line}");
        }
    }
}

#[test]
fn a_status_that_the_route_names_is_understood() {
    let named = Overrides {
        names_status: true,
        sets_ttl: false,
    };
    let said = [("cache-control", "max-age=60, no-store, must-understand")];
    assert!(judged(&FromResponse::default(), 503, &said, named).is_ok());
    assert!(judged(&FromResponse::default(), 503, &[ETAG], named).is_ok());
}
