//! The whole system, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in what it calls as well"
)]

mod answers;
mod arguments;
mod ask;
mod clients;
mod collapse;
mod conformance;
mod credentials;
mod documents;
mod hints;
mod invalidation;
mod keys;
mod layout;
mod lines;
mod lints;
mod live;
mod loopholes;
mod messages;
mod middleware;
mod origin;
mod panics;
mod ranges;
mod remote;
mod responders;
mod shapes;
mod shutdown;
mod stale;
mod standard;
mod streams;
mod teardown;
mod testing;
mod time;
mod validation;
mod values;
mod variants;
mod verdicts;
mod watching;
mod writing;
