//! The remote store beside the memory, and what other processes say of it.

pub(crate) mod breaker;
pub(crate) mod hearing;
pub(crate) mod io;
pub(crate) mod message;
pub(crate) mod pending;
pub(crate) mod scope;
pub(crate) mod senders;
#[cfg(test)]
mod tests;
mod window;

use super::{generation, moment, sync};
