//! The life of one request, told in order.

pub(crate) mod arrival;
pub(crate) mod at_hand;
pub(crate) mod attempt;
pub(crate) mod computation;
pub(crate) mod explain;
pub(crate) mod fence;
mod flight;
pub(crate) mod freshness;
pub(crate) mod leading;
pub(crate) mod lookup;
pub(crate) mod refresh;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod stand_by;
pub(crate) mod start;
pub(crate) mod under_way;
pub(crate) mod values;
pub(crate) mod visit;
pub(crate) mod within;
