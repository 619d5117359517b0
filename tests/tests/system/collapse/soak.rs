//! Random requests, after which no state is left.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::test::TestRequest;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, Responder, error, get, route, web};
use cached_response::testing::ManualClock;
use cached_response::{ResponseCache, cached_response, disable_cache, set_cache_timeout};
use futures_util::{StreamExt as _, stream};
use tests::abort::reset;
use tests::alone::{ORDERED, Panics, alone};
use tests::raw::{Connection, Request};
use tests::stage::{Asked, InProcess, Stage, eventually, soon};
use tokio::task::yield_now;

/// A fixed sequence of pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }
}

/// Handlers and bodies that are not dropped yet.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

struct Alive;

impl Alive {
    fn new() -> Self {
        ALIVE.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, SeqCst);
    }
}

fn panic_sometimes(run: usize) {
    assert_ne!(run % 13, 0, "{ORDERED}");
}

/// The behaviour of a run depends on its number only.
#[route("/any/{n}", method = "GET", method = "HEAD")]
#[cached_response(timeout = 60)]
async fn any(stage: Data<Stage>, n: Path<u32>) -> Result<HttpResponse, actix_web::Error> {
    let alive = Alive::new();
    let run = stage.run();
    for _ in 0..run % 9 {
        yield_now().await;
    }
    panic_sometimes(run);
    let mut response = HttpResponse::Ok();
    match run % 11 {
        0 => return Err(error::ErrorInternalServerError("an error")),
        1 => _ = response.insert_header((header::SET_COOKIE, "a=b")),
        2 => disable_cache(),
        3 => set_cache_timeout(1),
        4 => _ = response.insert_header((header::VARY, "x-tenant")),
        5..=7 => return Ok(response.streaming(pieces(alive, *n, run))),
        _ => {}
    }
    Ok(response.body(n.to_string()))
}

/// Some break off, some panic, some never end.
fn pieces(
    alive: Alive,
    n: u32,
    run: usize,
) -> impl futures_util::Stream<Item = Result<Bytes, actix_web::Error>> {
    stream::iter(0..3).then(move |piece| {
        let _ = &alive;
        async move {
            yield_now().await;
            match (piece, run % 17) {
                (0, _) => Ok(Bytes::from(n.to_string())),
                (1, 3) => Err(error::ErrorBadGateway("the source is gone")),
                (1, 4) => std::panic::panic_any(ORDERED),
                _ => Ok(Bytes::from_static(b" ")),
            }
        }
    })
}

/// A request, and the text of its page.
fn request(dice: &mut Dice) -> (TestRequest, String) {
    let n = dice.below(20);
    let live = ["", "?nocache=1"][usize::from(dice.below(10) == 0)];
    let mut request = TestRequest::with_uri(&format!("/any/{n}{live}"));
    if dice.below(20) == 0 {
        request = request.method(Method::HEAD);
    }
    for (name, value) in [
        (header::AUTHORIZATION, "Bearer a"),
        (header::IF_NONE_MATCH, "\"a\""),
        (header::HeaderName::from_static("x-tenant"), "a"),
    ] {
        if dice.below(20) == 0 {
            request = request.insert_header((name, value));
        }
    }
    (request, n.to_string())
}

/// A hundred thousand requests, of which many are dropped and many panic.
#[test]
fn after_a_hundred_thousand_random_requests_nothing_is_left() {
    alone(|| {
        Panics::count();
        actix_web::rt::System::new().block_on(async {
            let clock = ManualClock::new();
            let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
            let app = stage
                .app(|app| _ = app.service(any).service(super::page))
                .await;
            let left = soak(&stage, &app, &clock).await;
            println!(
                "{} runs, {left} left; {:?}",
                stage.runs(),
                stage.cache.stats()
            );
            soon("runs end", || stage.cache.stats().running == 0).await;
            soon("tasks end", || ALIVE.load(SeqCst) == 0).await;
            let weight = stage.cache.stats().hit_for_pass_bytes;
            assert!(weight <= 2 << 20, "markers weigh {weight} bytes");
            every_place_is_free(&app, &stage).await;
        });
    });
}

/// The number of requests that left before their end.
async fn soak(stage: &Stage, app: &InProcess, clock: &ManualClock) -> usize {
    let mut dice = Dice(0x5eed);
    let mut under_way: Vec<(Asked, String)> = Vec::new();
    let mut left = 0;
    for _ in 0..100_000 {
        let (request, expected) = request(&mut dice);
        under_way.push((app.ask(request), expected));
        match dice.below(200) {
            0 => _ = stage.cache.invalidate_all(),
            1 => clock.advance(Duration::from_secs(2)),
            _ => {}
        }
        if dice.below(3) == 0 {
            yield_now().await;
        }
        if under_way.len() < 30 {
            continue;
        }
        let (one, expected) = under_way.swap_remove(dice.below(30));
        if dice.below(3) == 0 {
            left += usize::from(!one.is_finished());
            one.leave().await;
        } else {
            is_right(one, &expected).await;
        }
    }
    for (one, expected) in under_way {
        is_right(one, &expected).await;
    }
    left
}

/// The answer has the text of its page, or a failure of the handler.
async fn is_right(one: Asked, expected: &str) {
    let Some(answer) = one.survived().await else {
        return;
    };
    match answer.status.as_u16() {
        200 if answer.body.as_ref().is_some_and(|body| !body.is_empty()) => {
            assert_eq!(answer.text().trim(), expected);
        }
        // HEAD, or a body that broke off.
        200 | 304 => {}
        500 => assert_eq!(answer.text(), "an error"),
        other => panic!("status {other}"),
    }
}

/// A worker has 64 permits for detached runs.
async fn every_place_is_free(app: &InProcess, stage: &Stage) {
    let before = stage.cache.stats().detached;
    let runs = stage.runs();
    for n in 1..=64 {
        let leader = app.get(&format!("/page/{n}"));
        stage.at_run(runs + n).await;
        leader.leave().await;
    }
    assert_eq!(stage.cache.stats().detached, before + 64);
    (1..=64).for_each(|n| stage.release(runs + n));
    soon("they end", || stage.cache.stats().running == 0).await;
}

/// Panics on one run of thirteen; waits a little.
#[get("/short/{n}")]
#[cached_response(timeout = 60)]
async fn short(stage: Data<Stage>, n: Path<u32>) -> impl Responder {
    static PAUSE: LazyLock<Duration> = LazyLock::new(|| Duration::from_millis(1));
    let alive = Alive::new();
    let run = stage.run();
    actix_web::rt::time::sleep(*PAUSE).await;
    panic_sometimes(run);
    let n = *n;
    let pieces = stream::iter(0..run % 5).map(move |_| {
        let _ = &alive;
        Ok::<_, Infallible>(Bytes::from(n.to_string()))
    });
    HttpResponse::Ok().streaming(pieces)
}

/// Over sockets, with resets.
#[test]
fn after_random_requests_over_sockets_nothing_is_left() {
    alone(|| {
        Panics::count();
        let stage = Stage::new(ResponseCache::builder().build());
        let server = stage.serve(2, |app: &mut web::ServiceConfig| _ = app.service(short));
        let mut dice = Dice(0x5eed);
        let mut under_way = Vec::new();
        for round in 0..3000 {
            let request = Request::get(format!("/short/{}", dice.below(10)));
            let mut client = Connection::open(server.address()).unwrap();
            client.send(&request).unwrap();
            under_way.push((client, request));
            if round % 20 == 0 {
                stage.cache.invalidate_all();
            }
            if under_way.len() == 30 {
                let (mut client, request) = under_way.swap_remove(dice.below(30));
                if dice.below(2) == 0 {
                    reset(client).unwrap();
                } else if let Ok(answer) = client.receive(&request) {
                    assert_eq!(answer.status(), 200);
                }
            }
        }
        drop(under_way);
        eventually("runs end", || stage.cache.stats().running == 0);
        eventually("tasks end", || ALIVE.load(SeqCst) == 0);
    });
}
