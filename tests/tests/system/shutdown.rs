//! A process that is stopped while runs are in progress.
//!
//! The test binary calls itself for the server. It takes orders on its standard input, since it
//! takes no connections once it has begun to end.

use std::env;
use std::io::{self, BufRead as _, BufReader, Lines, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{App, Error, HttpResponse, HttpServer, get, web};
use cached_response::{Policy, ResponseCache, cached, cached_response};
use futures_util::stream::{self, StreamExt as _};
use tests::abort::reset;
use tests::raw::{self, Connection, Request};
use tests::server::FREE_PORT;
use tests::stage::{Stage, eventually, soon};

/// The timeout of the server's shutdown, in seconds; set in the process that is the server.
const SERVER: &str = "SHUTDOWN_TEST_SERVER";
const TIMEOUT: Duration = Duration::from_secs(20);

#[get("/page/{name}")]
#[cached_response(timeout = 60)]
async fn page(stage: Data<Stage>, name: Path<String>) -> String {
    stage.barriers.at(&name).await;
    format!("{name}, run {}", stage.run())
}

#[get("/stream")]
#[cached_response(timeout = 60)]
async fn streamed(stage: Data<Stage>) -> HttpResponse {
    let pieces = stream::iter(["first", "second"]).then(move |piece| {
        let stage = stage.clone();
        async move {
            stage.barriers.at(piece).await;
            Ok::<_, Error>(Bytes::from(piece))
        }
    });
    HttpResponse::Ok().streaming(pieces)
}

/// Its second run, behind an answer, waits.
async fn refreshed(stage: Data<Stage>) -> &'static str {
    stage.barriers.at("refreshed").await;
    "of the first run"
}

/// Answers when so many have come to a barrier.
#[get("/arrived/{name}/{count}")]
async fn arrived(stage: Data<Stage>, wanted: Path<(String, usize)>) -> &'static str {
    stage.barriers.arrived(&wanted.0, wanted.1).await;
    "so many"
}

/// Answers when so many requests were misses, and so many runs were handed over.
#[get("/counted/{misses}/{detached}")]
async fn counted(stage: Data<Stage>, wanted: Path<(u64, u64)>) -> &'static str {
    let count = || stage.cache.stats();
    let met = || (count().misses, count().detached) == *wanted;
    soon("they are counted", met).await;
    "so many"
}

#[get("/expire")]
async fn expire(stage: Data<Stage>) -> &'static str {
    stage.cache.expire_path("/refreshed").await.unwrap();
    "expired"
}

fn routes(app: &mut web::ServiceConfig) {
    let policy = Policy::new(60).stale_while_revalidate(60);
    app.service(page)
        .service(streamed)
        .service(arrived)
        .service(counted)
        .service(expire)
        .route("/refreshed", web::get().to(cached(policy, refreshed)));
}

/// The server's process: it listens, takes orders, ends, and says what is left.
fn serve(timeout: u64) {
    let stage = Stage::new(ResponseCache::builder().build());
    let (data, cache) = (Data::new(stage.clone()), stage.cache.clone());
    let app = move || {
        App::new()
            .app_data(data.clone())
            .app_data(cache.clone())
            .configure(routes)
    };
    let server = HttpServer::new(app).workers(2).shutdown_timeout(timeout);
    let server = server.bind(FREE_PORT).unwrap();
    let address = server.addrs()[0];
    let orders = stage.clone();
    thread::spawn(move || {
        for barrier in io::stdin().lines() {
            orders.barriers.let_pass(&barrier.unwrap(), 1);
        }
    });
    System::new().block_on(async {
        let server = server.run();
        println!("listening on {address}");
        server.await.unwrap();
    });
    let stored = stage.cache.stats().stored;
    eventually("nothing runs", || stage.cache.stats().running == 0);
    let after = stage.cache.stats().stored;
    println!("stored {stored} and {}", after - stored);
}

/// The server as its test sees it.
struct Server {
    process: process::Child,
    orders: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    /// Starts a process that runs `test` as the server.
    fn start(test: &str, timeout: u64) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(SERVER, timeout.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = said(&mut output, "listening on ").parse().unwrap();
        Self {
            process,
            orders,
            output,
            address,
        }
    }

    fn ask(&self, target: &str) -> String {
        let request = Request::get(target).header("connection", "close");
        raw::fetch(self.address, &request).unwrap().text()
    }

    /// Sends a request and leaves it under way.
    fn send(&self, target: &str) -> (Connection, Request) {
        let request = Request::get(target);
        let mut client = Connection::open(self.address).unwrap();
        client.send(&request).unwrap();
        (client, request)
    }

    /// Sends SIGTERM, and waits until it has begun to end.
    fn terminate(&self) -> Instant {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.unwrap().success());
        let told = Instant::now();
        eventually("it listens no longer", || {
            TcpStream::connect(self.address).is_err()
        });
        told
    }

    /// Lets one go on that waits at a barrier.
    fn let_pass(&mut self, barrier: &str) {
        writeln!(self.orders, "{barrier}").unwrap();
    }

    /// Returns the time from `told` to its end, and its output about stores at its end and after it.
    fn end(mut self, told: Instant) -> (Duration, String) {
        let mut status = None;
        eventually("it ends", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        let took = told.elapsed();
        assert!(status.unwrap().success(), "it ended with {status:?}");
        (took, said(&mut self.output, "stored "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The rest of the first line that says so; the test's own name may stand before it.
fn said(output: &mut Lines<BufReader<ChildStdout>>, words: &str) -> String {
    let rest = |line: io::Result<String>| Some(line.unwrap().split_once(words)?.1.to_owned());
    output.find_map(rest).expect("it says so before it ends")
}

/// The server, unless this is its process, which serves instead.
fn server(test: &str, timeout: u64) -> Option<Server> {
    if let Ok(timeout) = env::var(SERVER) {
        serve(timeout.parse().unwrap());
        return None;
    }
    Some(Server::start(test, timeout))
}

#[test]
fn waiters_are_answered_during_a_graceful_shutdown() {
    let name = "shutdown::waiters_are_answered_during_a_graceful_shutdown";
    let Some(mut server) = server(name, TIMEOUT.as_secs()) else {
        return;
    };
    let mut waiting = vec![server.send("/page/kept")];
    server.ask("/arrived/kept/1");
    waiting.extend((0..5).map(|_| server.send("/page/kept")));
    let (left, _) = server.send("/page/left");
    server.ask("/arrived/left/1");
    reset(left).unwrap();
    server.ask("/counted/7/1");
    let (mut reading, _) = server.send("/stream");
    server.let_pass("first");
    assert_eq!(reading.receive_head().unwrap().status, 200);
    assert_eq!(reading.receive_chunk().unwrap(), b"first");

    let told = server.terminate();
    server.let_pass("kept");
    server.let_pass("second");
    for (mut client, request) in waiting {
        let answer = client.receive(&request).unwrap();
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (200, "kept, run 1")
        );
    }
    assert_eq!(reading.receive_chunk().unwrap(), b"second");
    assert!(reading.receive_chunk().unwrap().is_empty());
    // A run without a waiting client does not delay it, and is not stored any more.
    let (took, stored) = server.end(told);
    assert!(took < TIMEOUT, "{took:?}");
    assert_eq!(stored, "2 and 0");
}

#[test]
fn a_refresh_behind_an_answer_does_not_hold_up_the_end() {
    let name = "shutdown::a_refresh_behind_an_answer_does_not_hold_up_the_end";
    let Some(mut server) = server(name, TIMEOUT.as_secs()) else {
        return;
    };
    server.let_pass("refreshed");
    assert_eq!(server.ask("/refreshed"), "of the first run");
    server.ask("/expire");
    assert_eq!(server.ask("/refreshed"), "of the first run");
    server.ask("/arrived/refreshed/2");
    let told = server.terminate();
    let (took, stored) = server.end(told);
    assert!(took < TIMEOUT, "{took:?}");
    assert_eq!(stored, "1 and 0");
}

#[test]
fn a_run_that_does_not_end_is_dropped_at_the_timeout_and_not_stored() {
    let name = "shutdown::a_run_that_does_not_end_is_dropped_at_the_timeout_and_not_stored";
    let Some(server) = server(name, 1) else {
        return;
    };
    let waiting = [server.send("/page/kept"), server.send("/page/kept")];
    server.ask("/arrived/kept/1");
    server.ask("/counted/2/0");
    let told = server.terminate();
    let (took, stored) = server.end(told);
    assert!(took < TIMEOUT / 2, "{took:?}");
    assert_eq!(stored, "0 and 0");
    for (mut client, request) in waiting {
        assert!(client.receive(&request).is_err(), "what could it say?");
    }
}
