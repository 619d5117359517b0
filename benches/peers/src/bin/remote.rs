//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin remote [-- --quick --check]`
//!
//! Throughput of a hit where caches share a Redis server, which is started, peers included. `--check`
//! fails where ours without memory reaches less than 3.5 times as much as a peer that has none either.

use benches::remote;

fn main() -> Result<(), String> {
    remote::run(&peers::all_remote())
}
