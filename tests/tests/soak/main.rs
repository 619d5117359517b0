//! Everything at once, with an oracle that knows what may be answered (see `docs/testing.md`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in what it calls as well"
)]

mod game;
mod games;
mod handlers;
mod oracle;
mod pace;
mod page;
mod question;
mod shrink;
mod sockets;
mod verdict;
mod world;
