//! Requests over loopback: one worker of the server on one processor, the load on another.
//!
//! Contenders take turns of a fraction of a second. A round's figure is the ratio to the bare
//! handler's turn in the same round, and the median of these is what counts: what else the
//! machine does comes and goes slower than turns do. Every other round goes backwards, so that
//! nobody is always the first or the next to the same other. And every few rounds all the servers
//! are started anew: where a process happens to lie in memory makes it faster or slower by a
//! hundredth or two, for as long as it lives.

use crate::{
    Contender,
    load::Connection,
    options::Options,
    request,
    server::{self, Server},
};
use actix_web::rt;
use std::{
    io,
    time::{Duration, Instant},
};

/// What a hit must reach of the requests a second of whom it is held against.
const REQUIRED: f64 = 0.95;
const CONNECTIONS: usize = 32;
const TURN: Duration = Duration::from_millis(250);
/// With the same servers. An even number: half of them go backwards.
const ROUNDS: usize = 8;

/// Measures, prints a table and holds it against the target.
///
/// # Errors
/// Where a server or a connection fails, or a contender is too slow and `--check` is set.
pub fn run(contenders: &[Contender]) -> Result<(), String> {
    if server::serve_if_asked(contenders).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let options = Options::read()?;
    let sittings = if options.quick { 2 } else { 10 };
    let table = rt::System::new()
        .block_on(measure(contenders, sittings))
        .map_err(|error| error.to_string())?;
    print(contenders, &table, options)
}

/// What one turn of one contender came to.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Requests a second.
    rate: f64,
    /// Microseconds of the server's processor time a request.
    time: f64,
}

fn print(contenders: &[Contender], table: &[Vec<Turn>], options: Options) -> Result<(), String> {
    println!(
        "over loopback, {CONNECTIONS} connections, one worker, {} sittings of {ROUNDS} rounds of {} ms",
        table[0].len() / ROUNDS,
        TURN.as_millis()
    );
    println!(
        "{:<28} {:>20} {:>9} {:>20} {:>9}",
        "", "requests/s, best", "median", "µs of server, best", "median"
    );
    let mut missed = Vec::new();
    for (contender, turns) in contenders.iter().zip(table) {
        let rate = Figure::of(turns, &table[0], |turn| turn.rate);
        let time = Figure::of(turns, &table[0], |turn| 1.0 / turn.time);
        println!(
            "{:<28} {:>12.0} ({:.3}) {:>9.3} {:>12.2} ({:.3}) {:>9.3}",
            contender.name,
            rate.best,
            rate.of_bests,
            rate.median,
            1.0 / time.best,
            1.0 / time.of_bests,
            1.0 / time.median,
        );
        if let Some(other) = contender.held_to {
            let reached = Figure::of(turns, &table[other], |turn| turn.rate).median;
            if reached < REQUIRED {
                let (name, other) = (contender.name, contenders[other].name);
                missed.push(format!(
                    "{name}: a hit reaches {reached:.3} of the throughput of {other}, and must reach {REQUIRED}"
                ));
            }
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    options.missed(&missed.join("\n"))
}

/// One figure of a contender over all its turns, the more the better, beside the bare handler's.
struct Figure {
    best: f64,
    /// The best turn beside the bare handler's best.
    of_bests: f64,
    /// The median of the ratios within a round.
    median: f64,
}

impl Figure {
    fn of(turns: &[Turn], bare: &[Turn], figure: fn(&Turn) -> f64) -> Self {
        let best = |turns: &[Turn]| turns.iter().map(figure).fold(0.0, f64::max);
        Self {
            best: best(turns),
            of_bests: best(turns) / best(bare),
            median: median(
                turns
                    .iter()
                    .zip(bare)
                    .map(|(turn, bare)| figure(turn) / figure(bare)),
            ),
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(contenders: &[Contender], sittings: usize) -> io::Result<Vec<Vec<Turn>>> {
    server::pin_this_process();
    let mut table = vec![Vec::new(); contenders.len()];
    for _ in 0..sittings {
        sit(contenders, &mut table).await?;
    }
    Ok(table)
}

/// A few rounds with servers of their own.
async fn sit(contenders: &[Contender], table: &mut [Vec<Turn>]) -> io::Result<()> {
    let mut loads = Vec::new();
    for contender in contenders {
        let mut load = Load::start(contender.name).await?;
        load.turn().await?;
        loads.push(load);
    }
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..loads.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            table[place].push(loads[place].turn().await?);
        }
    }
    Ok(())
}

/// A server and its connections.
struct Load {
    server: Server,
    idle: Vec<Connection>,
}

impl Load {
    async fn start(name: &str) -> io::Result<Self> {
        let server = Server::start(name)?;
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS {
            idle.push(Connection::open(server.address()).await?);
        }
        Ok(Self { server, idle })
    }

    async fn turn(&mut self) -> io::Result<Turn> {
        let (start, used) = (Instant::now(), self.server.processor_time()?);
        let asking: Vec<_> = self
            .idle
            .drain(..)
            .map(|connection| rt::spawn(ask(connection, start + TURN)))
            .collect();
        let mut answers: u32 = 0;
        for asking in asking {
            let (connection, count) = asking.await.map_err(io::Error::other)??;
            self.idle.push(connection);
            answers += count;
        }
        let answers = f64::from(answers);
        let used = self.server.processor_time()?.saturating_sub(used);
        Ok(Turn {
            rate: answers / start.elapsed().as_secs_f64(),
            time: used.as_secs_f64() * 1e6 / answers,
        })
    }
}

/// Asks one request after the other, and counts the answers.
async fn ask(mut connection: Connection, until: Instant) -> io::Result<(Connection, u32)> {
    let request = request::on_the_wire(request::TARGET);
    let mut answers = 0;
    while Instant::now() < until {
        connection.ask(&request).await?;
        answers += 1;
    }
    Ok((connection, answers))
}
