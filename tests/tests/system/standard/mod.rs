//! RFC 9111 where a route opts in: responses with a lifetime of their own, and the directives of
//! clients. On a clock that is turned by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;
use actix_web::test::TestRequest;
use actix_web::{HttpResponse, get, web};
use cached_response::testing::ManualClock;
use cached_response::{ResponseCache, cached_response, set_cache_timeout};
use tests::stage::{Answer, InProcess, Stage};

use crate::verdicts::escaped;

mod arrival;
mod client_directives;
mod crowds;
mod fields;
mod lifetimes;
mod validation;

type Given = web::Query<Vec<(String, String)>>;

thread_local!(static CLOCK: RefCell<Option<ManualClock>> = const { RefCell::new(None) });

/// Answers with the fields that the query gives. `:status` is none, `:takes` is how long the run
/// takes, and `:timeout` what the handler says of the lifetime, all in numbers.
fn answer(given: &Given, run: usize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in given.iter() {
        let number = || value.parse().unwrap();
        match name.as_str() {
            ":status" => {
                let status = u16::try_from(number()).unwrap();
                response.status(StatusCode::from_u16(status).unwrap());
            }
            ":takes" => CLOCK.with_borrow(|clock| {
                clock
                    .as_ref()
                    .unwrap()
                    .advance(Duration::from_secs(number()));
            }),
            ":timeout" => set_cache_timeout(number()),
            name => {
                response.append_header((name, value.as_str()));
            }
        }
    }
    response.body(format!("run {run}"))
}

#[get("/own")]
#[cached_response(timeout = response)]
async fn own(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

#[get("/some")]
#[cached_response(timeout = response, status(404 = "10s"))]
async fn some(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

#[get("/guess")]
#[cached_response(timeout = response, heuristic_fraction = 0.5)]
async fn guess(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

#[get("/cdn")]
#[cached_response(timeout = response, targeted = "CDN-Cache-Control")]
async fn cdn(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

#[get("/both")]
#[cached_response(timeout = response, respect_client = true)]
async fn both(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

#[get("/timed")]
#[cached_response(timeout = 60, respect_client = true)]
async fn timed(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    answer(&given, stage.run())
}

/// Every run waits at its own barrier.
#[get("/slow")]
#[cached_response(timeout = response, respect_client = true)]
async fn slow(given: Given, stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.run_at_barrier().await;
    answer(&given, run)
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(own)
        .service(some)
        .service(guess)
        .service(cdn)
        .service(both)
        .service(timed)
        .service(slow);
}

/// The routes under one clock.
struct Scene {
    clock: ManualClock,
    stage: Stage,
    app: InProcess,
}

impl Scene {
    async fn new() -> Self {
        let clock = ManualClock::new();
        CLOCK.set(Some(clock.clone()));
        let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
        let app = stage.app(routes).await;
        Self { clock, stage, app }
    }

    fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn get(&self, target: &str) -> Answer {
        self.app.get(target).answer().await
    }

    /// A GET whose `Cache-Control` says this.
    async fn wish(&self, target: &str, wish: &str) -> Answer {
        self.app.ask(wishing(target, wish)).answer().await
    }
}

fn wishing(target: &str, wish: &str) -> TestRequest {
    TestRequest::with_uri(target).append_header(("cache-control", wish))
}

fn target(path: &str, fields: &[(&str, &str)]) -> String {
    format!("{path}?{}", escaped(fields))
}

/// What `Cache-Status` says after the name of the cache.
fn said(answer: &Answer) -> &str {
    let status = answer.header("cache-status").expect("it is always there");
    status
        .strip_prefix("cached-response; ")
        .unwrap_or_else(|| panic!("{status}"))
}

fn is_hit(answer: &Answer) -> bool {
    said(answer).starts_with("hit; ")
}

fn age(answer: &Answer) -> Option<u64> {
    answer.header("age").map(|age| age.parse().unwrap())
}

/// So many seconds from now, as a field says it.
fn date(offset: i64) -> String {
    let now = SystemTime::now();
    let by = Duration::from_secs(offset.unsigned_abs());
    HttpDate::from(if offset < 0 { now - by } else { now + by }).to_string()
}
