//! The remote store beside the memory, and what other processes say of it.

pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod bus;
pub(crate) mod catch_unwind;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod deadline;
pub(crate) mod delete;
pub(crate) mod entry_key;
pub(crate) mod entry_key_cache;
pub(crate) mod error;
pub(crate) mod executor;
pub(crate) mod head_cache;
pub(crate) mod health;
pub(crate) mod in_flight_read;
pub(crate) mod lease;
pub(crate) mod log;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod prepared_write;
pub(crate) mod read;
pub(crate) mod stats;
pub(crate) mod tier;
pub(crate) mod timer;
pub(crate) mod vary;
pub(crate) mod window;
pub(crate) mod write;
pub(crate) mod write_queue;

#[cfg(test)]
mod tests;
