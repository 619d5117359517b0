//! Range requests: the run of the whole, the parts of its waiters, and an outer compressor.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::convert::Infallible;

use actix_web::test::TestRequest;
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder, get, route};
use cached_response::{ResponseCache, cached_response};
use futures_util::stream;
use tests::stage::{Answer, Stage};

mod compressed;
mod flights;
mod whole;

/// Every run waits at its own barrier.
#[get("/page")]
#[cached_response(timeout = 60)]
async fn page(stage: Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    format!("0123456789, run {run}")
}

/// Answers ranges itself, like a handler of files.
#[route("/file", method = "GET", method = "HEAD")]
#[cached_response(timeout = 60, vary(none))]
async fn file(stage: Data<Stage>, request: HttpRequest) -> impl Responder {
    stage.run();
    if request.headers().contains_key("range") {
        return HttpResponse::PartialContent()
            .insert_header(("content-range", "bytes 2-3/10"))
            .body("23");
    }
    HttpResponse::Ok().body("0123456789")
}

/// The digits, one in each chunk.
#[get("/chunks")]
#[cached_response(timeout = 60)]
async fn chunks(stage: Data<Stage>) -> impl Responder {
    stage.run();
    let chunks = (0..10).map(|n| Ok::<_, Infallible>(Bytes::from(n.to_string())));
    HttpResponse::Ok()
        .content_type("text/plain")
        .streaming(stream::iter(chunks))
}

/// Lets clients store its response.
#[get("/kept")]
#[cached_response(timeout = 60, client_max_age = "30s")]
async fn kept(stage: Data<Stage>) -> impl Responder {
    stage.run();
    "0123456789"
}

/// A page for each language.
#[get("/varied")]
#[cached_response(timeout = 60, vary("accept-language"))]
async fn varied(stage: Data<Stage>, request: HttpRequest) -> impl Responder {
    stage.run();
    let language = request.headers().get("accept-language").unwrap();
    format!("{}: 0123456789", language.to_str().unwrap())
}

fn routes(app: &mut ServiceConfig) {
    app.service(page)
        .service(file)
        .service(chunks)
        .service(kept)
        .service(varied);
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

fn part(uri: &str, range: &str) -> TestRequest {
    TestRequest::with_uri(uri).insert_header(("range", range))
}

/// The status, the `Content-Range` and the body of an answer.
fn read(answer: &Answer) -> (u16, Option<&str>, String) {
    let place = answer.header("content-range");
    (answer.status.as_u16(), place, answer.text())
}

fn whole(text: &str) -> (u16, Option<&'static str>, String) {
    (200, None, text.to_owned())
}

fn cut<'a>(place: &'a str, text: &str) -> (u16, Option<&'a str>, String) {
    (206, Some(place), text.to_owned())
}
