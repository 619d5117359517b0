//! Streamed responses.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::web::{Bytes, Data, Path, ServiceConfig};
use actix_web::{Error, HttpResponse, Responder, error, get};
use cached_response::{ResponseCache, cached_response, disable_cache};
use futures_util::stream::{self, Stream, StreamExt as _};
use tests::stage::Stage;

mod endings;
mod endless;
mod heads;
mod large;
mod resets;
mod waiters;

/// Waits at the barrier `chunk N` before each chunk, and at `end` before its end.
fn paced(stage: Data<Stage>, chunks: usize) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(0, move |n| {
        let stage = stage.clone();
        async move {
            if n == chunks {
                stage.barriers.at("end").await;
                return None;
            }
            stage.barriers.at(&format!("chunk {n}")).await;
            Some((Ok(Bytes::from(format!("<{n}>"))), n + 1))
        }
    })
}

/// Three chunks, each behind its barrier.
#[get("/paced")]
#[cached_response(timeout = 60)]
async fn three_chunks(stage: Data<Stage>) -> impl Responder {
    stage.run();
    HttpResponse::Ok().streaming(paced(stage, 3))
}

/// Calls `disable_cache()` only at its last chunk.
#[get("/disabled-inside")]
#[cached_response(timeout = 60)]
async fn disabled_inside(stage: Data<Stage>) -> impl Responder {
    stage.run();
    let chunks = stream::iter(0..3).map(|n| {
        if n == 2 {
            disable_cache();
        }
        Ok::<_, Infallible>(Bytes::from(n.to_string()))
    });
    HttpResponse::Ok().streaming(chunks)
}

/// Ten single bytes, with an error in place of one of them.
#[get("/broken/{at}")]
#[cached_response(timeout = 60)]
async fn broken(stage: Data<Stage>, at: Path<usize>) -> impl Responder {
    stage.run();
    let at = at.into_inner();
    let chunks = (0..10).map(move |n| match n {
        n if n == at => Err(error::ErrorBadGateway("the source is gone")),
        n => Ok(Bytes::from(n.to_string())),
    });
    HttpResponse::Ok().streaming(stream::iter(chunks))
}

/// Declares eight bytes and sends as many as its path has.
#[get("/sized/{length}")]
#[cached_response(timeout = 60)]
async fn sized(stage: Data<Stage>, length: Path<usize>) -> impl Responder {
    stage.run();
    let chunks = (0..length.into_inner()).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"x")));
    HttpResponse::Ok().body(SizedStream::new(8, stream::iter(chunks)))
}

/// Panics at its third chunk.
#[get("/panics")]
#[cached_response(timeout = 60)]
async fn panics(stage: Data<Stage>) -> impl Responder {
    stage.run();
    let chunks = (0..10).map(|n| {
        assert_ne!(n, 2, "{}", tests::alone::ORDERED);
        Ok::<_, Infallible>(Bytes::from(n.to_string()))
    });
    HttpResponse::Ok().streaming(stream::iter(chunks))
}

fn routes(app: &mut ServiceConfig) {
    app.service(three_chunks)
        .service(disabled_inside)
        .service(broken)
        .service(sized)
        .service(panics);
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

/// A stream of so many chunks of this size, each allocated when it is sent.
fn of_chunks(count: usize, size: usize) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::iter((0..count).map(move |n| Ok(Bytes::from(vec![n.to_le_bytes()[0]; size]))))
}
