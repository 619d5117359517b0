//! `cargo run --release -p benches --bin stampede [-- --check]`
//!
//! 1,000 requests at once for a page that is not stored: the number of runs of the handler, and
//! the longest wait. `--check` fails above one run, or above the handler's time and 50 ms.

use actix_web::{
    Responder, get, rt,
    web::{Path, ServiceConfig},
};
use benches::{Contender, load::Connection, options::Options, request, server};
use cached_response::cached_response;
use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

const REQUESTS: usize = 1000;
/// Run time of the handler.
const WORK: Duration = Duration::from_millis(100);
/// Largest time that coalescing may add for the slowest client.
const ALLOWED: Duration = Duration::from_millis(50);
/// Cold pages, one after the other; the median counts.
const ROUNDS: usize = 9;

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[get("/slow/{round}")]
#[cached_response]
async fn slow(round: Path<usize>) -> impl Responder {
    RUNS.fetch_add(1, Relaxed);
    rt::time::sleep(WORK).await;
    round.to_string()
}

#[get("/runs")]
async fn count_runs() -> impl Responder {
    RUNS.swap(0, Relaxed).to_string()
}

fn configure(config: &mut ServiceConfig) {
    config.service(slow).service(count_runs);
}

fn main() -> Result<(), String> {
    let contenders = [Contender::peer("stampede", configure)];
    if server::serve_if_asked(&contenders).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let options = Options::read()?;
    let rounds = rt::System::new().block_on(measure());
    let rounds = rounds.map_err(|error| error.to_string())?;
    let most = rounds.iter().map(|(runs, _)| *runs).max().unwrap_or(0);
    let mut slowest: Vec<_> = rounds.iter().map(|(_, slowest)| *slowest).collect();
    slowest.sort_unstable();
    println!("{REQUESTS} cold requests at once, a handler of {WORK:?}, {ROUNDS} rounds");
    println!("runs a round       {most} at most");
    println!(
        "the slowest waits  {:?} (median), {:?} to {:?}",
        slowest[ROUNDS / 2],
        slowest[0],
        slowest[ROUNDS - 1]
    );
    if most != 1 || slowest[ROUNDS / 2] > WORK + ALLOWED {
        options.missed("there must be one run, and nobody may wait 50 ms longer than it takes")?;
    }
    Ok(())
}

async fn measure() -> io::Result<Vec<(usize, Duration)>> {
    server::pin_this_process();
    let server = server::Server::start("stampede", &[])?;
    let ask_runs = request::on_the_wire("/runs");
    let mut connections = Vec::new();
    for _ in 0..REQUESTS {
        let mut connection = Connection::open(server.address()).await?;
        // Answered: so the server has accepted it.
        connection.ask(&ask_runs).await?;
        connections.push(connection);
    }
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let slowest = all_at_once(&mut connections, &format!("/slow/{round}")).await?;
        let answer = connections[0].ask(&ask_runs).await?;
        rounds.push((count(answer)?, slowest));
    }
    Ok(rounds)
}

/// Returns the longest wait for an answer.
async fn all_at_once(connections: &mut Vec<Connection>, target: &str) -> io::Result<Duration> {
    let mut asking = Vec::new();
    for mut connection in connections.drain(..) {
        let request = request::on_the_wire(target);
        asking.push(rt::spawn(async move {
            let start = Instant::now();
            let answer = connection.ask(&request).await.map(|_| ());
            answer.map(|()| (connection, start.elapsed()))
        }));
    }
    let mut slowest = Duration::ZERO;
    for asking in asking {
        let (connection, waited) = asking.await.map_err(io::Error::other)??;
        connections.push(connection);
        slowest = slowest.max(waited);
    }
    Ok(slowest)
}

fn count(answer: &[u8]) -> io::Result<usize> {
    let digits = answer.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let digits: Vec<u8> = digits.copied().collect();
    let text: String = digits
        .iter()
        .rev()
        .map(|digit| char::from(*digit))
        .collect();
    text.parse().map_err(io::Error::other)
}
