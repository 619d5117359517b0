//! `cargo run --release -p benches --bin remote [-- --quick --check]`
//!
//! Throughput of a hit where caches share a Redis server, which is started. `--check` fails where
//! memory in front of Redis reaches less than 0.95 of memory alone, or where a hit in Redis takes more than
//! 1.3 times the server time of a handler with one plain `GET`.

use benches::{contenders, remote};

fn main() -> Result<(), String> {
    remote::run(&contenders::REMOTE)
}
