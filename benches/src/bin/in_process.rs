//! `cargo run --release -p benches --bin in_process [-- --quick --check]`
//!
//! Cost of a hit over a bare handler, without sockets. `--check` fails above 0.5 µs.

use benches::{contenders, in_process, options::Options};

fn main() -> Result<(), String> {
    in_process::run(&contenders::ALL, Options::read()?)
}
