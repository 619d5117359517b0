//! Parts under an outer `Compress`, which encodes whole answers and keeps their tag.

use actix_web::middleware::Compress;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Data;
use actix_web::{App, HttpResponse, Responder, get};
use cached_response::cached_response;
use cached_response::testing::isolated;

use super::{Stage, stage};
use crate::ask::{Answer, ask};

#[get("/picture")]
#[cached_response(timeout = 60)]
async fn picture(stage: Data<Stage>) -> impl Responder {
    stage.run();
    HttpResponse::Ok()
        .content_type("image/png")
        .body("0123456789")
}

#[get("/text")]
#[cached_response(timeout = 60)]
async fn text(stage: Data<Stage>) -> impl Responder {
    stage.run();
    "0123456789".repeat(100)
}

/// Requests the same target with these fields, from one app with one cache.
async fn answers(uri: &str, requests: &[&[(&str, &str)]]) -> Vec<Answer> {
    let _cache = isolated();
    let app = App::new()
        .wrap(Compress::default())
        .app_data(Data::new(stage()))
        .service(picture)
        .service(text);
    let app = init_service(app).await;
    let mut answers: Vec<Answer> = Vec::new();
    for fields in requests {
        let mut request = TestRequest::with_uri(uri);
        for (name, value) in *fields {
            let tag = answers.first().and_then(|first| first.header("etag"));
            let value = value.replace("$tag", &tag.unwrap_or_default());
            request = request.append_header((*name, value));
        }
        answers.push(ask(&app, request).await);
    }
    answers
}

const GZIP: (&str, &str) = ("accept-encoding", "gzip");
const REST: (&str, &str) = ("range", "bytes=5-7");
const KNOWN: (&str, &str) = ("if-range", "$tag");

fn said(answer: &Answer) -> (u16, Option<String>) {
    (answer.status, answer.header("content-encoding"))
}

#[actix_web::test]
async fn a_part_is_not_coded() {
    let answers = answers(
        "/text",
        &[&[GZIP], &[GZIP, REST], &[GZIP, ("range", "bytes=0-1,9-9")]],
    )
    .await;
    assert_eq!(said(&answers[0]), (200, Some("gzip".to_owned())));
    assert_eq!(said(&answers[1]), (206, None));
    assert_eq!(answers[1].body, "567");
    assert_eq!(said(&answers[2]), (206, None));
    assert!(answers[2].body.contains("bytes 9-9/1000\r\n\r\n9\r\n"));
}

#[actix_web::test]
async fn a_part_that_the_leader_gets_is_not_coded() {
    let answers = answers("/text", &[&[GZIP, REST]]).await;
    assert_eq!(said(&answers[0]), (206, None));
    assert_eq!(answers[0].body, "567");
}

#[actix_web::test]
async fn a_coded_first_part_is_never_completed_with_one_that_is_not_coded() {
    let answers = answers("/text", &[&[GZIP], &[GZIP, REST, KNOWN]]).await;
    assert_eq!(answers[0].header("etag"), answers[1].header("etag"));
    assert_eq!(said(&answers[1]), (200, Some("gzip".to_owned())));
}

#[actix_web::test]
async fn a_first_part_that_was_not_coded_is_completed() {
    let plain = ("accept-encoding", "identity");
    for asked in [&[REST, KNOWN][..], &[REST, KNOWN, plain]] {
        let answers = answers("/text", &[&[plain], asked]).await;
        assert_eq!(said(&answers[1]), (206, None));
        assert_eq!(answers[1].body, "567");
    }
    let answers = answers("/picture", &[&[GZIP], &[GZIP, REST, KNOWN]]).await;
    assert_eq!(said(&answers[0]), (200, None));
    assert_eq!(said(&answers[1]), (206, None));
}
