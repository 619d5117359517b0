//! Lifetimes, on a clock that is turned by hand.

use std::cell::Cell;
use std::time::Duration;

use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::testing::{ManualClock, isolated_with};
use cached_response::{Policy, ResponseCache, cached, cached_response, set_cache_timeout};

use crate::ask::{get as ask_for, run};

mod wall_clock;

const DAY: u64 = 86_400;

/// The clock counts 64 bits of nanoseconds, and begins a century before the process.
const LONGEST: Duration = Duration::from_nanos(u64::MAX - 100 * 365 * DAY * 1_000_000_000);

thread_local!(static TIMEOUT: Cell<Duration> = const { Cell::new(Duration::ZERO) });

#[get("/said")]
#[cached_response]
async fn said_by_handler() -> String {
    set_cache_timeout(TIMEOUT.get());
    run().to_string()
}

#[get("/computed")]
#[cached_response(timeout = TIMEOUT.get())]
async fn computed() -> String {
    run().to_string()
}

async fn plain() -> String {
    run().to_string()
}

/// No timeout means for ever, and none panics.
#[actix_web::test]
async fn a_response_lives_exactly_as_long_as_it_should_and_never_for_ever() {
    for timeout in [
        Duration::from_nanos(1),
        Duration::from_millis(1),
        Duration::from_millis(999),
        Duration::from_secs(31 * DAY),
        Duration::from_secs(100 * 365 * DAY),
        LONGEST.saturating_sub(Duration::from_nanos(1)),
        LONGEST,
        Duration::from_nanos(u64::MAX),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ] {
        TIMEOUT.set(timeout);
        for target in ["/said", "/computed", "/fixed"] {
            let clock = ManualClock::new();
            let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
            let fixed = web::get().to(cached(Policy::new(timeout), plain));
            let app = App::new()
                .service(said_by_handler)
                .service(computed)
                .route("/fixed", fixed);
            let app = init_service(app).await;
            let first = ask_for(&app, target).await;
            let lives = timeout.min(LONGEST);
            let nearly = lives.saturating_sub(Duration::from_nanos(1));
            clock.advance(nearly);
            let last = ask_for(&app, target).await;
            assert!(
                last.is_hit() && last.body == first.body,
                "{target} {timeout:?}"
            );
            let age: u64 = last.header("age").unwrap().parse().unwrap();
            assert_eq!(age, nearly.as_secs());
            clock.advance(Duration::from_nanos(1));
            assert!(
                !ask_for(&app, target).await.is_hit(),
                "{target} {timeout:?}"
            );
        }
    }
}

/// No timeout means for ever, and none panics.
#[actix_web::test]
async fn a_timeout_of_zero_at_run_time_means_not_stored() {
    TIMEOUT.set(Duration::ZERO);
    let clock = ManualClock::new();
    let cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let fixed = web::get().to(cached(Policy::new(0), plain));
    let app = App::new()
        .service(said_by_handler)
        .service(computed)
        .route("/fixed", fixed);
    let app = init_service(app).await;
    for target in ["/said", "/computed", "/fixed"] {
        for _ in 0..2 {
            let answer = ask_for(&app, target).await;
            assert_eq!(answer.detail().unwrap(), "timeout", "{target}");
        }
    }
    assert_eq!((run(), cache.cache().stats().entries), (7, 0));
}

#[get("/shared/{seconds}")]
#[cached_response(timeout = 60)]
async fn shared(seconds: web::Path<u64>) -> actix_web::HttpResponse {
    let said = format!("max-age=1, s-maxage={seconds}");
    actix_web::HttpResponse::Ok()
        .insert_header(("cache-control", said))
        .body(run().to_string())
}

#[actix_web::test]
async fn s_maxage_shortens_and_never_lengthens_and_max_age_does_neither() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(shared)).await;
    for target in ["/shared/10", "/shared/99999"] {
        ask_for(&app, target).await;
    }
    clock.advance(Duration::from_secs(9));
    assert!(ask_for(&app, "/shared/10").await.is_hit());
    clock.advance(Duration::from_secs(1));
    assert!(!ask_for(&app, "/shared/10").await.is_hit());
    clock.advance(Duration::from_secs(49));
    assert!(ask_for(&app, "/shared/99999").await.is_hit());
    clock.advance(Duration::from_secs(1));
    assert!(!ask_for(&app, "/shared/99999").await.is_hit());
}
