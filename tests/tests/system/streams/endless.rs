//! Bodies that never end, and upgraded connections.

use std::process;
use std::time::{Duration, Instant};

use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{Error, HttpResponse, Responder, get};
use cached_response::{ResponseCache, Skip, cached_response};
use futures_util::stream::{self, Stream, StreamExt as _};
use tests::alone::alone;
use tests::crowd::best_of_three;
use tests::raw::{Connection, Request};
use tests::rss;
use tests::stage::{Stage, eventually};

/// One event, and then none.
fn one_event() -> impl Stream<Item = Result<Bytes, Error>> {
    let event = Bytes::from_static(b"data: 1\n\n");
    stream::iter([Ok(event)]).chain(stream::pending())
}

#[get("/plain")]
async fn plain() -> impl Responder {
    HttpResponse::Ok().streaming(one_event())
}

#[get("/events")]
#[cached_response(timeout = 60, query = all)]
async fn events() -> impl Responder {
    HttpResponse::Ok()
        .insert_header(("content-type", "Text/Event-Stream; charset=utf-8"))
        .streaming(one_event())
}

/// Does not declare that it never ends. `nocache=1` lets each request run.
#[get("/unsaid")]
#[cached_response(timeout = 60, query = all)]
async fn unsaid() -> impl Responder {
    HttpResponse::Ok().streaming(one_event())
}

fn torrent() -> impl Stream<Item = Result<Bytes, Error>> {
    stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 8 << 10])))
}

#[get("/torrent/events")]
#[cached_response(timeout = 60, query = all)]
async fn torrent_of_events() -> impl Responder {
    HttpResponse::Ok()
        .content_type(ContentType(mime()))
        .streaming(torrent())
}

#[get("/torrent/unsaid")]
#[cached_response(timeout = 60, query = all)]
async fn torrent_unsaid() -> impl Responder {
    HttpResponse::Ok().streaming(torrent())
}

fn mime() -> actix_web::mime::Mime {
    actix_web::mime::TEXT_EVENT_STREAM
}

fn switch() -> HttpResponse {
    HttpResponse::SwitchingProtocols()
        .upgrade("echo")
        .streaming(one_event())
}

#[get("/upgrade/plain")]
async fn upgrade_plain() -> impl Responder {
    switch()
}

#[get("/upgrade/cached")]
#[cached_response(timeout = 60, query = all)]
async fn upgrade_cached(stage: Data<Stage>) -> impl Responder {
    stage.run();
    switch()
}

fn routes(app: &mut ServiceConfig) {
    app.service(plain)
        .service(events)
        .service(unsaid)
        .service(torrent_of_events)
        .service(torrent_unsaid)
        .service(upgrade_plain)
        .service(upgrade_cached);
}

fn stage() -> Stage {
    Stage::new(ResponseCache::builder().build())
}

/// The shortest time to a first chunk.
fn first_chunk(stage: &Stage, target: &str) -> Duration {
    let server = stage.serve(1, routes);
    let quickest = (0..10).map(|n| {
        let mut client = Connection::open(server.address()).unwrap();
        let started = Instant::now();
        client
            .send(&Request::get(format!("{target}?n={n}")))
            .unwrap();
        assert_eq!(client.receive_head().unwrap().status, 200);
        assert_eq!(client.receive_chunk().unwrap(), b"data: 1\n\n");
        started.elapsed()
    });
    quickest.min().unwrap()
}

/// The first byte is at most 5 ms later than without a cache.
#[test]
fn the_first_byte_of_an_endless_body_is_not_delayed() {
    let stage = stage();
    let bound = Duration::from_millis(5);
    for target in ["/events", "/unsaid"] {
        let later = best_of_three(bound, || {
            let without = first_chunk(&stage, "/plain");
            first_chunk(&stage, target).saturating_sub(without)
        });
        assert!(later <= bound, "{target} comes {later:?} later");
    }
    assert_eq!(
        stage.cache.stats().skipped(Skip::Endless),
        stage.cache.stats().misses / 2
    );
}

/// Reads so much of an endless body.
fn read(client: &mut Connection, bytes: usize) {
    let mut left = bytes;
    while left > 0 {
        left = left.saturating_sub(client.receive_chunk().unwrap().len());
    }
}

fn growth(target: &str) -> usize {
    let stage = stage();
    let server = stage.serve(1, routes);
    let mut client = Connection::open(server.address()).unwrap();
    client.send(&Request::get(target)).unwrap();
    client.receive_head().unwrap();
    read(&mut client, 4 << 20);
    let before = rss::resident(process::id()).unwrap();
    read(&mut client, 64 << 20);
    let after = rss::resident(process::id()).unwrap();
    assert_eq!(
        (stage.cache.stats().running, stage.cache.stats().entries),
        (0, 0)
    );
    after.saturating_sub(before)
}

/// 64 MiB of an endless body later the process is as large as before.
#[test]
fn an_endless_body_costs_no_memory() {
    alone(|| {
        for target in ["/torrent/events", "/torrent/unsaid"] {
            let growth = growth(target);
            assert!(growth <= 1 << 20, "{target}: {growth} bytes more");
        }
    });
}

/// An upgraded connection passes through, and nothing is stored.
#[test]
fn an_upgrade_is_passed_on() {
    let stage = stage();
    let server = stage.serve(1, routes);
    let octets = |target: &str| {
        let request = Request::get(target)
            .header("Connection", "Upgrade")
            .header("Upgrade", "echo");
        let mut client = Connection::open(server.address()).unwrap();
        client.send(&request).unwrap();
        assert_eq!(client.receive_head().unwrap().status, 101);
        client.receive_octets(9).unwrap()
    };
    let expected = octets("/upgrade/plain");
    for run in 1..=2 {
        assert_eq!(octets("/upgrade/cached"), expected);
        assert_eq!(stage.runs(), run);
    }
    eventually("they end", || stage.cache.stats().running == 0);
    assert_eq!(stage.cache.stats().skipped(Skip::Upgrade), 2);
    assert_eq!(stage.cache.stats().entries, 0);
}
