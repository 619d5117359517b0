//! Responses that depend on what is learnt only from a run.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

mod declared;
mod headers;
mod recorded;
mod streaming;
