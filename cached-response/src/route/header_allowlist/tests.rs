use super::*;
use actix_web::{cookie::Cookie, http::header::HeaderValue, test::TestRequest};
use proptest::prelude::*;

fn objection(
    allowlist: &HeaderAllowlist,
    fields: &[(&'static str, &'static str)],
) -> Option<Cow<'static, str>> {
    let headers: HeaderMap = fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    allowlist.unknown(&headers).map(|what| what.as_str())
}

fn plain() -> HeaderAllowlist {
    HeaderAllowlist::new("here", &[], &[], &[])
}

/// A cookie that nothing is known of bypasses.
#[test]
fn only_cookies_listed_as_for_scripts_pass() {
    for (cookies, expected) in [
        ("", None),
        (" ; ", None),
        ("_ga=1", None),
        ("_ga=1; _gid=2; _fbp=3; __utma=4", None),
        ("_ga_ABC123=GS1.1;_gat_x=1", None),
        ("session=a", Some("cookie:session")),
        ("_ga=1; session=a", Some("cookie:session")),
        ("_ga=1;session", Some("cookie")),
        ("_gallery=1", Some("cookie:_gallery")),
        ("_GA=1", Some("cookie:_GA")),
        ("%5Fga=1", Some("cookie:%5Fga")),
        ("=1", Some("cookie")),
        ("_ga=1; = a", Some("cookie")),
        ("_ga=1;;", None),
        ("a b=1", Some("cookie")),
        ("_ga=\"1; session=a\"", Some("cookie:session")),
        ("_ga=\"1; session\"", Some("cookie")),
    ] {
        assert_eq!(
            objection(&plain(), &[("cookie", cookies)]).as_deref(),
            expected,
            "{cookies:?}"
        );
    }
    let two_lines = [("cookie", "_ga=1"), ("cookie", "session=a")];
    assert_eq!(
        objection(&plain(), &two_lines).as_deref(),
        Some("cookie:session")
    );
}

#[test]
fn a_header_passes_where_it_is_published_keyed_or_added() {
    let named = HeaderAllowlist::new(
        "here",
        &[HeaderName::from_static("x-tenant")],
        &[HeaderName::from_static("x-app-version")],
        &[],
    );
    for (name, expected) in [
        ("accept", None),
        ("accept-language", None),
        ("sec-fetch-site", None),
        ("authorization", None),
        ("host", None),
        ("x-tenant", None),
        ("x-app-version", None),
        ("x-api-key", Some("header:x-api-key")),
        ("accept-version", Some("header:accept-version")),
        ("x-forwarded-user", Some("header:x-forwarded-user")),
        ("proxy-authorization", Some("header:proxy-authorization")),
        ("upgrade", Some("header:upgrade")),
        ("hx-request", Some("header:hx-request")),
        ("x-tenants", Some("header:x-tenants")),
        ("sec", Some("header:sec")),
    ] {
        let said = objection(&named, &[("user-agent", "curl"), (name, "1")]);
        assert_eq!(said.as_deref(), expected, "{name}");
    }
}

#[test]
fn cookies_pass_where_they_are_in_the_key_or_added() {
    let keyed = HeaderAllowlist::new("here", &[header::COOKIE], &[], &[]);
    assert_eq!(objection(&keyed, &[("cookie", "session=a")]), None);
    let added = HeaderAllowlist::new("here", &[], &[], &["theme".into(), "ab_*".into()]);
    assert_eq!(
        objection(&added, &[("cookie", "theme=dark; ab_1=2; _ga=3")]),
        None
    );
    assert_eq!(
        objection(&added, &[("cookie", "themes=dark")]).as_deref(),
        Some("cookie:themes")
    );
}

#[test]
fn a_name_that_is_no_token_is_not_repeated() {
    let long = "x".repeat(65);
    for name in ["a b", "a\"", "ä", long.as_str()] {
        assert_eq!(UnknownInput::Cookie(name.as_bytes()).as_str(), "cookie");
    }
}

#[test]
fn the_guide_publishes_the_lists() {
    let guide = include_str!("../../../docs/middleware.md");
    for name in NEUTRAL.iter().chain(IGNORED) {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}

proptest! {
    /// Whatever a `Cookie` field looks like, a handler gets no cookie out of it that was not asked
    /// about.
    #[test]
    fn every_cookie_that_a_handler_can_read_is_checked(
        field in "(_ga|_gid|a|[ -~]|[;=\" ,%]){0,12}",
    ) {
        let request = TestRequest::default().append_header(("cookie", field)).to_http_request();
        let passes = plain().unknown(request.headers()).is_none();
        let cookies: Vec<Cookie<'static>> = request.cookies().map(|it| it.clone()).unwrap_or_default();
        for cookie in cookies {
            prop_assert!(
                !passes || cookie.name().is_empty() || plain().is_ignored(cookie.name().as_bytes()),
                "{cookie:?}"
            );
        }
    }
}
