//! Forced refreshes: `?nocache=1`.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::time::Duration;

use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{ResponseCache, cached_response};
use tests::crowd::{Crowd, best_of_three};
use tests::raw::{Connection, Request};
use tests::stage::{InProcess, Stage, eventually, soon};

#[get("/page")]
#[cached_response(timeout = 60)]
async fn page(stage: web::Data<Stage>) -> impl Responder {
    format!("run {}", stage.run_at_barrier().await)
}

#[get("/private")]
#[cached_response(timeout = 60)]
async fn private(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    HttpResponse::Ok()
        .insert_header(("set-cookie", format!("session={run}")))
        .body(format!("run {run}"))
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(page).service(private);
}

async fn app() -> (Stage, InProcess) {
    let stage = Stage::new(ResponseCache::builder().build());
    let app = stage.app(routes).await;
    (stage, app)
}

const LIVE: &str = "/page?nocache=1";

#[actix_web::test]
async fn a_forced_refresh_replaces_the_stored_response() {
    let (stage, app) = app().await;
    (1..=2).for_each(|run| stage.release(run));
    assert_eq!(app.get("/page").text().await, "run 1");
    assert_eq!(app.get(LIVE).text().await, "run 2");
    assert_eq!(app.get("/page").text().await, "run 2");
}

#[actix_web::test]
async fn a_forced_refresh_starts_after_its_request() {
    let (stage, app) = app().await;
    let first = app.get(LIVE);
    stage.at_run(1).await;
    // These two come while a run is under way: one is queued, and the other joins that.
    let queued = [app.get(LIVE), app.get(LIVE)];
    soon("they are queued", || {
        stage.cache.stats().forced_refreshes == 3
    })
    .await;
    assert_eq!(stage.runs(), 1);
    stage.release(1);
    assert_eq!(first.text().await, "run 1");
    stage.at_run(2).await;
    // The queued run has started without this one.
    let late = app.get(LIVE);
    soon("it is queued", || stage.cache.stats().forced_refreshes == 4).await;
    (2..=3).for_each(|run| stage.release(run));
    for one in queued {
        assert_eq!(one.text().await, "run 2");
    }
    assert_eq!(late.text().await, "run 3");
    assert_eq!((stage.runs(), stage.cache.stats().running), (3, 0));
}

#[actix_web::test]
async fn a_forced_refresh_does_not_join_the_run_of_a_miss() {
    let (stage, app) = app().await;
    let miss = app.get("/page");
    stage.at_run(1).await;
    let live = app.get(LIVE);
    stage.at_run(2).await;
    stage.release(2);
    assert_eq!(live.text().await, "run 2");
    // The older run lands later and does not replace what was computed after it.
    stage.release(1);
    assert_eq!(miss.text().await, "run 1");
    assert_eq!(app.get("/page").text().await, "run 2");
}

#[actix_web::test]
async fn a_response_that_is_not_stored_is_not_shared_by_forced_refreshes() {
    let (stage, app) = app().await;
    (1..=10).for_each(|run| stage.release(run));
    let asked: Vec<_> = (0..10).map(|_| app.get("/private?nocache=1")).collect();
    let mut cookies = Vec::new();
    for one in asked {
        let answer = one.answer().await;
        cookies.push(answer.header("set-cookie").map(str::to_owned));
    }
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), 10);
    assert_eq!(stage.cache.stats().entries, 0);
}

/// Its waiters queue again, as one.
#[actix_web::test]
async fn waiters_of_an_abandoned_queued_run_start_one_other() {
    let (stage, app) = app().await;
    let first = app.get(LIVE);
    stage.at_run(1).await;
    let queued = app.get(LIVE);
    soon("it is queued", || stage.cache.stats().forced_refreshes == 2).await;
    let joined: Vec<_> = (0..20).map(|_| app.get(LIVE)).collect();
    soon("they join", || stage.cache.stats().forced_refreshes == 22).await;
    queued.leave().await;
    stage.release(1);
    assert_eq!(first.text().await, "run 1");
    stage.at_run(2).await;
    assert_eq!(stage.runs(), 2, "of those who wait, one runs");
    stage.release(2);
    for one in joined {
        assert_eq!(one.text().await, "run 2");
    }
    assert_eq!((stage.runs(), stage.cache.stats().running), (2, 0));
}

/// Runs at once.
#[get("/hot")]
#[cached_response(timeout = 60)]
async fn hot() -> impl Responder {
    "hot"
}

/// The median and the third slowest of 300 hits in sequence.
fn hits_on(connection: &mut Connection) -> [Duration; 2] {
    let mut took: Vec<_> = (0..300)
        .map(|_| connection.exchange(&Request::get("/hot")).unwrap().took)
        .collect();
    took.sort_unstable();
    [took[150], took[296]]
}

/// A thousand at once are two runs, and hits on the same workers are as fast while they wait.
#[test]
fn a_thousand_forced_refreshes_are_two_runs_and_hits_stay_fast() {
    let stage = Stage::new(ResponseCache::builder().build());
    let server = stage.serve(2, |app| _ = app.service(page).service(hot));
    let mut crowd = Crowd::open(server.address(), 1000).unwrap();
    let mut hits = Connection::open(server.address()).unwrap();
    let live = Request::get(LIVE);
    hits_on(&mut hits);
    let mut round = 0;
    let excess = best_of_three(FLOOR, || {
        round += 1;
        let alone = hits_on(&mut hits);
        crowd.send(&live).unwrap();
        let wait = || stage.cache.stats().forced_refreshes == 1000 * round;
        eventually("they wait", wait);
        let beside = hits_on(&mut hits);
        let first = stage.runs();
        (first..first + 2).for_each(|run| stage.release(run));
        for answer in crowd.receive(&live) {
            assert_eq!(answer.unwrap().status(), 200);
        }
        assert_eq!(stage.runs(), first + 1, "one ran, and one was queued");
        let [median, p99] = [0, 1].map(|n| beside[n].saturating_sub(alone[n] / 5 * 6));
        // Where others want the processor, one hit in a hundred waits for a turn of theirs.
        median.max(p99 / 20)
    });
    assert!(excess <= FLOOR, "hits take {excess:?} longer");
}

/// The noise of the machine.
const FLOOR: Duration = Duration::from_millis(1);
