//! The admin scope of a real server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in what it calls as well"
)]

mod access;
mod dashboard;
mod entries;
mod explain;
mod figures;
mod invalidate;
mod log;
mod secrets;
mod shop;
