//! The locks and counts of the collapse, named in one place.
//!
//! The collapse takes what it shares between threads from here and from nowhere else, so that its
//! source can be compiled as it stands against the types of a model checker.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

/// Seeds the hash of a key, so that nobody can choose keys that meet in one shard.
pub(crate) use foldhash::quality::RandomState;

/// Runs a test; a model checker runs it once for each order of its steps.
#[cfg(test)]
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    test();
}
