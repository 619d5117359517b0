//! `cargo run --release -p benches --bin loopback [-- --quick --check]`
//!
//! Throughput of a hit beside a bare handler, over HTTP/1.1. `--check` fails under 0.95 of it.

use benches::{contenders, loopback};

fn main() -> Result<(), String> {
    loopback::run(&contenders::ALL)
}
