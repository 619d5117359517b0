use super::*;
use crate::{
    policy::{Policy, stale::DEFAULT_TIMEOUT},
    route::config::RouteConfig,
};
use actix_web::http::header::HeaderValue;

mod own_directives;
mod own_lifetime;

/// The verdict on a response with this status and these fields, under this policy.
fn verdict(
    policy: Policy,
    status: u16,
    fields: &[(&str, &str)],
    change: impl Fn(&mut ResponseHead<'_>),
) -> Result<Storable, Skip> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let mut made = ResponseHead {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        error: false,
        upgrade: false,
        head: false,
        authorized: false,
        origin: None,
        at: SystemTime::UNIX_EPOCH,
        delay: Duration::ZERO,
        handler_ttl: None,
    };
    change(&mut made);
    let config = RouteConfig::new(policy, &[]);
    let rules = config.storage_rules();
    let verdict = storability(rules, &made);
    // Fields that the rules do not read make no difference.
    let asked_for = headers.iter().filter(|(name, _)| reads_field(rules, name));
    let mut few = HeaderMap::new();
    asked_for.for_each(|(name, value)| few.append(name.clone(), value.clone()));
    made.headers = &few;
    assert_eq!(storability(rules, &made), verdict);
    verdict
}

fn skipped(status: u16, fields: &[(&str, &str)]) -> Option<Skip> {
    verdict(Policy::default(), status, fields, |_| {}).err()
}

#[test]
fn a_plain_200_is_stored() {
    assert_eq!(skipped(200, &[]), None);
}

/// Only a 200 is stored, unless the route says otherwise.
#[test]
fn no_other_status_is_stored_by_default() {
    for status in (100..=599).filter(|status| *status != 200) {
        let why = skipped(status, &[]);
        assert!(
            matches!(why, Some(Skip::Status | Skip::Upgrade)),
            "{status}: {why:?}"
        );
    }
}

/// A response that sets a cookie is never stored.
#[test]
fn a_response_with_a_forbidding_header_is_not_stored() {
    for (name, value, why) in [
        ("set-cookie", "a=1", Skip::SetCookie),
        ("cache-control", "Private", Skip::Private),
        ("cache-control", "private=\"x-a\"", Skip::Private),
        ("cache-control", "max-age=60,\tNO-STORE", Skip::NoStore),
        ("cache-control", "no-cache", Skip::NoCache),
        ("cache-control", "max-age=0", Skip::MaxAge),
        ("cache-control", "max-age=60, s-maxage=0", Skip::MaxAge),
        ("cache-control", "max-age=soon", Skip::CacheControl),
        ("vary", "*", Skip::Vary),
        ("vary", "accept, *", Skip::Vary),
        ("vary", ",*,", Skip::Vary),
        ("vary", "not a name", Skip::Vary),
        (
            "content-type",
            "Text/Event-Stream; charset=utf-8",
            Skip::Endless,
        ),
        (
            "content-type",
            "multipart/x-mixed-replace;boundary=b",
            Skip::Endless,
        ),
        (
            "content-security-policy",
            "script-src 'Nonce-r4nd0m'",
            Skip::Nonce,
        ),
        (
            "content-security-policy-report-only",
            "script-src 'nonce-r4nd0m'",
            Skip::Nonce,
        ),
    ] {
        assert_eq!(skipped(200, &[(name, value)]), Some(why), "{name}: {value}");
    }
}

#[test]
fn a_response_with_permitted_headers_is_stored() {
    for (name, value) in [
        ("cache-control", "public, max-age=60"),
        ("cache-control", "max-age=0, s-maxage=60"),
        ("cache-control", "made-up=1"),
        ("content-type", "text/html"),
        ("content-security-policy", "script-src 'self'"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(skipped(200, &[(name, value)]), None, "{name}: {value}");
    }
}

#[test]
fn the_second_line_of_a_field_forbids_as_well_as_the_first() {
    let fields = [("cache-control", "public"), ("cache-control", "private")];
    assert_eq!(skipped(200, &fields), Some(Skip::Private));
    assert_eq!(
        skipped(200, &[("vary", "accept"), ("vary", "*")]),
        Some(Skip::Vary)
    );
}

#[test]
fn a_reflected_origin_is_stored_only_with_vary_origin() {
    let allowed = ("access-control-allow-origin", "https://a.example");
    let from = |fields: &[(&str, &str)], policy: Policy| {
        verdict(policy, 200, fields, |made| {
            made.origin = Some(b"https://a.example");
        })
    };
    assert_eq!(from(&[allowed], Policy::default()), Err(Skip::Origin));
    assert!(from(&[allowed, ("vary", "Origin")], Policy::default()).is_ok());
    assert!(from(&[allowed], Policy::default().vary(["origin"])).is_ok());
}

#[test]
fn a_response_to_an_authorized_request_needs_a_directive_that_permits_sharing() {
    for (value, stored) in [
        ("max-age=60", false),
        ("public", true),
        ("s-maxage=60", true),
        ("must-revalidate", true),
    ] {
        let verdict = verdict(
            Policy::default(),
            200,
            &[("cache-control", value)],
            |made| made.authorized = true,
        );
        assert_eq!(
            matches!(
                verdict,
                Ok(Storable {
                    directives: ResponseDirectives {
                        shareable_with_authorization: true,
                        ..
                    },
                    ..
                })
            ),
            stored,
            "{value}"
        );
    }
}

#[test]
fn errors_upgrades_and_answers_to_head_are_not_stored() {
    for (why, change) in [
        (
            Skip::Error,
            (|made| made.error = true) as fn(&mut ResponseHead<'_>),
        ),
        (Skip::Upgrade, |made| made.upgrade = true),
        (Skip::Head, |made| made.head = true),
    ] {
        assert_eq!(verdict(Policy::default(), 200, &[], change), Err(why));
    }
}

#[test]
fn an_err_is_stored_where_its_status_is_named_and_is_an_answer() {
    let policy = || Policy::new(60).status_for(404, 10).status(301).status(500);
    for (status, fields, stored) in [
        (404, &[][..], true),
        (301, &[], true),
        (404, &[("set-cookie", "a=1")], false),
        (404, &[("cache-control", "no-store")], false),
        (410, &[], false),
        (500, &[], false),
        (200, &[], false),
    ] {
        let verdict = verdict(policy(), status, fields, |made| made.error = true);
        let skipped = verdict.err();
        assert_eq!(skipped.is_none(), stored, "{status}: {skipped:?}");
        if fields.is_empty() && !stored {
            assert_eq!(skipped, Some(Skip::Error), "{status}");
        }
    }
}

#[test]
fn a_status_may_have_a_timeout_of_its_own() {
    let policy = Policy::new(60).status(301).status_for(404, 10);
    let config = RouteConfig::new(policy.clone(), &[]);
    for (status, seconds) in [(200, 60), (301, 60), (404, 10)] {
        let Ok(storable) = verdict(policy.clone(), status, &[], |_| {}) else {
            panic!("{status} is not stored");
        };
        assert_eq!(
            storable
                .freshness(None, || config.policy.timeout.resolve(DEFAULT_TIMEOUT))
                .unwrap()
                .lifetime,
            Duration::from_secs(seconds),
            "{status}"
        );
    }
}

#[test]
fn s_maxage_shortens_the_timeout_and_a_call_of_the_handler_overrides_both() {
    let config = RouteConfig::new(Policy::new(60), &[]);
    let said = Some(Duration::from_secs(600));
    for (value, without, with) in [
        ("s-maxage=5", 5, 600),
        ("s-maxage=500", 60, 600),
        ("max-age=5", 60, 600),
    ] {
        let Ok(storable) = verdict(Policy::new(60), 200, &[("cache-control", value)], |_| {})
        else {
            panic!("{value} is not stored");
        };
        assert_eq!(
            storable
                .freshness(None, || config.policy.timeout.resolve(DEFAULT_TIMEOUT))
                .unwrap()
                .lifetime
                .as_secs(),
            without,
            "{value}"
        );
        let said = storable
            .freshness(said, || config.policy.timeout.resolve(DEFAULT_TIMEOUT))
            .unwrap();
        assert_eq!(said.lifetime.as_secs(), with, "{value}");
    }
}

#[test]
fn names_in_vary_select_a_variant_unless_the_key_holds_them() {
    let policy = Policy::default().vary(["accept-language"]);
    let Ok(storable) = verdict(
        policy,
        200,
        &[("vary", "X-Tenant, Accept-Language"), ("vary", "x-tenant")],
        |_| {},
    ) else {
        panic!("not stored");
    };
    assert_eq!(storable.vary, [HeaderName::from_static("x-tenant")]);
}

#[test]
fn a_vary_with_more_names_than_a_person_would_write_is_not_stored() {
    let names: Vec<_> = (0..=MAX_VARY_NAMES).map(|n| format!("x-{n}")).collect();
    assert_eq!(
        skipped(200, &[("vary", &names.join(","))]),
        Some(Skip::VaryNames)
    );
    assert_eq!(skipped(200, &[("vary", &names[1..].join(","))]), None);
}

#[test]
fn a_timeout_of_zero_stores_nothing_from_any_source() {
    let fresh = [("cache-control", "max-age=60")];
    for (policy, said) in [
        (Policy::new(0), None),
        (Policy::new(60), Some(Duration::ZERO)),
        (Policy::from_response(), Some(Duration::ZERO)),
        (Policy::from_response().status_for(200, 0), None),
    ] {
        let config = RouteConfig::new(policy.clone(), &[]);
        let Ok(storable) = verdict(policy, 200, &fresh, |_| {}) else {
            panic!("refused too early");
        };
        assert_eq!(
            storable.freshness(said, || config.policy.timeout.resolve(DEFAULT_TIMEOUT)),
            None
        );
    }
}
