//! Streams whose body takes longer than the wait timeout.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder, get};
use cached_response::{ResponseCache, cached_response, testing::ManualClock};
use futures_util::stream;
use tests::stage::{InProcess, Stage, soon};

const TURN: Duration = Duration::from_secs(5);

/// Sends its head at once, and its body when the run's barrier is open.
#[get("/stream")]
#[cached_response(timeout = 10)]
async fn streamed(stage: Data<Stage>) -> impl Responder {
    let run = stage.run();
    HttpResponse::Ok().streaming(stream::once(async move {
        stage.barriers.at(&format!("run {run}")).await;
        Ok::<_, Infallible>(Bytes::from(format!("run {run}")))
    }))
}

fn routes(app: &mut ServiceConfig) {
    app.service(streamed);
}

/// A stage on which one client has waited for a stream until the wait timeout, and has its own now.
async fn waited_in_vain() -> (Stage, InProcess, ManualClock) {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    let _leader = app.get("/stream");
    stage.at_run(1).await;
    let waiter = app.get("/stream");
    soon("it waits", || stage.cache.stats().misses == 2).await;
    clock.advance(TURN);
    stage.at_run(2).await;
    assert_eq!(stage.cache.stats().wait_timeouts, 1);
    let _ = waiter;
    (stage, app, clock)
}

#[actix_web::test]
async fn a_stream_past_the_wait_timeout_is_not_waited_for_again() {
    let (stage, app, clock) = waited_in_vain().await;
    for run in 3..=10 {
        // However long ago that was.
        clock.advance(Duration::from_secs(60));
        let _asked = app.get("/stream");
        stage.at_run(run).await;
    }
    let stats = stage.cache.stats();
    assert_eq!((stats.hit_for_pass, stats.wait_timeouts), (8, 1));
}

#[actix_web::test]
async fn once_a_response_is_stored_streams_are_waited_for_again() {
    let (stage, app, clock) = waited_in_vain().await;
    stage.release(2);
    soon("it is stored", || stage.cache.stats().stored == 1).await;
    stage.release(1);
    soon("the first one ends", || stage.cache.stats().running == 0).await;
    assert_eq!(app.get("/stream").text().await, "run 2");
    clock.advance(Duration::from_secs(10));
    let _leader = app.get("/stream");
    stage.at_run(3).await;
    let waiter = app.get("/stream");
    soon("it waits", || stage.cache.stats().misses == 4).await;
    stage.release(3);
    assert_eq!(waiter.text().await, "run 3");
    assert_eq!((stage.runs(), stage.cache.stats().hit_for_pass), (3, 0));
}

#[actix_web::test]
async fn all_waiters_of_a_slow_stream_stop_waiting() {
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(routes).await;
    let _leader = app.get("/stream");
    stage.at_run(1).await;
    let _followers: Vec<_> = (0..20).map(|_| app.get("/stream")).collect();
    soon("they wait", || stage.cache.stats().misses == 21).await;
    clock.advance(TURN);
    stage.at_run(21).await;
}
