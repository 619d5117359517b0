//! Metrics: the reasons of each decision, events, their counters and what is read from them.

pub(crate) mod counters;
pub(crate) mod display;
pub(crate) mod event;
#[cfg(any(feature = "admin", feature = "metrics"))]
pub(crate) mod families;
pub(crate) mod reason;
pub(crate) mod stats;
