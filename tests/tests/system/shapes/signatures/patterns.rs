//! Patterns of arguments.

use crate::shapes::answered_from_the_store;
use actix_web::{HttpRequest, Responder, get, web};
use cached_response::cached_response;
use serde::Deserialize;

#[derive(Deserialize)]
struct Pair {
    a: u32,
    b: u32,
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
async fn an_unread_argument_is_a_gate() {
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
