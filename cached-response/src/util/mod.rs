//! Small parts that no library has: locks, batches, a shared one-shot, buffers, weak hashes for tests.

pub(crate) mod batch;
#[cfg(feature = "redis")]
pub(crate) mod buffer_pool;
pub(crate) mod local_task;
pub(crate) mod shared_oneshot;
pub(crate) mod sync;
pub(crate) mod weak_hash;
pub(crate) mod worker_cache;
