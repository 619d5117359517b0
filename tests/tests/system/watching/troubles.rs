//! Warnings of what an operator must see and no client does: with what it is about, and at a bounded rate.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use cached_response::testing::{InProcessStore, ManualClock};
use cached_response::{
    CacheResponses, Policy, ResponseCache, StaleRule, StoreErrorKind, cached_response,
};
use tests::alone::alone;
use tests::raw::{self, Request};
use tests::server::Server;
use tracing::Level;

use super::recorder::{Fields, Recorder};

#[get("/flaky/{id}")]
#[cached_response(timeout = 1, stale_if_error = 1h)]
async fn flaky(is_down: web::Data<AtomicBool>) -> HttpResponse {
    if is_down.load(SeqCst) {
        return HttpResponse::BadGateway().finish();
    }
    HttpResponse::Ok().finish()
}

#[get("/tagged")]
#[cached_response(timeout = 60, tags("page one", "50%"))]
async fn tagged() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// The warnings of a text, of which there is one a second since `start` at most.
#[track_caller]
fn warnings(recorder: &Recorder, text: &str, start: Instant) -> Vec<Fields> {
    let warnings = recorder.events(Level::WARN).into_iter();
    let warnings: Vec<_> = warnings
        .filter(|warning| warning["message"].contains(text))
        .collect();
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(
        (1..=seconds + 1).contains(&warnings.len()),
        "{text}: {:?}",
        recorder.events(Level::WARN)
    );
    warnings
}

fn record() -> Recorder {
    let recorder = Recorder::up_to(Level::WARN);
    tracing::subscriber::set_global_default(recorder.clone()).unwrap();
    recorder
}

#[test]
fn a_failure_that_a_stale_response_covers_is_logged_with_its_route_and_reason() {
    alone(|| {
        let (recorder, clock) = (record(), ManualClock::new());
        let cache = ResponseCache::builder().clock(&clock).build();
        let is_down = web::Data::new(AtomicBool::new(false));
        let (app_cache, down) = (cache.clone(), is_down.clone());
        let server = Server::start(2, move |app| {
            app.app_data(app_cache.clone()).app_data(down.clone());
            app.service(flaky);
        });
        let server = server.unwrap();
        let all = || {
            for n in 0..20 {
                let request = Request::get(format!("/flaky/{n}?token=planted"));
                assert_eq!(
                    raw::fetch(server.address(), &request).unwrap().status(),
                    200
                );
            }
        };
        all();
        clock.advance(Duration::from_secs(2));
        is_down.store(true, SeqCst);
        assert_eq!(recorder.events(Level::WARN).len(), 0);
        let start = Instant::now();
        all();
        assert_eq!(cache.stats().answered_stale(StaleRule::IfError), 20);
        for warning in warnings(&recorder, "a stale response answers", start) {
            assert!(warning["handler"].ends_with("::flaky"), "{warning:?}");
            assert_eq!(warning["http.route"], "/flaky/{id}");
            assert_eq!(warning["reason"], "status");
            assert!(!format!("{warning:?}").contains("planted"), "{warning:?}");
        }
    });
}

#[test]
fn a_computation_that_a_stale_value_covers_is_logged() {
    alone(|| {
        let (recorder, clock) = (record(), ManualClock::new());
        let policy = Policy::new(1).stale_if_error(60);
        let cache = ResponseCache::builder().clock(&clock).build();
        actix_web::rt::System::new().block_on(async {
            let fine = || async { Ok::<_, Infallible>(7) };
            cache
                .get_or_compute("key", policy.clone(), fine)
                .await
                .unwrap();
            clock.advance(Duration::from_secs(2));
            let start = Instant::now();
            let fails = || async { Err::<i32, _>(StatusCode::BAD_GATEWAY) };
            let value = cache.get_or_compute("key", policy, fails).await;
            assert_eq!(value.unwrap(), 7);
            let warnings = warnings(&recorder, "a stale response answers", start);
            assert_eq!(warnings[0]["handler"], "get_or_compute");
            assert_eq!(warnings[0]["reason"], "error");
        });
    });
}

#[test]
fn invalidations_that_do_not_reach_the_store_are_logged_once_a_second() {
    alone(|| {
        let (recorder, store) = (record(), InProcessStore::new());
        store.fail_only("delete_many", StoreErrorKind::Refused);
        let cache = ResponseCache::builder().remote(store).build();
        let server = Server::start(2, move |app| {
            let scope = web::scope("/pages").wrap(CacheResponses::new(Policy::new(60)));
            let scope = scope.route("/{id}", web::to(HttpResponse::Ok));
            app.app_data(cache.clone()).service(scope);
        });
        let (server, start) = (server.unwrap(), Instant::now());
        for n in 0..20 {
            let request = Request::post(format!("/pages/{n}"), "");
            raw::fetch(server.address(), &request).unwrap();
        }
        warnings(&recorder, "is not invalidated everywhere", start);
    });
}

#[test]
fn a_tag_that_is_sent_encoded_is_logged_once_with_what_to_write() {
    alone(|| {
        let recorder = record();
        let cache = ResponseCache::builder().surrogate_keys("Surrogate-Key");
        let cache = cache.build();
        let server = Server::start(2, move |app| {
            app.app_data(cache.clone()).service(tagged);
        });
        let server = server.unwrap();
        for n in 0..5 {
            let request = Request::get(format!("/tagged?nocache=1&n={n}"));
            let response = raw::fetch(server.address(), &request).unwrap();
            assert_eq!(
                response.header("surrogate-key").as_deref(),
                Some("page%20one 50%25")
            );
        }
        let warnings = recorder.events(Level::WARN);
        let [warning] = &*warnings else {
            panic!("{warnings:?}");
        };
        assert_eq!(warning["tag"], "page one");
        assert_eq!(warning["key"], "page%20one");
        assert_eq!(warning["header"], "surrogate-key");
        assert!(
            warning["message"].contains("surrogate_keys()"),
            "{warning:?}"
        );
    });
}
