//! Every option for stale responses sets the policy.

use std::cell::Cell;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use cached_response::cached_response;
use cached_response::testing::ManualClock;
use cached_response::{ResponseCache, ResponseCacheBuilder};
use tests::stage::{Answer, InProcess, Stage, soon};

const MINUTE: u64 = 60;

fn second() -> Duration {
    Duration::from_secs(1)
}

thread_local! {
    static FAILS: Cell<bool> = const { Cell::new(false) };
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Returns the number of its run; waits at the barrier, or fails, where the test sets it.
async fn numbered(stage: &Stage) -> HttpResponse {
    let run = if WAITS.get() {
        stage.run_at_barrier().await
    } else {
        stage.run()
    };
    if FAILS.get() {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().body(run.to_string())
}

macro_rules! pages {
    ($($name:ident ($($options:tt)*);)*) => {
        $(
            #[cached_response(timeout = 10, $($options)*)]
            async fn $name(stage: web::Data<Stage>) -> HttpResponse {
                numbered(&stage).await
            }
        )*

        fn routes(app: &mut web::ServiceConfig) {
            app.route("/by_its_own_word", web::get().to(by_its_own_word));
            $(app.route(concat!("/", stringify!($name)), web::get().to($name));)*
        }
    };
}

pages! {
    said_nothing (query = all);
    revalidated (stale_while_revalidate = 30s);
    revalidated_by_text (stale_while_revalidate = "1m 30s");
    revalidated_by_constant (stale_while_revalidate = MINUTE);
    never_revalidated (stale_while_revalidate = 0);
    stood_in_for (stale_if_error = 30);
    stood_in_for_by_call (stale_if_error = second() * 30);
    never_stood_in_for (stale_if_error = 0s, failure_cooldown = 0);
    refreshed (refresh_ahead = 0.5);
    impatient (stale_if_error = 30s, soft_timeout = 200ms);
    limited (run_timeout = 3s);
    spread_out (jitter = 0.5, query = all);
    rested (stale_if_error = 30s, failure_cooldown = 5s);
    restless (stale_if_error = 30s, failure_cooldown = 0);
}

#[cached_response(timeout = response, soft_timeout = 200ms, failure_cooldown = 5s)]
async fn by_its_own_word(stage: web::Data<Stage>) -> HttpResponse {
    let mut response = numbered(&stage).await;
    let word = HeaderValue::from_static("max-age=10, stale-if-error=30");
    response.headers_mut().insert(CACHE_CONTROL, word);
    response
}

struct Scene {
    clock: ManualClock,
    stage: Stage,
    app: InProcess,
}

impl Scene {
    async fn of(cache: ResponseCacheBuilder) -> Self {
        let clock = ManualClock::new();
        let stage = Stage::new(cache.clock(&clock).build());
        let app = stage.app(routes).await;
        Self { clock, stage, app }
    }

    /// Stores a response of `page` and advances the clock by its age in seconds.
    async fn aged(page: &str, seconds: u64) -> Self {
        let scene = Self::of(ResponseCache::builder()).await;
        scene.age(page, seconds).await;
        scene
    }

    async fn age(&self, page: &str, seconds: u64) {
        self.get(page).await;
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn get(&self, page: &str) -> Answer {
        self.app.get(&format!("/{page}")).answer().await
    }
}

/// The body, and the reason in `Cache-Status`.
fn said(answer: &Answer) -> (String, &str) {
    let status = answer.header("cache-status").unwrap();
    let detail = status.split("detail=").nth(1).unwrap_or_default();
    (answer.text(), detail)
}

#[actix_web::test]
async fn a_stale_response_is_served_while_it_is_revalidated() {
    for (page, window) in [
        ("revalidated", 30),
        ("revalidated_by_text", 90),
        ("revalidated_by_constant", 60),
    ] {
        let scene = Scene::aged(page, 10 + window - 1).await;
        let stale = scene.get(page).await;
        let expected = ("1".into(), "stale-while-revalidate");
        assert_eq!(said(&stale), expected, "{page}");
        soon("the handler runs", || scene.stage.runs() == 2).await;
        scene.clock.advance(Duration::from_secs(10 + window));
        assert_eq!(said(&scene.get(page).await), ("3".into(), ""), "{page}");
    }
}

#[actix_web::test]
async fn a_stale_response_is_served_where_the_handler_fails() {
    for page in ["stood_in_for", "stood_in_for_by_call"] {
        let scene = Scene::aged(page, 39).await;
        FAILS.set(true);
        let stale = scene.get(page).await;
        assert_eq!(said(&stale), ("1".into(), "stale-if-error"), "{page}");
        scene.clock.advance(second());
        assert_eq!(scene.get(page).await.status.as_u16(), 500, "{page}");
        FAILS.set(false);
    }
}

#[actix_web::test]
async fn a_response_is_refreshed_before_its_lifetime_ends() {
    let scene = Scene::aged("refreshed", 4).await;
    scene.get("refreshed").await;
    assert_eq!(scene.stage.runs(), 1);
    scene.clock.advance(second());
    assert_eq!(said(&scene.get("refreshed").await), ("1".into(), ""));
    soon("the handler runs", || scene.stage.runs() == 2).await;
}

/// The window may come from the route or from the response.
#[actix_web::test]
async fn the_soft_timeout_ends_the_wait_for_a_slow_run() {
    for page in ["impatient", "by_its_own_word"] {
        let scene = Scene::aged(page, 11).await;
        WAITS.set(true);
        let asked = scene.app.get(&format!("/{page}"));
        scene.stage.at_run(2).await;
        scene.clock.advance(Duration::from_millis(200));
        let answer = asked.answer().await;
        assert_eq!(said(&answer), ("1".into(), "answer-stale-after"), "{page}");
        scene.stage.release(2);
        WAITS.set(false);
    }
}

#[actix_web::test]
async fn a_run_over_its_timeout_has_failed() {
    let scene = Scene::of(ResponseCache::builder()).await;
    WAITS.set(true);
    let asked = scene.app.get("/limited");
    scene.stage.at_run(1).await;
    scene.clock.advance(3 * second());
    let answer = asked.answer().await;
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(said(&answer), (String::new(), "run-timeout"));
}

#[actix_web::test]
async fn jitter_shortens_lifetimes() {
    let scene = Scene::of(ResponseCache::builder()).await;
    let lives_on = async |page: &str| {
        let mut lives = 0;
        for number in 0..64 {
            let target = format!("{page}?{number}");
            scene.age(&target, 7).await;
            lives += usize::from(scene.get(&target).await.header("age").is_some());
        }
        lives
    };
    assert_eq!(lives_on("said_nothing").await, 64);
    let lives = lives_on("spread_out").await;
    assert!((1..64).contains(&lives), "{lives}");
}

#[actix_web::test]
async fn a_failure_starts_the_cooldown_of_the_route() {
    for (page, runs) in [
        ("stood_in_for", [2, 2, 2]),
        ("rested", [2, 2, 3]),
        ("restless", [2, 3, 4]),
    ] {
        let scene = Scene::aged(page, 11).await;
        FAILS.set(true);
        for (seconds, runs) in [0, 4, 1].into_iter().zip(runs) {
            scene.clock.advance(Duration::from_secs(seconds));
            let stale = scene.get(page).await;
            assert_eq!(said(&stale), ("1".into(), "stale-if-error"), "{page}");
            assert_eq!(scene.stage.runs(), runs, "{page}");
        }
        FAILS.set(false);
    }
}

#[actix_web::test]
async fn zero_switches_off_the_default_of_the_cache() {
    let cache = || ResponseCache::builder().stale_while_revalidate(30);
    for (page, answer) in [("said_nothing", "1"), ("never_revalidated", "2")] {
        let scene = Scene::of(cache()).await;
        scene.age(page, 11).await;
        assert_eq!(scene.get(page).await.text(), answer, "{page}");
    }
    let cache = || ResponseCache::builder().stale_if_error(30);
    for (page, status) in [("said_nothing", 200), ("never_stood_in_for", 500)] {
        let scene = Scene::of(cache()).await;
        scene.age(page, 11).await;
        FAILS.set(true);
        assert_eq!(scene.get(page).await.status.as_u16(), status, "{page}");
        FAILS.set(false);
    }
}
