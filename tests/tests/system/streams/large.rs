//! Bodies over the limit.

use std::process;

use actix_web::body::SizedStream;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder, get};
use cached_response::{ResponseCache, Skip, cached_response};
use futures_util::StreamExt as _;
use tests::alone::alone;
use tests::raw::{Request, fetch};
use tests::rss;
use tests::stage::Stage;

use super::of_chunks;

const CAP: usize = 8 << 20;
const CHUNK: usize = 16 << 10;

fn one_byte_more(declared: bool) -> HttpResponse {
    let body = of_chunks(CAP / CHUNK, CHUNK).chain(of_chunks(1, 1));
    if declared {
        HttpResponse::Ok().body(SizedStream::new(CAP as u64 + 1, body))
    } else {
        HttpResponse::Ok().streaming(body)
    }
}

#[get("/plain/{declared}")]
async fn plain(declared: Path<bool>) -> impl Responder {
    one_byte_more(*declared)
}

#[get("/cached/{declared}")]
#[cached_response(timeout = 60)]
async fn cached(stage: Data<Stage>, declared: Path<bool>) -> impl Responder {
    stage.run();
    one_byte_more(*declared)
}

/// Asks the handler with the cache after the one without; returns by how much that has raised the
/// largest size that this process has ever had.
fn extra_memory(declared: bool) -> usize {
    let stage = Stage::new(ResponseCache::builder().max_body(CAP).build());
    let server = stage.serve(1, |app| _ = app.service(plain).service(cached));
    let ask = |path: &str| {
        let request = Request::get(format!("/{path}/{declared}"));
        fetch(server.address(), &request).unwrap()
    };
    let expected = (0..5).map(|_| ask("plain")).last().unwrap();
    let before = rss::peak(process::id()).unwrap();
    for run in 1..=3 {
        let answer = ask("cached");
        assert_eq!(answer.status(), 200);
        assert!(answer.body == expected.body);
        assert_eq!(stage.runs(), run);
    }
    let stats = stage.cache.stats();
    assert_eq!((stats.skipped(Skip::TooLarge), stats.entries), (3, 0));
    rss::peak(process::id()).unwrap() - before
}

/// Bar row 26: a stream that turns out to be one byte over the limit.
#[test]
fn a_stream_of_one_byte_too_many_is_delivered_and_not_stored() {
    alone(|| {
        let extra = extra_memory(false);
        assert!(extra <= CAP + (1 << 20), "{extra} bytes more");
    });
}

/// Bar row 26: where the length is declared, nothing is copied at all.
#[test]
fn a_body_that_is_declared_one_byte_too_long_costs_no_memory() {
    alone(|| {
        let extra = extra_memory(true);
        assert!(extra <= 1 << 20, "{extra} bytes more");
    });
}
