//! Hits of caches that share a Redis server, over loopback, as `loopback` does it.
//!
//! Only hits are counted: a server that ran the handler where its store was late would gain by it.
//! Redis is on the processor of the load.

use crate::{
    Contender, loopback,
    options::Options,
    redis::{self, Redis},
    server,
    turns::Course,
};

/// Header lines by which contenders mark a hit.
const MARKS: &[&[u8]] = &[b"cache-status: cached-response; hit", b"x-cache: HIT"];
/// Pages requested in turn.
const PAGES: usize = 256;

/// Measures, prints tables and holds them against the targets.
///
/// # Errors
/// If a server or a connection fails, or a contender is too slow and `--check` is set.
pub fn run(contenders: &[Contender]) -> Result<(), String> {
    if server::serve_if_asked(contenders).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let options = Options::read()?;
    let sittings = if options.quick { 1 } else { 5 };
    server::pin_this_process();
    let redis = Redis::start().map_err(|error| error.to_string())?;
    let hot = Course {
        marks: MARKS,
        environment: vec![(redis::ADDRESS, redis.url())],
        ..Course::hot()
    };
    let targets = (0..PAGES).map(|page| format!("/category/{page}?page=2&sort=name"));
    let many = Course {
        targets: targets.collect(),
        ..hot.clone()
    };
    println!("one page");
    let mut missed = loopback::compare(contenders, &hot, sittings)?;
    println!("\n{PAGES} pages in turn");
    missed.extend(loopback::compare(contenders, &many, sittings)?);
    options.all_reached(&missed)
}
