//! Programs that show the crate at work, and what they share.

pub mod listen;
