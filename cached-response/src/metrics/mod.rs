//! Metrics: the reasons of each decision, events and their counters.

pub(crate) mod counters;
pub(crate) mod reason;
