//! Clients that reset the connection in the middle of a long body.

use std::sync::LazyLock;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{Error, HttpResponse, Responder, get};
use cached_response::{ResponseCache, cached_response};
use futures_util::stream;
use tests::abort::reset;
use tests::raw::{Connection, Request, fetch};
use tests::stage::{Stage, eventually};

const LENGTH: usize = 10 << 20;
const ROUNDS: usize = 100;
const CHUNK: usize = 256 << 10;

/// Ten mebibytes in which no two rounds, and no two places, are equal.
fn content(round: usize) -> Bytes {
    static WORDS: LazyLock<Bytes> = LazyLock::new(|| {
        let words = (0..LENGTH / 8 + ROUNDS).map(|n| (n as u64).to_le_bytes());
        words.flatten().collect()
    });
    WORDS.slice(round * 8..round * 8 + LENGTH)
}

#[get("/long/{round}")]
#[cached_response(timeout = 60, max_body_bytes = 16777216)]
async fn long(stage: Data<Stage>, round: Path<usize>) -> impl Responder {
    stage.run();
    let whole = content(*round);
    let chunks = (0..LENGTH / CHUNK).map(move |n| {
        let chunk = whole.slice(n * CHUNK..(n + 1) * CHUNK);
        Ok::<_, Error>(chunk)
    });
    // With a validator of its own nothing is hashed, which takes most of the time in a debug build.
    HttpResponse::Ok()
        .insert_header(("etag", format!("\"{round}\"")))
        .streaming(stream::iter(chunks))
}

/// The next number of a fixed sequence.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    usize::try_from(*seed >> 33).unwrap()
}

/// A hundred resets at random places; a body that is stored then is whole.
#[test]
fn after_a_reset_anywhere_the_stored_body_is_absent_or_exact() {
    let cache = ResponseCache::builder().max_bytes(64 << 20).build();
    let stage = Stage::new(cache);
    let server = stage.serve(2, |app| _ = app.service(long));
    let mut seed = 25;
    let mut hits = 0;
    for round in 0..ROUNDS {
        let request = Request::get(format!("/long/{round}"));
        let mut client = Connection::open(server.address()).unwrap();
        client.send(&request).unwrap();
        client.receive_head().unwrap();
        let offset = next(&mut seed) % LENGTH;
        // Chunk lengths and all: where exactly it leaves does not matter.
        client.receive_octets(offset).unwrap();
        reset(client).unwrap();
        eventually("it ends", || stage.cache.stats().running == 0);
        let runs = stage.runs();
        let answer = fetch(server.address(), &request).unwrap();
        assert!(
            answer.body == content(round),
            "round {round}, offset {offset}"
        );
        hits += usize::from(stage.runs() == runs);
        // Makes room for the next.
        stage.cache.invalidate_all();
    }
    // A copy continues without its client, so most of them are stored.
    assert!(hits >= 90, "{hits} of 100 were stored");
}
