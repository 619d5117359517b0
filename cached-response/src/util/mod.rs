//! Small parts that no library has: locks, local tasks, a worker's cache, weak hashes for tests.

pub(crate) mod local_task;
pub(crate) mod sync;
pub(crate) mod weak_hash;
pub(crate) mod worker_cache;
