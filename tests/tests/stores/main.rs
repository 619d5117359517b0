//! Remote stores, against real servers.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in what it calls as well"
)]

mod memcached;
mod redis;
