//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin in_process`
//!
//! Cost of a hit over a bare handler, peers included.

use benches::{in_process, options::Options};

fn main() -> Result<(), String> {
    in_process::run(&peers::all(), Options::read()?)
}
