//! The machine's time is set while responses are stored and made.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use actix_web::http::header::{self, HttpDate, TryIntoHeaderValue as _};
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get, web};
use cached_response::testing::{ManualClock, isolated_with};
use cached_response::{ResponseCache, cached_response};

use super::DAY;
use crate::ask::{get as ask_for, run};

const HOUR: i64 = 3600;
const TEN_YEARS: i64 = 3652 * 86_400;
const JUMPS: [i64; 4] = [-TEN_YEARS, -HOUR, HOUR, TEN_YEARS];
const MINUTE: Duration = Duration::from_secs(60);
/// What the machine's clock shows before it is set.
const TODAY: Duration = Duration::from_secs(1_800_000_000);

/// The clock of a test, and the jump that its next run makes in the middle.
#[derive(Clone)]
struct World {
    clock: ManualClock,
    in_a_run: i64,
}

impl World {
    /// Sets the time of day this far from what it was when the test began.
    fn jump(&self, seconds: i64) {
        let by = Duration::from_secs(seconds.unsigned_abs());
        let today = SystemTime::UNIX_EPOCH + TODAY;
        let date = if seconds < 0 { today - by } else { today + by };
        self.clock.set_date(date);
    }
}

fn http(date: SystemTime) -> header::HeaderValue {
    HttpDate::from(date).try_into_value().unwrap()
}

#[get("/by-timeout")]
#[cached_response(timeout = 60)]
async fn by_timeout(world: web::Data<World>) -> String {
    world.jump(world.in_a_run);
    run().to_string()
}

#[get("/by-max-age")]
#[cached_response(timeout = response)]
async fn by_max_age(world: web::Data<World>) -> HttpResponse {
    world.jump(world.in_a_run);
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "max-age=60"))
        .body(run().to_string())
}

/// Names the time of its run, as of the clock before it was set.
#[get("/by-expires")]
#[cached_response(timeout = response)]
async fn by_expires(world: web::Data<World>) -> HttpResponse {
    let now = SystemTime::UNIX_EPOCH + TODAY;
    world.jump(world.in_a_run);
    HttpResponse::Ok()
        .insert_header((header::DATE, http(now)))
        .insert_header((header::EXPIRES, http(now + MINUTE)))
        .body(run().to_string())
}

const TARGETS: [&str; 3] = ["/by-timeout", "/by-max-age", "/by-expires"];

/// The ages of the answers from the store in each second, with `jump` made in some of them.
async fn ages(target: &str, in_a_run: i64, jumps: &[(u64, i64)]) -> Vec<Option<u64>> {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let world = World { clock, in_a_run };
    let app = App::new()
        .app_data(web::Data::new(world.clone()))
        .service(by_timeout)
        .service(by_max_age)
        .service(by_expires);
    let app = init_service(app).await;
    let first = ask_for(&app, target).await.body;
    let mut ages = Vec::new();
    for second in 0..70 {
        for (_, jump) in jumps.iter().filter(|(at, _)| *at == second) {
            world.jump(*jump);
        }
        let answer = ask_for(&app, target).await;
        ages.push((answer.body == first).then(|| answer.header("age").unwrap().parse().unwrap()));
        world.clock.advance(Duration::from_secs(1));
    }
    ages
}

fn hit_in(seconds: Range<u64>) -> Vec<Option<u64>> {
    let is_hit = |second| seconds.contains(&second).then_some(second);
    (0..70).map(is_hit).collect()
}

#[actix_web::test]
async fn setting_the_time_of_day_changes_no_age_and_no_lifetime() {
    for target in TARGETS {
        assert_eq!(ages(target, 0, &[]).await, hit_in(0..60), "{target}");
        for jump in JUMPS {
            let there_and_back = [(7, jump), (31, 0), (50, -jump)];
            for jumps in [&there_and_back[..1], &there_and_back] {
                let ages = ages(target, 0, jumps).await;
                assert_eq!(ages, hit_in(0..60), "{target} {jumps:?}");
            }
        }
    }
}

/// A response that is dated before a jump forward seems old and is not reused; none lives longer.
#[actix_web::test]
async fn a_jump_in_the_middle_of_a_run_lengthens_no_life() {
    for target in TARGETS {
        for jump in JUMPS {
            let expected = match (target, jump) {
                ("/by-expires", 1..) => hit_in(0..0),
                _ => hit_in(0..60),
            };
            assert_eq!(ages(target, jump, &[]).await, expected, "{target} {jump}");
        }
    }
}

/// What is stored shortly before time ends, as far as the time of day can be represented, is no trouble.
#[actix_web::test]
async fn a_time_of_day_beyond_all_dates_is_no_panic() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let world = World {
        clock: clock.clone(),
        in_a_run: 0,
    };
    let app = App::new().app_data(web::Data::new(world));
    let app = init_service(app.service(by_max_age)).await;
    for days in [0, 1, 365_000, 4_000_000] {
        clock.set_date(SystemTime::UNIX_EPOCH + Duration::from_secs(days * DAY));
        clock.advance(Duration::from_secs(61));
        assert!(!ask_for(&app, "/by-max-age").await.is_hit());
        assert!(ask_for(&app, "/by-max-age").await.is_hit());
    }
}

/// A machine whose clock was never set, or is set by mistake.
#[actix_web::test]
async fn a_time_of_day_before_1970_or_after_9999_answers_as_any_other_does() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let (epoch, day) = (SystemTime::UNIX_EPOCH, Duration::from_secs(DAY));
    let app = init_service(App::new().service(plain).service(dated)).await;
    for date in [
        epoch - day,
        epoch - 30_000 * day,
        epoch,
        epoch + 2_932_896 * day,
        epoch + 2_932_897 * day,
        epoch + 30_000_000 * day,
    ] {
        clock.set_date(date);
        clock.advance(Duration::from_secs(61));
        for target in ["/plain-at", "/dated-at"] {
            let live = ask_for(&app, target).await;
            assert_eq!(
                (live.status, live.is_hit()),
                (200, false),
                "{target} at {date:?}"
            );
            let date = live.header("date").unwrap();
            assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
            let hit = ask_for(&app, target).await;
            assert_eq!(
                (hit.status, hit.is_hit()),
                (200, true),
                "{target} at {date:?}"
            );
        }
    }
}

#[get("/plain-at")]
#[cached_response(timeout = 60)]
async fn plain() -> &'static str {
    "plain"
}

#[get("/dated-at")]
#[cached_response(timeout = response)]
async fn dated() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "max-age=60"))
        .insert_header((header::LAST_MODIFIED, "Thu, 01 Jan 1970 00:00:00 GMT"))
        .body("dated")
}
