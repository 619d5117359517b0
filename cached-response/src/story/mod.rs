//! The life of one request, told in order.

pub(crate) mod arrival;
pub(crate) mod explain;
pub(crate) mod flight;
pub(crate) mod leading;
pub(crate) mod lookup;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod start;
pub(crate) mod visit;
