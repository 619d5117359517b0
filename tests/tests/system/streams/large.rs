//! Bodies over the limit.

use std::process;

use actix_web::body::SizedStream;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder, get};
use cached_response::{ResponseCache, Skip, cached_response};
use futures_util::StreamExt as _;
use tests::alone::alone;
use tests::raw::{Connection, Request};
use tests::rss;
use tests::server::Server;
use tests::stage::Stage;

use super::of_chunks;

const CAP: usize = 8 << 20;
const CHUNK: usize = 16 << 10;

/// So many chunks, and one byte more.
fn response(declared: bool, chunks: usize) -> HttpResponse {
    let body = of_chunks(chunks, CHUNK).chain(of_chunks(1, 1));
    if declared {
        let length = (chunks * CHUNK) as u64 + 1;
        HttpResponse::Ok().body(SizedStream::new(length, body))
    } else {
        HttpResponse::Ok().streaming(body)
    }
}

#[get("/plain/{declared}/{chunks}")]
async fn plain(asked: Path<(bool, usize)>) -> impl Responder {
    response(asked.0, asked.1)
}

#[get("/cached/{declared}/{chunks}")]
#[cached_response(timeout = 60)]
async fn cached(stage: Data<Stage>, asked: Path<(bool, usize)>) -> impl Responder {
    stage.run();
    response(asked.0, asked.1)
}

/// The body with so many chunks.
fn expected(chunks: usize) -> Vec<u8> {
    let octets = (0..chunks * CHUNK).map(|n| (n / CHUNK).to_le_bytes()[0]);
    octets.chain([0]).collect()
}

/// Reads a body without keeping it, and checks each piece.
fn ask(server: &Server, expected: &[u8], target: String) {
    let mut client = Connection::open(server.address()).unwrap();
    client.send(&Request::get(target)).unwrap();
    let head = client.receive_head().unwrap();
    assert_eq!(head.status, 200);
    let chunked = head.header("transfer-encoding").is_some();
    let mut left = expected;
    while !left.is_empty() {
        let piece = if chunked {
            client.receive_chunk().unwrap()
        } else {
            client.receive_octets(left.len().min(CHUNK)).unwrap()
        };
        assert!(!piece.is_empty() && left.starts_with(&piece));
        left = &left[piece.len()..];
    }
    assert!(!chunked || client.receive_chunk().unwrap().is_empty());
}

/// Requests the handler with the cache after the one without; returns the increase of the peak size of this
/// process.
fn extra_memory(declared: bool) -> usize {
    let stage = Stage::new(ResponseCache::builder().max_body_bytes(CAP).build());
    let server = stage.serve(1, |app| _ = app.service(plain).service(cached));
    let (small, large) = (expected(2), expected(CAP / CHUNK));
    let target = |path: &str, chunks: usize| format!("/{path}/{declared}/{chunks}");
    for _ in 0..5 {
        ask(&server, &large, target("plain", CAP / CHUNK));
    }
    // The code itself is memory, too, once it has run.
    ask(&server, &small, target("cached", 2));
    let before = rss::peak(process::id()).unwrap();
    for run in 1..=3 {
        ask(&server, &large, target("cached", CAP / CHUNK));
        assert_eq!(stage.runs(), 1 + run);
    }
    let stats = stage.cache.stats();
    assert_eq!((stats.skipped(Skip::TooLarge), stats.entries), (3, 1));
    rss::peak(process::id()).unwrap() - before
}

/// A stream that is one byte over the limit.
#[test]
fn a_stream_of_one_byte_too_many_is_delivered_and_not_stored() {
    alone(|| {
        let extra = extra_memory(false);
        assert!(extra <= CAP + (1 << 20), "{extra} bytes more");
    });
}

/// Where the length is declared, nothing is copied at all.
#[test]
fn a_body_that_is_declared_one_byte_too_long_costs_no_memory() {
    alone(|| {
        let extra = extra_memory(true);
        assert!(extra <= 1 << 20, "{extra} bytes more");
    });
}
