//! Small parts that no library has: locks, local tasks, a worker's cache, weak hashes for tests.

pub(crate) mod local_task;
pub(crate) mod sync;

use std::sync::LazyLock;

/// Cache with `SETS` sets of `WAYS` entries each. A value is admitted when it is requested
/// twice in a row in its set, and evicts the oldest entry of the set: a flood of inputs that do not
/// recur evicts nothing.
pub(crate) struct WorkerCache<V, const SETS: usize, const WAYS: usize>(Vec<Set<V, WAYS>>);

struct Set<V, const WAYS: usize> {
    entries: [Option<(u64, V)>; WAYS],
    /// Hash of the last input that was not found.
    candidate: u64,
    next: usize,
}

impl<V, const SETS: usize, const WAYS: usize> WorkerCache<V, SETS, WAYS> {
    pub(crate) fn new() -> Self {
        let set = || Set {
            entries: [const { None }; WAYS],
            candidate: 0,
            next: 0,
        };
        Self((0..SETS).map(|_| set()).collect())
    }

    /// Returns the value with this hash that `is_match` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_match: impl Fn(&V) -> bool) -> Option<&V> {
        let entries = self.0[Self::index(hash)].entries.iter().flatten();
        let mut same = entries.filter(|(known, _)| *known == hash);
        same.find(|(_, value)| is_match(value))
            .map(|(_, value)| value)
    }

    /// Records that a value was not found, and caches it if that is the second time in a row.
    pub(crate) fn admit(&mut self, hash: u64, value: impl FnOnce() -> V) {
        let set = &mut self.0[Self::index(hash)];
        if set.candidate == hash {
            set.entries[set.next] = Some((hash, value()));
            set.next = (set.next + 1) % WAYS;
        }
        set.candidate = hash;
    }

    /// Returns the set of a hash; a mask where `SETS` is a power of two.
    pub(crate) fn index(hash: u64) -> usize {
        usize::try_from(hash % SETS as u64).unwrap_or_default()
    }
}

/// Setting from the environment, which is read with the feature `testing` alone: compiling everything twice
/// would take longer than the tests.
static WEAK: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("CACHED_RESPONSE_WEAK_DIGEST").is_some());

/// Returns whether hashes and digests have four bits.
#[inline]
pub(crate) fn has_weak_hashes() -> bool {
    cfg!(any(test, feature = "testing")) && *WEAK
}

/// Returns a hash of four bits.
pub(crate) fn weak_hash(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all ^ byte ^ (byte >> 4)) & 0xf
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(cache: &WorkerCache<u64, 4, 2>, hash: u64) -> bool {
        cache.find(hash, |value| *value == hash).is_some()
    }

    #[test]
    fn a_value_is_cached_at_its_second_request() {
        let mut cache = WorkerCache::<u64, 4, 2>::new();
        cache.admit(7, || unreachable!("it was requested once"));
        assert!(!has(&cache, 7));
        cache.admit(7, || 7);
        assert!(has(&cache, 7));
        assert!(cache.find(7, |_| false).is_none(), "it is compared in full");
        assert!(!has(&cache, 11), "it is in the same set");
    }

    #[test]
    fn the_oldest_entry_of_a_set_is_evicted() {
        let mut cache = WorkerCache::<u64, 4, 2>::new();
        for hash in [3, 7, 11] {
            (0..2).for_each(|_| cache.admit(hash, || hash));
        }
        assert_eq!(
            [3, 7, 11].map(|hash| has(&cache, hash)),
            [false, true, true]
        );
    }

    #[test]
    fn inputs_that_do_not_recur_evict_nothing() {
        let mut cache = WorkerCache::<u64, 4, 2>::new();
        (0..2).for_each(|_| cache.admit(7, || 7));
        (8..800).for_each(|hash| cache.admit(hash, || unreachable!()));
        assert!(has(&cache, 7));
    }
}
