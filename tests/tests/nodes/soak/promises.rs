//! Minimum version of every answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::SILENCE;

/// By then an acknowledged invalidation holds in the memory of every node.
const BOUND: Duration = SILENCE.saturating_add(Duration::from_secs(1));
/// Tolerance for a process on a busy machine, in addition to the bound.
const LATE: Duration = Duration::from_millis(500);

/// The promises that were made for each target.
#[derive(Debug, Default)]
pub(super) struct Promises(Mutex<HashMap<String, Vec<Promise>>>);

#[derive(Debug, Clone, Copy)]
struct Promise {
    version: u64,
    /// The node that received the call, where it holds at once.
    node: usize,
    made: Instant,
    /// True if it was acknowledged and holds on all nodes.
    everywhere: bool,
}

impl Promise {
    fn binds(&self, node: usize, now: Instant) -> bool {
        self.node == node || self.everywhere && now > self.made + BOUND + LATE
    }
}

impl Promises {
    /// From now on `node` answers for `target` with this version or a newer one; after the bound, each node does,
    /// if it was acknowledged.
    pub(super) fn make(&self, target: &str, version: u64, node: usize, everywhere: bool) {
        let made = Instant::now();
        let promise = Promise {
            version,
            node,
            made,
            everywhere,
        };
        let mut all = self.lock();
        let of_target = all.entry(target.to_owned()).or_default();
        of_target.push(promise);
        forget(of_target, made);
    }

    /// The oldest version that a request may be answered with that is sent to `node` now.
    pub(super) fn least(&self, target: &str, node: usize) -> u64 {
        let now = Instant::now();
        let all = self.lock();
        let binding = all.get(target).into_iter().flatten();
        let binding = binding.filter(|it| it.binds(node, now));
        binding.map(|it| it.version).max().unwrap_or(1)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Promise>>> {
        self.0.lock().unwrap()
    }
}

/// Removes those that are implied by another one that binds all nodes.
fn forget(promises: &mut Vec<Promise>, now: Instant) {
    let bound = |it: &&Promise| it.binds(usize::MAX, now);
    let most = promises.iter().filter(bound).map(|it| it.version).max();
    promises.retain(|it| most.is_none_or(|most| it.version >= most));
}
