//! Helpers of the whole-system tests: plain sockets, barriers, servers, child processes.
#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "what a test needs to know of a failure is in its message"
)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "only the tests beside it use this package"
)]

pub mod abort;
pub mod alone;
pub mod barrier;
pub mod blackbox;
pub mod browser;
pub mod crowd;
pub mod dice;
pub mod nodes;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod raw;
pub mod rss;
pub mod server;
pub mod servers;
pub mod stage;
pub mod status_field;
