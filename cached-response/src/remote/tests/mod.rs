//! What holds of any story, and what nodes that share a store know of each other.
//!
//! Shorter stories are run by model checkers, beside the code.

mod hearing;
pub(crate) mod node;
mod outages;
mod pending;
mod raising;
mod silence;
