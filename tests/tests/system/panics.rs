//! User code that panics: only its own request fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use actix_web::rt::{System, time};
use actix_web::{HttpRequest, HttpResponse, Responder, get, web};
use cached_response::{ResponseCache, ResponseView, cached_response};
use futures_util::{StreamExt as _, stream};
use tests::alone::{ORDERED, Panics, alone};
use tests::crowd::{Crowd, best_of_three};
use tests::raw::{Request, fetch};
use tests::rss;
use tests::stage::{InProcess, Stage, eventually};

/// The places where user code is called.
const PLACES: [&str; 8] = [
    "handler",
    "after an await",
    "key",
    "unless",
    "tag",
    "store_if",
    "only_if",
    "stream",
];

/// The place that panics next, as its number; past the last one none does.
static ARMED: AtomicUsize = AtomicUsize::new(PLACES.len());

/// Panics if this place is armed, which it is not any more then.
fn trip(place: &str) {
    let number = PLACES.iter().position(|it| *it == place).unwrap();
    let armed = ARMED.compare_exchange(number, PLACES.len(), SeqCst, SeqCst);
    assert!(armed.is_err(), "{ORDERED}, in {place}");
}

fn key_part(n: &web::Path<u32>) -> u32 {
    trip("key");
    **n
}

fn is_special() -> bool {
    trip("unless");
    false
}

fn tag_of(n: u32) -> String {
    trip("tag");
    format!("job:{n}")
}

fn is_good(_: &ResponseView<'_>) -> bool {
    trip("store_if");
    true
}

fn may_ask(_: &HttpRequest) -> bool {
    trip("only_if");
    true
}

#[get("/job/{n}")]
#[cached_response(
    timeout = 60,
    key(key_part(&n)),
    unless = is_special(),
    tags(tag_of(**n)),
    store_if = is_good,
    nocache(only_if = may_ask)
)]
async fn work(stage: web::Data<Stage>, n: web::Path<u32>) -> impl Responder {
    trip("handler");
    tokio::task::yield_now().await;
    trip("after an await");
    stage.run();
    let n = *n;
    let body = stream::iter(0..2).map(move |part| {
        trip("stream");
        Ok::<_, actix_web::Error>(web::Bytes::from(format!("{n}.{part};")))
    });
    HttpResponse::Ok().streaming(body)
}

/// Ten thousand panics, and after each of them the next request is fine.
#[test]
fn a_panic_fails_only_the_request_that_it_happened_in() {
    alone(|| {
        let panics = Panics::count();
        System::new().block_on(async {
            let stage = Stage::new(ResponseCache::builder().build());
            let app = stage.app(|app| _ = app.service(work)).await;
            let mut size = 0;
            for round in 0..10_000 {
                if round == 2_000 {
                    size = rss::resident(process::id()).unwrap();
                }
                one_panic(&app, round).await;
                assert_eq!(panics.ordered(), round + 1);
                stage.cache.invalidate_all();
            }
            let grown = rss::resident(process::id()).unwrap().saturating_sub(size);
            assert!(grown <= 1 << 20, "{grown} bytes more");
            assert_eq!(stage.cache.stats().running, 0);
        });
    });
}

async fn one_panic(app: &InProcess, round: usize) {
    let uri = format!("/job/{}", round % 50);
    ARMED.store(round % PLACES.len(), SeqCst);
    let place = PLACES[round % PLACES.len()];
    // `only_if` is called only for a request that demands a live answer.
    let live = format!("{uri}?nocache=1");
    let asked = if place == "only_if" { &live } else { &uri };
    let failed = app.get(asked).survived().await;
    // Where the head is sent already, only the body can break off.
    let failed = failed.is_none_or(|answer| answer.body.is_none());
    assert!(failed, "the request in which {place} panicked was answered");
    for _ in 0..2 {
        let n = round % 50;
        assert_eq!(
            app.get(&uri).text().await,
            format!("{n}.0;{n}.1;"),
            "after {place}"
        );
    }
}

const H: Duration = Duration::from_millis(100);

/// Its first run panics.
#[get("/once")]
#[cached_response(timeout = 60)]
async fn once(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run_at_barrier().await;
    assert_ne!(run, 1, "{ORDERED}");
    format!("run {run}")
}

#[get("/always/{n}")]
#[cached_response(timeout = 60)]
async fn always(stage: web::Data<Stage>) -> impl Responder {
    stage.run();
    time::sleep(H).await;
    panic_as_ordered()
}

#[get("/plain")]
async fn plain() -> impl Responder {
    time::sleep(H).await;
    panic_as_ordered()
}

fn panic_as_ordered() -> &'static str {
    std::panic::panic_any(ORDERED)
}

#[get("/fine")]
#[cached_response(timeout = 60)]
async fn fine() -> impl Responder {
    "fine"
}

fn server(stage: &Stage) -> tests::server::Server {
    stage.serve(2, |app| {
        app.service(once)
            .service(always)
            .service(plain)
            .service(fine);
    })
}

/// The run of the leader panics, and a thousand waiters are answered by one other run.
#[test]
fn after_one_panic_a_thousand_waiters_make_one_other_run() {
    alone(|| {
        let panics = Panics::count();
        let stage = Stage::new(ResponseCache::builder().build());
        let server = server(&stage);
        let mut crowd = Crowd::open(server.address(), 1001).unwrap();
        let request = Request::get("/once");
        crowd.send(&request).unwrap();
        eventually("they wait", || stage.cache.stats().misses == 1001);
        (1..=2).for_each(|run| stage.release(run));
        let answers = crowd.receive(&request);
        let (answered, closed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((answered.len(), closed.len()), (1000, 1));
        assert!(
            answered
                .into_iter()
                .flatten()
                .all(|it| it.text() == "run 2")
        );
        assert_eq!((stage.runs(), panics.ordered()), (2, 1));
        assert_eq!(stage.cache.stats().running, 0);
    });
}

/// Every run panics. Each of a thousand is closed by its own run, in three times the
/// time of one, and the process lives on.
#[test]
fn where_every_run_panics_waits_stay_short() {
    alone(|| {
        let panics = Panics::count();
        let stage = Stage::new(ResponseCache::builder().build());
        let server = server(&stage);
        let closed = |target: String| {
            let request = Request::get(target);
            let mut crowd = Crowd::open(server.address(), 1000).unwrap();
            let started = Instant::now();
            crowd.send(&request).unwrap();
            assert!(crowd.receive(&request).iter().all(Result::is_err));
            started.elapsed()
        };
        let mut round = 0;
        let bound = Duration::from_millis(100);
        let later = best_of_three(bound, || {
            round += 1;
            let bare = closed("/plain".into());
            closed(format!("/always/{round}")).saturating_sub(bare.max(H) + 2 * H)
        });
        assert!(later <= bound, "{later:?} too late");
        // As many panics as runs: no request fails by the panic of another.
        assert_eq!(
            (stage.runs(), panics.ordered()),
            (1000 * round, 2000 * round)
        );
        let other = fetch(server.address(), &Request::get("/fine")).unwrap();
        assert_eq!(
            (other.text().as_str(), stage.cache.stats().running),
            ("fine", 0)
        );
    });
}
