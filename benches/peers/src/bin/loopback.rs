//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin loopback`
//!
//! Throughput of a hit beside a bare handler, peers included.

use benches::loopback;

fn main() -> Result<(), String> {
    loopback::run(&peers::all())
}
