//! `Compress` on either side of it.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::middleware::Compress;
use actix_web::test::init_service;
use actix_web::{App, Error, web};
use cached_response::testing::isolated;

use super::minute;
use crate::ask::{get_with, run};

/// Long enough to be worth compressing.
async fn long() -> String {
    format!("{} {}", run(), "long ".repeat(1000))
}

/// What is asked for with `accept-encoding`, the coding of its answer, and whether the store gives it.
type Asked = (&'static str, &'static str, bool);

async fn codings<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    all: &[Asked],
) {
    for (accepted, coding, stored) in all {
        let answer = get_with(app, "/", ("accept-encoding", accepted)).await;
        let given = answer.header("content-encoding").unwrap_or_default();
        assert_eq!(
            (given.as_str(), answer.is_hit()),
            (*coding, *stored),
            "{accepted}"
        );
        assert_eq!(answer.body.len() < 1000, *coding == "gzip", "{accepted}");
    }
}

#[actix_web::test]
async fn with_compress_outside_one_plain_response_is_stored() {
    let cache = isolated();
    let app = App::new()
        .wrap(minute())
        .wrap(Compress::default())
        .default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", true),
    ];
    codings(&app, &all).await;
    assert_eq!(cache.cache().stats().entries, 1);
}

#[actix_web::test]
async fn with_compress_inside_each_coding_is_a_variant() {
    let cache = isolated();
    let app = App::new()
        .wrap(Compress::default())
        .wrap(minute())
        .default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", false),
        ("identity", "", true),
        ("gzip", "gzip", true),
    ];
    codings(&app, &all).await;
    // The list of names, and two variants.
    assert_eq!(cache.cache().stats().entries, 3);
}
