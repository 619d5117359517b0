//! Errands that were made lately, by what they were made of.
//!
//! Five names are made of each request, and four digests for them. They depend on nothing but its
//! key and its target: each worker keeps those that are asked for again and again.

use crate::{
    invalidation::generations::Target, remote::entry_key::RemoteKey, route::Route, util::weak_hash,
};
use foldhash::fast::RandomState;
use std::{
    cell::RefCell,
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};

/// Places of one worker, some of which each errand may have: pages that share one would push each
/// other out of it in turn.
const PLACES: usize = 1_024;
const WAYS: usize = 4;
/// Longer keys are left alone.
const LONGEST: usize = 512;

/// An errand, and what it was made of.
struct CachedKey {
    hash: u64,
    remote: u64,
    site: u64,
    key: Box<[u8]>,
    target: Box<str>,
    errand: Arc<RemoteKey>,
}

/// A few places, and the hash of who has last asked for one and had none: who asks twice gets one, in
/// turn.
#[derive(Default)]
struct Places {
    known: [Option<CachedKey>; WAYS],
    challenger: u64,
    next: usize,
}

thread_local! {
    static TABLE: RefCell<Vec<Places>> =
        RefCell::new((0..PLACES / WAYS).map(|_| Places::default()).collect());
}

/// By which remote store, at which site, for which key and which target an errand is.
pub(crate) type Asked<'a> = (u64, &'a Route, &'a [u8], Target<'a>);

/// The errand that was made of the same lately, or the one that `make` makes of it; and whether it
/// had to be made.
pub(crate) fn known(
    asked: Asked<'_>,
    make: impl FnOnce() -> Option<RemoteKey>,
) -> Option<(Arc<RemoteKey>, bool)> {
    let (remote, site, key, target) = asked;
    let Some(target) = target_of(target, key) else {
        return Some((Arc::new(make()?), true));
    };
    let hash = hash(remote, site.id, key);
    let known = TABLE.try_with(|table| {
        let table = table.try_borrow().ok()?;
        let known = table[at(hash)].known.iter().flatten();
        let mut known = known.filter(|known| known.hash == hash);
        let known = known.find(|known| {
            known.remote == remote
                && known.site == site.id
                && *known.key == *key
                && *known.target == *target
        })?;
        Some(Arc::clone(&known.errand))
    });
    // A thread that ends has no table any more.
    if let Ok(Some(errand)) = known {
        return Some((errand, false));
    }
    let errand = Arc::new(make()?);
    let _ = TABLE.try_with(|table| {
        let mut table = table.try_borrow_mut().ok()?;
        table[at(hash)].ask(hash, || CachedKey {
            hash,
            remote,
            site: site.id,
            key: key.into(),
            target: target.into(),
            errand: Arc::clone(&errand),
        });
        Some(())
    });
    Some((errand, true))
}

impl Places {
    /// Somebody asks who is not known.
    fn ask(&mut self, hash: u64, known: impl FnOnce() -> CachedKey) {
        if self.challenger == hash {
            self.known[self.next] = Some(known());
            self.next = (self.next + 1) % WAYS;
        }
        self.challenger = hash;
    }
}

/// What the errand depends on beside the key, where there is no more to it: the tags of a route may be
/// made of anything.
fn target_of<'a>(target: Target<'a>, key: &[u8]) -> Option<&'a str> {
    let Target::Response { config, request } = target else {
        return None;
    };
    let target = request.uri().path_and_query()?.as_str();
    let short = key.len() <= LONGEST && target.len() <= LONGEST;
    (short && config.policy.tags.is_empty()).then_some(target)
}

fn hash(remote: u64, site: u64, key: &[u8]) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if weak_hash::is_on() {
        return weak_hash::hash(key).into();
    }
    HASHER.hash_one((remote, site, key))
}

fn at(hash: u64) -> usize {
    usize::try_from(hash % (PLACES / WAYS) as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
