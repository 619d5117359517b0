//! Arguments: how many, and how they are bound.
#![expect(
    clippy::many_single_char_names,
    reason = "many arguments are the point"
)]

use super::{answered_from_the_store, stored};
use actix_web::{
    App, FromRequest, HttpRequest, Responder, dev::Payload, get, http::header, test, web,
};
use cached_response::cached_response;
use serde::Deserialize;
use std::future::{Ready, ready};

#[derive(Deserialize)]
struct Pair {
    a: u32,
    b: u32,
}

type Q = web::Query<Vec<(String, String)>>;

#[get("/none")]
#[cached_response]
async fn none() -> impl Responder {
    "none"
}

#[rustfmt::skip]
#[get("/sixteen")]
#[cached_response]
async fn sixteen(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    all.len().to_string()
}

#[rustfmt::skip]
#[get("/eighteen")]
#[cached_response(key(r.len()), vary(none))]
async fn eighteen(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q, r: Q,
    request: HttpRequest,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, r];
    format!("{} {}", all.len(), request.path())
}

#[rustfmt::skip]
#[get("/lazy")]
#[cached_response(lazy)]
async fn eighteen_lazy(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q, r: Q, s: Q,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, r, s];
    all.len().to_string()
}

#[actix_web::test]
async fn there_may_be_any_number_of_arguments() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(none);
            },
            "/none"
        )
        .await,
        "none"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(sixteen);
            },
            "/sixteen"
        )
        .await,
        "16"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(eighteen);
            },
            "/eighteen?x=1"
        )
        .await,
        "17 /eighteen"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(eighteen_lazy);
            },
            "/lazy"
        )
        .await,
        "18"
    );
}

macro_rules! counted {
    ($($name:ident $uri:literal ($($argument:ident)*);)*) => {
        $(
            #[get($uri)]
            #[cached_response]
            async fn $name($($argument: Q),*) -> impl Responder {
                let all: Vec<Q> = vec![$($argument),*];
                all.len().to_string()
            }
        )*
        #[actix_web::test]
        async fn each_number_of_arguments_is_extracted() {
            let mut expected = 0;
            $(
                let body = answered_from_the_store(|app| { app.service($name); }, $uri).await;
                assert_eq!(body, expected.to_string());
                expected += 1;
            )*
            assert_eq!(expected, 18);
        }
    };
}

counted! {
    n0 "/0" ();
    n1 "/1" (a);
    n2 "/2" (a b);
    n3 "/3" (a b c);
    n4 "/4" (a b c d);
    n5 "/5" (a b c d e);
    n6 "/6" (a b c d e f);
    n7 "/7" (a b c d e f g);
    n8 "/8" (a b c d e f g h);
    n9 "/9" (a b c d e f g h i);
    n10 "/10" (a b c d e f g h i j);
    n11 "/11" (a b c d e f g h i j k);
    n12 "/12" (a b c d e f g h i j k l);
    n13 "/13" (a b c d e f g h i j k l m);
    n14 "/14" (a b c d e f g h i j k l m n);
    n15 "/15" (a b c d e f g h i j k l m n o);
    n16 "/16" (a b c d e f g h i j k l m n o p);
    n17 "/17" (a b c d e f g h i j k l m n o p q);
}

#[get("/pattern")]
#[cached_response(key(a + b))]
async fn pattern(web::Query(Pair { a, mut b }): web::Query<Pair>) -> impl Responder {
    b += 1;
    format!("{}", a + b)
}

#[get("/mutable/{a}")]
#[cached_response]
async fn mutable(mut a: web::Path<u32>) -> impl Responder {
    *a += 1;
    format!("{a}")
}

#[get("/raw/{n}")]
#[cached_response(key(r#type))]
async fn raw(r#type: web::Path<u8>) -> impl Responder {
    r#type.to_string()
}

#[get("/reference/{n}")]
#[cached_response]
async fn by_reference(
    #[allow(clippy::toplevel_ref_arg, reason = "a lint of an argument")] ref n: web::Path<u8>,
) -> impl Responder {
    n.to_string()
}

#[actix_web::test]
async fn arguments_are_bound_by_their_patterns() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(pattern);
            },
            "/pattern?a=1&b=2"
        )
        .await,
        "4"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(mutable);
            },
            "/mutable/4"
        )
        .await,
        "5"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(raw);
            },
            "/raw/7"
        )
        .await,
        "7"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(by_reference);
            },
            "/reference/7"
        )
        .await,
        "7"
    );
}

#[get("/wild")]
#[cached_response]
async fn unread(_: HttpRequest, _unused: web::Bytes) -> impl Responder {
    "unread"
}

#[actix_web::test]
async fn what_is_not_read_needs_no_word() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(unread);
            },
            "/wild"
        )
        .await,
        "unread"
    );
}

/// Who asks, by a header; without it a request does not pass.
struct User {
    id: u32,
}

impl FromRequest for User {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request
            .headers()
            .get("x-user")
            .and_then(|id| id.to_str().ok()?.parse().ok());
        ready(
            id.map(|id| Self { id })
                .ok_or_else(|| actix_web::error::ErrorUnauthorized("who are you?")),
        )
    }
}

#[get("/keyed")]
#[cached_response(key(user.id))]
async fn keyed(user: User) -> impl Responder {
    format!("for {}", user.id)
}

#[get("/gated")]
#[cached_response(gate(user), key(user.id % 2))]
async fn gated(user: User) -> impl Responder {
    "for all who may pass"
}

#[get("/wildcard")]
#[cached_response]
async fn gated_by_wildcard(_: User) -> impl Responder {
    "for all who may pass"
}

async fn ask(
    configure: impl FnOnce(&mut web::ServiceConfig),
    uri: &str,
    users: &[&str],
) -> Vec<(u16, bool, String)> {
    let app = test::init_service(App::new().configure(configure)).await;
    let mut answers = Vec::new();
    for user in users {
        let request = test::TestRequest::get()
            .uri(uri)
            .insert_header(("x-user", *user))
            .to_request();
        let response = test::call_service(&app, request).await;
        let (status, stored) = (
            response.status().as_u16(),
            response.headers().contains_key(header::AGE),
        );
        answers.push((
            status,
            stored,
            String::from_utf8_lossy(&test::read_body(response).await).into_owned(),
        ));
    }
    answers
}

#[actix_web::test]
async fn a_keyed_argument_tells_responses_apart() {
    let answers = ask(
        |app| {
            app.service(keyed);
        },
        "/keyed",
        &["1", "2", "1"],
    )
    .await;
    assert_eq!(
        answers
            .iter()
            .map(|(_, stored, body)| (*stored, body.as_str()))
            .collect::<Vec<_>>(),
        [(false, "for 1"), (false, "for 2"), (true, "for 1")]
    );
}

#[actix_web::test]
async fn a_gate_is_asked_on_hits_too() {
    for uri in ["/gated", "/wildcard"] {
        let services = |app: &mut web::ServiceConfig| {
            app.service(gated).service(gated_by_wildcard);
        };
        let answers = ask(services, uri, &["1", "3", "nobody"]).await;
        let seen: Vec<_> = answers
            .iter()
            .map(|(status, stored, _)| (*status, *stored))
            .collect();
        assert_eq!(seen, [(200, false), (200, true), (401, false)], "{uri}");
    }
}

#[actix_web::test]
async fn a_key_may_see_a_gate() {
    let answers = ask(
        |app| {
            app.service(gated);
        },
        "/gated",
        &["11", "12", "13"],
    )
    .await;
    assert!(!answers[1].1 && answers[2].1, "{answers:?}");
}

#[get("/draft/{n}")]
#[cached_response(unless = **n > 7)]
async fn unless_large(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

#[actix_web::test]
async fn unless_sees_the_arguments() {
    let service = |app: &mut web::ServiceConfig| {
        app.service(unless_large);
    };
    let seen = stored(service, &["/draft/1", "/draft/1", "/draft/9", "/draft/9"]).await;
    assert_eq!(seen, [false, true, false, false]);
}
