//! The life of one request, told in order.

mod abroad;
pub(crate) mod arrival;
pub(crate) mod asking;
pub(crate) mod at_hand;
pub(crate) mod attempt;
pub(crate) mod computation;
mod due;
pub(crate) mod explain;
pub(crate) mod fence;
mod flight;
pub(crate) mod freshness;
mod from_abroad;
pub(crate) mod leading;
mod live;
pub(crate) mod lookup;
pub(crate) mod refresh;
pub(crate) mod run;
mod search;
mod sending;
pub(crate) mod serve;
pub(crate) mod stand_by;
pub(crate) mod start;
pub(crate) mod under_way;
mod value_search;
pub(crate) mod values;
pub(crate) mod visit;
pub(crate) mod within;
