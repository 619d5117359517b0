//! The memory bound, measured from outside: what the process really holds, beside what the cache
//! says it holds.
//!
//! Each case is a process of its own. The flood in full takes a release build:
//! `cargo test --release -p tests --test memory -- --ignored`

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in what it calls as well"
)]

use std::env;
use std::ops::Range;
use std::process::{self, Command};

use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::{self, Bytes, Path};
use actix_web::{App, Error};
use cached_response::{Policy, ResponseCache, cached};
use tests::rss;

const MIB: usize = 1 << 20;

// What a stored response is said to weigh is what it takes.

#[test]
fn bodies_of_100_bytes_take_what_they_weigh() {
    alone("bodies_of_100_bytes_take_what_they_weigh", || {
        weigh("exact", 100);
    });
}

#[test]
fn bodies_of_1_kib_take_what_they_weigh() {
    alone("bodies_of_1_kib_take_what_they_weigh", || {
        weigh("exact", 1 << 10);
    });
}

#[test]
fn bodies_of_64_kib_take_what_they_weigh() {
    alone("bodies_of_64_kib_take_what_they_weigh", || {
        weigh("exact", 64 << 10);
    });
}

#[test]
fn bodies_of_1_mib_take_what_they_weigh() {
    alone("bodies_of_1_mib_take_what_they_weigh", || {
        weigh("exact", MIB);
    });
}

#[test]
fn room_that_a_body_was_written_into_is_not_kept() {
    alone("room_that_a_body_was_written_into_is_not_kept", || {
        weigh("grown", 33 << 10);
    });
}

#[test]
fn the_buffer_that_a_body_is_a_slice_of_is_not_kept() {
    alone("the_buffer_that_a_body_is_a_slice_of_is_not_kept", || {
        weigh("slice", 1 << 10);
    });
}

// A flood of URLs, each of which is requested once.

#[test]
fn a_flood_of_unique_urls_stays_in_bounds_and_evicts_nothing_hot() {
    alone(
        "a_flood_of_unique_urls_stays_in_bounds_and_evicts_nothing_hot",
        || flood(100_000, 8 * MIB),
    );
}

#[test]
#[ignore = "takes minutes in a debug build"]
fn a_million_unique_urls_stay_in_bounds_and_evict_nothing_hot() {
    alone(
        "a_million_unique_urls_stay_in_bounds_and_evict_nothing_hot",
        || flood(1_000_000, 64 * MIB),
    );
}

/// Runs `case` in a process that does nothing else.
fn alone(test: &str, case: impl FnOnce()) {
    const ALONE: &str = "MEMORY_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return case();
    }
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(ALONE, "1")
        .status();
    assert!(status.unwrap().success(), "see above");
}

/// A body of `size` bytes, in an allocation of just that size or in a larger one.
async fn page(path: Path<(String, usize, usize)>) -> Bytes {
    let (shape, size, number) = path.into_inner();
    let filler = u8::try_from(number % 251).unwrap();
    match shape.as_str() {
        "grown" => {
            let mut body = Vec::with_capacity(2 * size);
            body.resize(2 * size, filler);
            body.truncate(size);
            body.into()
        }
        "slice" => Bytes::from(vec![filler; 64 * size]).slice(..size),
        _ => vec![filler; size].into(),
    }
}

/// An application that was started.
trait Started: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> {}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> Started for S {}

async fn app(cache: &ResponseCache) -> impl Started {
    let handler = cached(Policy::new(3600), page);
    init_service(
        App::new()
            .app_data(cache.clone())
            .route("/{shape}/{size}/{number}", web::get().to(handler)),
    )
    .await
}

/// Asks for a page, and says whether it was there.
async fn ask(app: &impl Started, uri: &str) -> bool {
    let response = call_service(app, TestRequest::with_uri(uri).to_request()).await;
    assert_eq!(response.status(), 200);
    let said = response.headers().get("cache-status").unwrap().to_str();
    said.unwrap().starts_with("cached-response; hit")
}

#[actix_web::main]
async fn weigh(shape: &str, size: usize) {
    const ENOUGH: u64 = 48 << 20;
    let cache = ResponseCache::builder().max_bytes(4 * ENOUGH).build();
    let app = app(&cache).await;
    let step = (4 * MIB / (size + 1000)).clamp(4, 1000);
    // What is made once, and what the allocator keeps, is not the responses'.
    fill(&app, shape, size, 0..step).await;
    let mut asked = step;
    let (resident, weight) = (now(), cache.stats().bytes);
    while cache.stats().bytes < weight + ENOUGH {
        fill(&app, shape, size, asked..asked + step).await;
        asked += step;
        assert_eq!(cache.stats().entries, asked as u64, "all are stored");
    }
    #[expect(clippy::cast_precision_loss, reason = "sizes below 2^52")]
    let truth = (now() - resident) as f64 / (cache.stats().bytes - weight) as f64;
    println!("{shape} bodies of {size} bytes: resident / weight = {truth:.3}");
    assert!((0.8..=1.35).contains(&truth), "{truth:.3}");
}

/// Asks for the next pages.
async fn fill(app: &impl Started, shape: &str, size: usize, numbers: Range<usize>) {
    for number in numbers {
        assert!(!ask(app, &format!("/{shape}/{size}/{number}")).await);
    }
}

fn now() -> usize {
    rss::resident(process::id()).unwrap()
}

#[actix_web::main]
async fn flood(urls: usize, capacity: usize) {
    const HOT: usize = 100;
    let cache = ResponseCache::builder().max_bytes(capacity as u64).build();
    let app = app(&cache).await;
    let hot = |turn: usize| format!("/exact/1024/{}", urls + turn % HOT);
    for turn in 0..10 * HOT {
        let hit = ask(&app, &hot(turn)).await;
        assert_eq!(hit, turn >= HOT, "before the flood everything hot is there");
    }
    let mut hits = 0;
    let turns = urls / 10;
    for turn in 0..turns {
        for number in 0..10 {
            let unique = turn * 10 + number;
            assert!(!ask(&app, &format!("/exact/1024/{unique}")).await);
        }
        hits += usize::from(ask(&app, &hot(turn)).await);
    }
    let peak = rss::peak(process::id()).unwrap();
    let stats = cache.stats();
    println!(
        "{urls} URLs into {} MiB: peak {} MiB, {hits} of {turns} hot requests hit, {} entries",
        capacity / MIB,
        peak / MIB,
        stats.entries
    );
    assert!(stats.bytes <= capacity as u64);
    assert!(peak <= capacity * 3 / 2 + 32 * MIB, "{} MiB", peak / MIB);
    assert!(hits * 100 >= turns * 95, "{hits} of {turns}");
}
