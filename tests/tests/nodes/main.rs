//! Processes that share a real store, and what is done to them and to what is between them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in what it calls as well"
)]

mod alone;
mod cluster;
mod invalidations;
mod load;
mod memcached;
mod octets;
mod outages;
mod refusals;
mod setting;
mod sharing;
mod silence;
mod soak;
mod table;
