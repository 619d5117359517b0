//! Other people's caches below the same route.

mod memoized;

use benches::{Contender, contenders::ALL};

/// Ours, and theirs.
pub fn all() -> Vec<Contender> {
    let mut all = ALL.to_vec();
    all.push(Contender::peer("`cached` below the handler", memoized::configure));
    all
}
