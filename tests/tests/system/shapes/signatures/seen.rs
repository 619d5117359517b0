//! Arguments in keys, gates and `unless`.

use crate::shapes::stored;
use actix_web::{
    App, FromRequest, HttpRequest, Responder, dev::Payload, get, http::header, test, web,
};
use cached_response::cached_response;
use std::future::{Ready, ready};

/// The user of a request, by a header; without it the request is rejected.
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
async fn a_keyed_argument_selects_the_response() {
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
async fn a_gate_is_extracted_on_hits() {
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
async fn a_key_expression_may_read_a_gate() {
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
async fn unless_may_read_the_arguments() {
    let service = |app: &mut web::ServiceConfig| {
        app.service(unless_large);
    };
    let seen = stored(service, &["/draft/1", "/draft/1", "/draft/9", "/draft/9"]).await;
    assert_eq!(seen, [false, true, false, false]);
}
