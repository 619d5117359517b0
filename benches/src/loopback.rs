//! Requests over loopback: one worker of the server on one processor, the load on another.
//!
//! Contenders take turns of a fraction of a second. A round's figure is the ratio to the bare
//! handler's turn in the same round, and the median of these is the result: other load on the
//! machine changes more slowly than turns do. Every other round runs backwards, so that no
//! contender is always the first or the next to the same other. Every few rounds all the servers
//! are started anew: the placement of a process in memory makes it faster or slower by a
//! hundredth or two, until it ends.

use crate::{
    Bounded, Contender, Held,
    options::Options,
    server,
    turns::{CONNECTIONS, Course, ROUNDS, TURN, Turn, measure},
};
use actix_web::rt;

/// Measures, prints a table and holds it against the target.
///
/// # Errors
/// If a server or a connection fails, or a contender is too slow and `--check` is set.
pub fn run(contenders: &[Contender]) -> Result<(), String> {
    if server::serve_if_asked(contenders).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let options = Options::read()?;
    let sittings = if options.quick { 2 } else { 10 };
    options.all_reached(&compare(contenders, &Course::hot(), sittings)?)
}

/// Measures, prints a table, and says who has not reached what it must.
///
/// # Errors
/// If a server or a connection fails.
pub(crate) fn compare(
    contenders: &[Contender],
    course: &Course,
    sittings: usize,
) -> Result<Vec<String>, String> {
    let table = rt::System::new()
        .block_on(measure(contenders, course, sittings))
        .map_err(|error| error.to_string())?;
    print(contenders, &table);
    Ok(missed(contenders, &table))
}

fn print(contenders: &[Contender], table: &[Vec<Turn>]) {
    println!(
        "over loopback, {CONNECTIONS} connections, one worker, {} sittings of {ROUNDS} rounds of {} ms",
        table[0].len() / ROUNDS,
        TURN.as_millis()
    );
    println!(
        "{:<28} {:>20} {:>9} {:>20} {:>9}",
        "", "requests/s, best", "median", "µs of server, best", "median"
    );
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
    }
}

fn missed(contenders: &[Contender], table: &[Vec<Turn>]) -> Vec<String> {
    let mut missed = too_few(contenders, table);
    missed.extend(too_long(contenders, table));
    missed
}

/// Those whose server time a request is over its bound.
fn too_long(contenders: &[Contender], table: &[Vec<Turn>]) -> Vec<String> {
    let mut missed = Vec::new();
    for (contender, turns) in contenders.iter().zip(table) {
        let Some(Bounded { by, most }) = contender.bounded else {
            continue;
        };
        let taken = 1.0 / Figure::of(turns, &table[by], |turn| 1.0 / turn.time).median;
        let (name, other) = (contender.name, contenders[by].name);
        let found = format!("{name}: {taken:.3} of the server time of {other}");
        println!("{found}");
        if taken > most {
            missed.push(format!("{found}, and it may take {most}"));
        }
    }
    missed
}

/// Those whose throughput is under its bound.
fn too_few(contenders: &[Contender], table: &[Vec<Turn>]) -> Vec<String> {
    let mut missed = Vec::new();
    for (contender, turns) in contenders.iter().zip(table) {
        let Some(Held { to, least }) = contender.held else {
            continue;
        };
        let reached = Figure::of(turns, &table[to], |turn| turn.rate).median;
        let (name, other) = (contender.name, contenders[to].name);
        let found = format!("{name}: {reached:.3} of the throughput of {other}");
        println!("{found}");
        if reached < least {
            missed.push(format!("{found}, and it must reach {least}"));
        }
    }
    missed
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
