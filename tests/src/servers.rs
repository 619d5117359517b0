//! Stores of the test's own: real servers on free ports of loopback, ended by their own process ids.
//!
//! A server that is not installed makes the test fail, with the words of what to install.

pub mod certificates;
pub mod cluster;
pub mod memcached;
pub mod redis;
pub mod resp;
pub mod sentinel;
mod spawned;

pub use spawned::{Folder, Spawned, free_port, until};
