//! The remote store beside the memory, and what other processes say of it.

pub(crate) mod allowance;
pub(crate) mod breaker;
pub(crate) mod calls;
mod ears;
mod guarded;
mod health;
pub(crate) mod hearing;
pub(crate) mod io;
pub(crate) mod line;
mod listening;
pub(crate) mod message;
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
mod unavailable;
mod warnings;
mod window;

use super::{generation, moment, sync};
