//! Reasons and counters.

pub(crate) mod counters;
pub(crate) mod reason;
pub(crate) mod remote_stats;
