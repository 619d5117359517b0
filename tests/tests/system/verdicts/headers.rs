//! What the headers of a response forbid.

use actix_web::App;
use actix_web::test::init_service;
use cached_response::testing::isolated;

use super::{asking_for, refused, with_headers};
use crate::ask::get_with;

/// What varies by everything is never stored.
#[actix_web::test]
async fn a_response_that_varies_by_everything_is_never_stored() {
    for lines in [
        &["*"][..],
        &[" * "],
        &["a, *"],
        &["*, a"],
        &["a", "*"],
        &["*", "a"],
        &[",*,"],
        &["a,\t*"],
        &["a b"],
        &["a;q=1"],
        &["\"a\""],
    ] {
        let given: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        assert_eq!(refused(&given).await.as_deref(), Some("vary"), "{lines:?}");
    }
    for lines in [&[""][..], &[","], &["a"], &["a, A"], &["x-*"]] {
        let given: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        assert_eq!(refused(&given).await, None, "{lines:?}");
    }
}

#[actix_web::test]
async fn a_response_with_too_many_vary_names_is_not_stored() {
    let names: Vec<_> = (0..17).map(|n| format!("x-{n}")).collect();
    let (all, most) = (names.join(", "), names[1..].join(", "));
    assert_eq!(
        refused(&[("vary", &all)]).await.as_deref(),
        Some("vary-names")
    );
    assert_eq!(refused(&[("vary", &most)]).await, None);
}

#[actix_web::test]
async fn a_response_of_one_page_view_or_without_an_end_is_not_stored() {
    for (name, value, why) in [
        (
            "Content-Security-Policy",
            "script-src 'nonce-r4nd0m'",
            "nonce",
        ),
        (
            "content-security-policy",
            "script-src 'self' 'NONCE-x'",
            "nonce",
        ),
        (
            "Content-Security-Policy-Report-Only",
            "style-src 'nonce-x'",
            "nonce",
        ),
        ("Content-Type", "text/event-stream", "endless"),
        (
            "Content-Type",
            "Text/Event-Stream; charset=utf-8",
            "endless",
        ),
        (
            "Content-Type",
            "multipart/x-mixed-replace;boundary=a",
            "endless",
        ),
        ("Content-Length", "99", "incomplete"),
        ("Content-Length", "0", "incomplete"),
    ] {
        assert_eq!(
            refused(&[(name, value)]).await.as_deref(),
            Some(why),
            "{name}: {value}"
        );
    }
    for (name, value) in [
        (
            "Content-Security-Policy",
            "default-src 'self'; report-uri /nonce-",
        ),
        ("Content-Type", "text/event-streams"),
        ("Content-Length", "4"),
    ] {
        assert_eq!(refused(&[(name, value)]).await, None, "{name}: {value}");
    }
}

#[actix_web::test]
async fn a_reflected_origin_is_only_stored_where_it_varies() {
    let origin = ("origin", "https://evil.example");
    let allow = ("Access-Control-Allow-Origin", "https://evil.example");
    for (given, stored) in [
        (&[allow][..], false),
        (&[allow, ("Vary", "Accept")], false),
        (&[allow, ("Vary", "Accept, origin")], true),
        (&[("Access-Control-Allow-Origin", "*")], true),
        (
            &[("Access-Control-Allow-Origin", "https://fixed.example")],
            true,
        ),
    ] {
        let _cache = isolated();
        let app = init_service(App::new().service(with_headers)).await;
        let target = asking_for(given);
        let first = get_with(&app, &target, origin).await;
        let again = get_with(&app, &target, origin).await;
        assert_eq!(again.is_hit(), stored, "{given:?}");
        assert_eq!(first.body == again.body, stored);
    }
}
