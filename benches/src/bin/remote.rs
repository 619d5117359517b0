//! `cargo run --release -p benches --bin remote [-- --quick --check]`
//!
//! Throughput of a hit where caches share a Redis server, which is started. `--check` fails where
//! memory in front of Redis reaches less than 0.95 of memory alone.

use benches::{contenders, remote};

fn main() -> Result<(), String> {
    remote::run(&contenders::REMOTE)
}
