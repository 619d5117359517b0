//! Stores of the test's own: real servers on free ports of loopback, ended by their own process ids.
//!
//! A server that is not installed makes the test fail, with the words of what to install.

pub mod redis;
pub mod resp;
mod spawned;

pub use spawned::{Folder, Spawned, free_port, until};
