//! Requests over loopback: one worker of the server on one processor, the load on another.
//!
//! Contenders take turns of a fraction of a second. A round's figure is the ratio to the bare
//! handler's turn in the same round, and the median of these is what counts: what else the
//! machine does comes and goes slower than turns do.

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

/// What a hit must reach of the bare handler's requests a second.
const REQUIRED: f64 = 0.95;
const CONNECTIONS: usize = 32;
const TURN: Duration = Duration::from_millis(250);

/// Measures, prints a table and holds it against the target.
///
/// # Errors
/// Where a server or a connection fails, or a contender is too slow and `--check` is set.
pub fn run(contenders: &[Contender]) -> Result<(), String> {
    if server::serve_if_asked(contenders).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let options = Options::read()?;
    let rounds = if options.quick { 12 } else { 80 };
    let table = rt::System::new()
        .block_on(measure(contenders, rounds))
        .map_err(|error| error.to_string())?;
    print(contenders, &table, options)
}

/// What one turn of one contender came to.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Requests a second.
    rate: f64,
    /// Microseconds of the server's processor time a request.
    cost: f64,
}

fn print(contenders: &[Contender], table: &[Vec<Turn>], options: Options) -> Result<(), String> {
    println!(
        "over loopback, {CONNECTIONS} connections, one worker, {} rounds of {} ms",
        table[0].len(),
        TURN.as_millis()
    );
    println!(
        "{:<28} {:>10} {:>9} {:>16} {:>9}",
        "", "requests/s", "to bare", "µs of processor", "to bare"
    );
    let mut worst = f64::INFINITY;
    for (contender, turns) in contenders.iter().zip(table) {
        let to_bare = |figure: fn(&Turn) -> f64| {
            median(
                turns
                    .iter()
                    .zip(&table[0])
                    .map(|(turn, bare)| figure(turn) / figure(bare)),
            )
        };
        let (rate, cost) = (to_bare(|turn| turn.rate), to_bare(|turn| turn.cost));
        println!(
            "{:<28} {:>10.0} {rate:>9.3} {:>16.2} {cost:>9.3}",
            contender.name,
            median(turns.iter().map(|turn| turn.rate)),
            median(turns.iter().map(|turn| turn.cost)),
        );
        if contender.ours {
            worst = worst.min(rate);
        }
    }
    if worst < REQUIRED {
        options.missed(&format!(
            "a hit reaches {worst:.3} of the bare handler's throughput, and must reach {REQUIRED}"
        ))?;
    }
    Ok(())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(contenders: &[Contender], rounds: usize) -> io::Result<Vec<Vec<Turn>>> {
    server::pin_this_process();
    let mut loads = Vec::new();
    for contender in contenders {
        let mut load = Load::start(contender.name).await?;
        load.turn().await?;
        loads.push(load);
    }
    let mut table = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (load, turns) in loads.iter_mut().zip(&mut table) {
            turns.push(load.turn().await?);
        }
    }
    Ok(table)
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
            cost: used.as_secs_f64() * 1e6 / answers,
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
