//! Reasons and counters.

pub(crate) mod counters;
pub(crate) mod reason;
