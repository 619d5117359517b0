//! The remote store beside the memory, and what other processes say of it.

mod alarm;
pub(crate) mod allowance;
mod breaker;
pub(crate) mod calls;
pub(crate) mod dispatch;
mod ears;
pub(crate) mod errand;
mod errands;
pub(crate) mod fetch;
mod guarded;
mod health;
pub(crate) mod hearing;
pub(crate) mod io;
mod lately;
pub(crate) mod lease;
mod line;
pub(crate) mod link;
mod list;
mod listening;
pub(crate) mod message;
mod namesakes;
pub(crate) mod options;
pub(crate) mod parcel;
pub(crate) mod pending;
pub(crate) mod queue;
pub(crate) mod raising;
pub(crate) mod scope;
pub(crate) mod senders;
#[cfg(test)]
mod stand_in;
pub(crate) mod tally;
mod telling;
#[cfg(test)]
mod tests;
mod together;
mod unavailable;
mod warnings;
mod window;
mod wire;
mod withdrawal;

use super::{generation, moment, sync};
