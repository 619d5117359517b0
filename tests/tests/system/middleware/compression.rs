//! `Compress` on either side of it.

use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::middleware::Compress;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, web};
use cached_response::testing::isolated;

use super::minute;
use crate::ask::run;

/// Long enough to be worth compressing.
async fn long() -> String {
    format!("{} {}", run(), "long ".repeat(1000))
}

/// The coding of an answer, the number of its bytes, and whether it came from the store.
async fn coded<B: actix_web::body::MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    accepted: &'static str,
) -> (String, usize, bool) {
    let request = TestRequest::with_uri("/").append_header(("accept-encoding", accepted));
    let response = call_service(app, request.to_request()).await;
    let field = |name: &str| {
        let value = response.headers().get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let (coding, stored) = (field("content-encoding"), field("age").is_some());
    let body = to_bytes(response.into_body())
        .await
        .map_err(|_| "it broke off");
    (coding.unwrap_or_default(), body.unwrap().len(), stored)
}

#[actix_web::test]
async fn with_compress_outside_one_plain_response_is_stored() {
    let cache = isolated();
    let app = App::new()
        .wrap(minute())
        .wrap(Compress::default())
        .default_service(web::to(long));
    let app = init_service(app).await;
    for (accepted, coding, stored) in [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", true),
    ] {
        let answer = coded(&app, accepted).await;
        assert_eq!(
            (answer.0.as_str(), answer.2),
            (coding, stored),
            "{accepted}"
        );
        assert_eq!(answer.1 < 1000, coding == "gzip");
    }
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
    for (accepted, coding, stored) in [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", false),
        ("identity", "", true),
        ("gzip", "gzip", true),
    ] {
        let answer = coded(&app, accepted).await;
        assert_eq!(
            (answer.0.as_str(), answer.2),
            (coding, stored),
            "{accepted}"
        );
        assert_eq!(answer.1 < 1000, coding == "gzip");
    }
    // The list of names, and two variants.
    assert_eq!(cache.cache().stats().entries, 3);
}
