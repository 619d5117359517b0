//! Small parts that no library has: locks, batches, weak hashes for tests.

pub(crate) mod batch;
pub(crate) mod local_task;
pub(crate) mod sync;
pub(crate) mod weak_hash;
pub(crate) mod worker_cache;
