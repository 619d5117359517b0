//! Bodies that are too long, or not as long as they say.

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::isolated;
use cached_response::{Skip, cached_response};
use futures_util::stream;

use crate::ask::{get as ask_for, run};

#[get("/sized/{length}")]
#[cached_response(max_body_bytes = 100)]
async fn sized(length: web::Path<usize>) -> String {
    run();
    "x".repeat(*length)
}

#[actix_web::test]
async fn a_body_over_the_routes_limit_is_delivered_and_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(sized)).await;
    for (length, stored) in [(100, true), (101, false)] {
        let target = format!("/sized/{length}");
        for round in 0..2 {
            let answer = ask_for(&app, &target).await;
            assert_eq!(answer.body.len(), length);
            assert_eq!(answer.is_hit(), stored && round == 1);
        }
    }
    assert_eq!(cache.cache().stats().skipped(Skip::TooLarge), 2);
}

#[get("/short/{declared}")]
#[cached_response]
async fn short(declared: web::Path<u64>) -> HttpResponse {
    let chunks = ["abc", "de"]
        .map(|chunk| Ok::<_, actix_web::Error>(web::Bytes::from_static(chunk.as_bytes())));
    let body = SizedStream::new(*declared, stream::iter(chunks));
    assert_eq!(body.size(), BodySize::Sized(*declared));
    HttpResponse::Ok().body(body)
}

#[actix_web::test]
async fn a_stream_of_another_length_than_its_body_declares_is_not_stored() {
    let cache = isolated();
    let app = init_service(App::new().service(short)).await;
    for (declared, stored) in [(5, 1), (4, 1), (6, 1), (0, 1)] {
        ask_for(&app, &format!("/short/{declared}")).await;
        assert_eq!(cache.cache().stats().stored, stored, "{declared}");
    }
}
