//! Code that the examples share.

pub mod listen;
