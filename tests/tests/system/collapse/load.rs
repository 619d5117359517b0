//! Many clients at once, over sockets.
//!
//! A bound on time is the time of the same handler without a cache, under the same load in the same run, and
//! a margin.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, Responder, get, web};
use cached_response::{ResponseCache, cached_response};
use tests::abort::reset;
use tests::crowd::{Crowd, best_of_three, slowest};
use tests::raw::{Connection, Request};
use tests::stage::{Stage, eventually};

use super::{page, stage};

/// The duration of the handlers here.
const H: Duration = Duration::from_millis(100);
const ON_TOP: Duration = Duration::from_millis(50);

/// Large enough to detect a body that is cut short or mixed up.
fn body(run: usize) -> String {
    format!("run {run};").repeat(500)
}

#[get("/plain")]
async fn plain() -> impl Responder {
    actix_web::rt::time::sleep(H).await;
    body(0)
}

#[get("/slow/{n}")]
#[cached_response(timeout = 60)]
async fn slow(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run();
    actix_web::rt::time::sleep(H).await;
    body(run)
}

/// A thousand misses of one key are one run, and take no longer than that.
#[test]
fn a_thousand_misses_are_one_run() {
    let stage = stage();
    let server = stage.serve(2, |app| _ = app.service(plain).service(slow));
    let mut crowd = Crowd::open(server.address(), 1000).unwrap();
    let mut round = 0;
    let later = best_of_three(ON_TOP, || {
        round += 1;
        let bare = slowest(&crowd.exchange(&Request::get("/plain")).unwrap());
        let request = Request::get(format!("/slow/{round}"));
        let answers = crowd.exchange(&request).unwrap();
        assert_eq!(stage.runs(), round);
        let expected = body(round);
        assert!(
            answers
                .iter()
                .all(|it| it.status() == 200 && it.text() == expected)
        );
        slowest(&answers).saturating_sub(bare.max(H))
    });
    assert!(later <= ON_TOP, "the slowest of them is {later:?} later");
    assert_eq!(stage.cache.stats().running, 0);
}

/// The leader resets its connection while a hundred wait.
#[test]
fn a_hundred_waiters_are_answered_by_the_run_of_a_leader_that_was_reset() {
    let stage = stage();
    let server = stage.serve(2, |app| _ = app.service(page));
    let request = Request::get("/page/a");
    let mut leader = Connection::open(server.address()).unwrap();
    leader.send(&request).unwrap();
    stage
        .barriers
        .wait_arrived("run 1", 1, Duration::from_secs(10));
    let mut crowd = Crowd::open(server.address(), 100).unwrap();
    crowd.send(&request).unwrap();
    eventually("they wait", || stage.cache.stats().misses == 101);
    reset(leader).unwrap();
    eventually("it is handed over", || stage.cache.stats().detached == 1);
    stage.release(1);
    for answer in crowd.receive(&request) {
        let answer = answer.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "a, run 1"));
    }
    assert_eq!(stage.runs(), 1);
    eventually("it ends", || stage.cache.stats().running == 0);
}

#[get("/session")]
#[cached_response(timeout = 60)]
async fn session(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run();
    actix_web::rt::time::sleep(H).await;
    HttpResponse::Ok()
        .insert_header(("set-cookie", format!("session={run}")))
        .insert_header(("cache-control", "private"))
        .body(body(run))
}

/// A response that may not be stored is never shared; the first wave waits for one run in vain, and the
/// second runs at once.
#[test]
fn fifty_sessions_are_fifty_runs_in_two_waves() {
    let later = best_of_three(ON_TOP, || {
        let stage = stage();
        let server = stage.serve(2, |app| _ = app.service(session));
        let mut crowd = Crowd::open(server.address(), 50).unwrap();
        let request = Request::get("/session");
        let waves = [2, 1].map(|runs| {
            let answers = crowd.exchange(&request).unwrap();
            let cookies: HashSet<_> = answers.iter().map(|it| it.header("set-cookie")).collect();
            assert_eq!(cookies.len(), 50);
            assert!(!cookies.contains(&None));
            slowest(&answers).saturating_sub(runs * H)
        });
        assert_eq!(stage.runs(), 100);
        assert!(
            stage.cache.stats().hit_for_pass >= 50,
            "the whole second wave"
        );
        waves[0].max(waves[1])
    });
    assert!(later <= ON_TOP, "a wave took {later:?} too long");
}

/// Blocks a worker's thread until the test sends a message.
type Block = Mutex<Receiver<()>>;

#[get("/worker")]
async fn worker() -> impl Responder {
    format!("{:?}", thread::current().id())
}

/// Its first run blocks the thread of its worker.
#[get("/blocking")]
#[cached_response(timeout = 60)]
async fn blocking(stage: web::Data<Stage>, block: web::Data<Block>) -> impl Responder {
    let run = stage.run();
    if run == 1 {
        let _ = block.lock().unwrap().recv_timeout(Duration::from_secs(20));
    }
    format!("run {run}")
}

fn with_block(stage: &Stage) -> (tests::server::Server, Sender<()>) {
    let (unblock, block) = channel();
    let block = web::Data::new(Mutex::new(block));
    let (data, cache) = (web::Data::new(stage.clone()), stage.cache.clone());
    let server = tests::server::Server::start(2, move |app| {
        app.app_data(block.clone())
            .app_data(data.clone())
            .app_data(cache.clone())
            .service(worker)
            .service(blocking);
    });
    (server.unwrap(), unblock)
}

/// A leader that blocks its thread does not block waiters on the other worker.
#[test]
fn waiters_on_another_worker_time_out_in_time() {
    let limit = Duration::from_millis(200);
    let stage = Stage::new(ResponseCache::builder().wait_timeout(limit).build());
    let (server, unblock) = with_block(&stage);
    let (who, request) = (Request::get("/worker"), Request::get("/blocking"));
    let mut clients: Vec<_> = (0..20)
        .map(|_| Connection::open(server.address()).unwrap())
        .map(|mut client| (client.exchange(&who).unwrap().text(), client))
        .collect();
    let (place, mut leader) = clients.pop().unwrap();
    clients.retain(|(other, _)| *other != place);
    assert!(!clients.is_empty(), "connections go to both workers");
    leader.send(&request).unwrap();
    eventually("it leads", || stage.runs() == 1);
    let started = Instant::now();
    for (_, client) in &mut clients {
        client.send(&request).unwrap();
    }
    for (_, client) in &mut clients {
        assert_eq!(client.receive(&request).unwrap().status(), 200);
    }
    let took = started.elapsed();
    assert!(took >= limit, "they did not wait: {took:?}");
    assert!(took <= limit + Duration::from_millis(800), "{took:?}");
    assert_eq!(stage.cache.stats().wait_timeouts, clients.len() as u64);
    unblock.send(()).unwrap();
    assert_eq!(leader.receive(&request).unwrap().text(), "run 1");
}
