//! Streams that are not stored for a reason which is known with their head.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder, get};
use cached_response::testing::ManualClock;
use cached_response::{
    ResponseCache, ResponseView, Skip, cached_response, context::mark_failed, disable_cache,
    set_cache_timeout,
};
use futures_util::stream::{self, Stream, StreamExt as _};
use tests::abort::reset;
use tests::raw::{Connection, Request};
use tests::stage::{InProcess, Stage};

const TIMEOUT: Duration = Duration::from_secs(10);

/// One chunk, and then a barrier that is never opened.
fn endless(stage: Data<Stage>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter([Ok(Bytes::from_static(b"first"))]).chain(stream::once(async move {
        stage.barriers.at("held").await;
        Ok(Bytes::new())
    }))
}

#[get("/disabled")]
#[cached_response(timeout = 60)]
async fn disabled(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    disable_cache();
    HttpResponse::Ok().streaming(endless(stage))
}

#[get("/zero")]
#[cached_response(timeout = 60)]
async fn zero(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    set_cache_timeout(0);
    HttpResponse::Ok().streaming(endless(stage))
}

#[get("/failed")]
#[cached_response(timeout = 60)]
async fn failed(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    mark_failed();
    HttpResponse::Ok().streaming(endless(stage))
}

fn is_whole(response: &ResponseView<'_>) -> bool {
    !response.headers().contains_key("x-partial")
}

#[get("/refused")]
#[cached_response(timeout = 60, store_if = is_whole)]
async fn refused(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    HttpResponse::Ok()
        .insert_header(("x-partial", "1"))
        .streaming(endless(stage))
}

#[get("/declared")]
#[cached_response(timeout = 60, max_body_bytes = 1000)]
async fn declared(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    HttpResponse::Ok()
        .content_type("text/plain")
        .body(SizedStream::new(1001, endless(stage)))
}

/// A body of the length in a field of the handler's own.
#[get("/content-length")]
#[cached_response(timeout = 60, max_body_bytes = 1000)]
async fn content_length(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    HttpResponse::Ok()
        .no_chunking(1001)
        .streaming(endless(stage))
}

/// Refused by its header.
#[get("/no-store")]
#[cached_response(timeout = 60)]
async fn no_store(stage: Data<Stage>) -> impl Responder {
    stage.run_at_barrier().await;
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .streaming(endless(stage))
}

fn routes(app: &mut ServiceConfig) {
    app.service(disabled)
        .service(zero)
        .service(failed)
        .service(refused)
        .service(declared)
        .service(content_length)
        .service(no_store);
}

/// On a stopped clock, so that no wait times out.
fn stage() -> (Stage, ManualClock) {
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    (Stage::new(cache), clock)
}

const REFUSED: [(&str, Skip); 7] = [
    ("/disabled", Skip::Disabled),
    ("/zero", Skip::Timeout),
    ("/failed", Skip::Failed),
    ("/refused", Skip::StoreIf),
    ("/declared", Skip::TooLarge),
    ("/content-length", Skip::TooLarge),
    ("/no-store", Skip::NoStore),
];

#[test]
fn a_stream_that_is_refused_at_its_head_has_no_waiters() {
    for (target, why) in REFUSED {
        let (stage, _clock) = stage();
        let server = stage.serve(1, routes);
        let clients: Vec<_> = (0..2)
            .map(|_| {
                let mut client = Connection::open(server.address()).unwrap();
                client.send(&Request::get(target)).unwrap();
                client
            })
            .collect();
        tests::stage::eventually("both have missed", || stage.cache.stats().misses == 2);
        assert_eq!(stage.runs(), 1, "{target}");
        // The second client runs the handler while the stream of the first one continues.
        for run in 1..=2 {
            let name = format!("run {run}");
            stage.barriers.wait_arrived(&name, 1, TIMEOUT);
            stage.release(run);
        }
        for mut client in clients {
            let head = client.receive_head().unwrap();
            let status = format!("cached-response; fwd=uri-miss; detail={why}");
            assert_eq!(head.header("cache-status"), Some(status), "{target}");
        }
        let stats = stage.cache.stats();
        assert_eq!((stats.running, stats.skipped(why)), (0, 2), "{target}");
    }
}

#[test]
fn a_client_that_leaves_a_refused_stream_ends_it() {
    for (target, _) in REFUSED {
        let (stage, _clock) = stage();
        let server = stage.serve(1, routes);
        stage.release(1);
        let mut client = Connection::open(server.address()).unwrap();
        client.send(&Request::get(target)).unwrap();
        assert_eq!(client.receive_head().unwrap().status, 200);
        stage.barriers.wait_arrived("held", 1, TIMEOUT);
        reset(client).unwrap();
        stage.barriers.wait_given_up("held", 1, TIMEOUT);
    }
}

/// The refusal at the head is final: waiters were released, and the head has the reason.
#[get("/too-late")]
#[cached_response(timeout = 60)]
async fn too_late() -> impl Responder {
    set_cache_timeout(0);
    let chunks = stream::iter(0..3).map(|n| {
        set_cache_timeout(60);
        Ok::<_, Infallible>(Bytes::from(n.to_string()))
    });
    HttpResponse::Ok().streaming(chunks)
}

fn has_five_bytes(response: &ResponseView<'_>) -> bool {
    response.body()[4] == b'4'
}

#[get("/looked-at/{length}")]
#[cached_response(timeout = 60, store_if = has_five_bytes)]
async fn looked_at(length: actix_web::web::Path<usize>) -> impl Responder {
    let chunks = (0..*length).map(|n| Ok::<_, Infallible>(Bytes::from((n % 10).to_string())));
    HttpResponse::Ok().streaming(stream::iter(chunks.collect::<Vec<_>>()))
}

async fn status(app: &InProcess, target: &str) -> String {
    let answer = app.get(target).answer().await;
    let said = answer.header("cache-status").unwrap();
    said.trim_start_matches("cached-response; ").to_owned()
}

#[actix_web::test]
async fn a_call_in_the_body_does_not_change_a_refusal_at_the_head() {
    let (stage, _clock) = stage();
    let app = stage.app(|app| _ = app.service(too_late)).await;
    for _ in 0..2 {
        assert_eq!(
            status(&app, "/too-late").await,
            "fwd=uri-miss; detail=timeout"
        );
    }
    assert_eq!(stage.cache.stats().entries, 0);
}

#[actix_web::test]
async fn a_store_if_that_reads_the_body_decides_at_its_end() {
    let (stage, _clock) = stage();
    let app = stage.app(|app| _ = app.service(looked_at)).await;
    assert_eq!(status(&app, "/looked-at/5").await, "fwd=uri-miss");
    assert_eq!(status(&app, "/looked-at/5").await, "hit; ttl=60");
}

#[get("/large")]
#[cached_response(timeout = 60, max_body_bytes = 1000)]
async fn large() -> impl Responder {
    HttpResponse::Ok().streaming(super::of_chunks(1001, 1))
}

#[actix_web::test]
async fn a_stream_gives_the_reason_why_the_last_one_was_not_stored() {
    let (stage, clock) = stage();
    let app = stage
        .app(|app| _ = app.service(large).configure(super::routes))
        .await;
    for (target, why) in [
        ("/large", "too-large"),
        ("/disabled-inside", "disabled"),
        ("/broken/3", "incomplete"),
    ] {
        assert_eq!(status(&app, target).await, "fwd=uri-miss", "{target}");
        for _ in 0..3 {
            let expected = format!("fwd=uri-miss; detail={why}");
            assert_eq!(status(&app, target).await, expected);
        }
        clock.advance(Duration::from_secs(30));
        assert_eq!(status(&app, target).await, "fwd=uri-miss", "{target}");
    }
}
