//! Runtimes that end while everything is under way in them.

use std::process;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{Error, HttpResponse, get, web};
use cached_response::{Policy, ResponseCache, cached, cached_response};
use futures_util::stream::{self, StreamExt as _};
use tests::alone::{Panics, alone};
use tests::raw::{Connection, Request};
use tests::rss;
use tests::stage::{Asked, InProcess, Stage, soon};

const PIECE: usize = 512 << 10;
const ROUNDS: usize = 100;
/// Rounds after which everything that is allocated once has been.
const WARM: usize = 20;
/// Well under what the copies of the other rounds would hold.
const GROWTH: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(20);

#[get("/page/{name}")]
#[cached_response(timeout = 60)]
async fn page(stage: Data<Stage>, name: Path<String>) -> String {
    stage.barriers.at(&name).await;
    name.into_inner()
}

/// Half a mebibyte, and as much again behind a barrier.
#[get("/stream")]
#[cached_response(timeout = 60)]
async fn streamed(stage: Data<Stage>) -> HttpResponse {
    let pieces = stream::iter([1, 2]).then(move |piece| {
        let stage = stage.clone();
        async move {
            if piece == 2 {
                stage.barriers.at("stream").await;
            }
            Ok::<_, Error>(Bytes::from(vec![piece; PIECE - 1]))
        }
    });
    HttpResponse::Ok().streaming(pieces)
}

/// Its second run, behind an answer, waits.
async fn refreshed(stage: Data<Stage>) -> &'static str {
    if stage.run() > 1 {
        stage.barriers.at("refreshed").await;
    }
    "refreshed"
}

fn routes(app: &mut web::ServiceConfig) {
    let policy = Policy::new(60).stale_while_revalidate(60);
    app.service(page)
        .service(streamed)
        .route("/refreshed", web::get().to(cached(policy, refreshed)));
}

/// A run that is led and followed, a live one and one queued behind it, one that its client left,
/// one behind an answer, and copies of streams with and without a client.
async fn everything(stage: &Stage, app: &InProcess) -> Vec<Asked> {
    let at = |barrier: &'static str, count| stage.barriers.arrived(barrier, count);
    let misses = stage.cache.stats().misses;
    let mut alive: Vec<_> = (0..3).map(|_| app.get("/page/led")).collect();
    alive.extend((0..3).map(|_| app.get("/page/live?nocache=1")));
    at("led", 1).await;
    at("live", 1).await;
    soon("all wait", || stage.cache.stats().misses == misses + 3).await;
    let left = app.get("/page/left");
    at("left", 1).await;
    left.leave().await;
    app.get("/refreshed").answer().await;
    stage.cache.expire_path("/refreshed").await.unwrap();
    app.get("/refreshed").answer().await;
    at("refreshed", 1).await;
    alive.push(app.get("/stream"));
    at("stream", 1).await;
    stage.cache.invalidate_path("/stream").await.unwrap();
    let gone = app.get("/stream");
    at("stream", 2).await;
    gone.leave().await;
    alive
}

/// In which order things end.
#[derive(Clone, Copy)]
enum Last {
    Runtime,
    App,
    Requests,
}

fn round(cache: &ResponseCache, last: Last) {
    let stage = Stage::new(cache.clone());
    let system = System::new();
    let (app, alive) = system.block_on(async {
        let app = stage.app(routes).await;
        let alive = everything(&stage, &app).await;
        (app, alive)
    });
    assert!(cache.stats().running >= 5, "{:?}", cache.stats());
    match last {
        Last::Runtime => drop((alive, app, system)),
        Last::App => drop((system, alive, app)),
        Last::Requests => drop((app, system, alive)),
    }
    for (barrier, count) in [("led", 1), ("left", 1), ("refreshed", 1), ("stream", 2)] {
        stage.barriers.wait_given_up(barrier, count, TIMEOUT);
    }
    assert_eq!(cache.stats().running, 0);
    cache.invalidate_all();
}

fn resident() -> usize {
    rss::resident(process::id()).unwrap()
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_everything_leaves_nothing_behind() {
    alone(|| {
        let panics = Panics::count();
        let cache = ResponseCache::builder().build();
        let mut warm = 0;
        for number in 0..ROUNDS {
            let last = [Last::Runtime, Last::App, Last::Requests][number % 3];
            round(&cache, last);
            if number == WARM {
                warm = resident();
            }
        }
        let grown = resident().saturating_sub(warm);
        println!("grown by {grown} bytes; {:?}", cache.stats());
        assert!(grown < GROWTH, "grown by {grown} bytes");
        System::new().block_on(nothing_is_taken(&cache));
        assert_eq!(panics.unordered(), 0);
    });
}

/// A stream is copied still, and this worker has its 64 places for runs whose client has left.
async fn nothing_is_taken(cache: &ResponseCache) {
    let stage = Stage::new(cache.clone());
    let app = stage.app(routes).await;
    let before = cache.stats();
    stage.barriers.release("stream");
    let whole = app.get("/stream").answer().await;
    assert_eq!(whole.body.unwrap().len(), 2 * (PIECE - 1));
    assert_eq!(cache.stats().stored, before.stored + 1);
    for n in 0..64 {
        let name = format!("left-{n}");
        let left = app.get(&format!("/page/{name}"));
        stage.barriers.arrived(&name, 1).await;
        left.leave().await;
    }
    assert_eq!(cache.stats().detached, before.detached + 64);
}

#[test]
fn a_server_that_is_stopped_in_the_middle_of_everything_leaves_nothing_behind() {
    alone(|| {
        let panics = Panics::count();
        let cache = ResponseCache::builder().build();
        for _ in 0..WARM {
            let stage = Stage::new(cache.clone());
            let server = stage.serve(2, routes);
            let send = |target| {
                let mut client = Connection::open(server.address()).unwrap();
                client.send(&Request::get(target)).unwrap();
                client
            };
            let _led: Vec<_> = (0..4).map(|_| send("/page/led")).collect();
            let left = send("/page/left");
            let _streamed = send("/stream");
            stage.barriers.wait_arrived("led", 1, TIMEOUT);
            stage.barriers.wait_arrived("left", 1, TIMEOUT);
            stage.barriers.wait_arrived("stream", 1, TIMEOUT);
            tests::abort::reset(left).unwrap();
            drop(server);
            for barrier in ["led", "left", "stream"] {
                stage.barriers.wait_given_up(barrier, 1, TIMEOUT);
            }
            tests::stage::eventually("nothing runs", || cache.stats().running == 0);
        }
        assert_eq!((panics.unordered(), cache.stats().stored), (0, 0));
    });
}
