//! Errands that were made lately, by what they were made of.
//!
//! Five names are made of each request, and four digests for them. They depend on nothing but its
//! key and its target: each worker keeps those that are asked for again and again.

use super::errand::Errand;
use crate::{
    ground::weak,
    machinery::{generations::Target, site::Site},
};
use foldhash::fast::RandomState;
use std::{
    cell::RefCell,
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};

/// Places of one worker.
const PLACES: usize = 1_024;
/// Longer keys are left alone.
const LONGEST: usize = 512;

/// An errand, and what it was made of.
struct Known {
    remote: u64,
    site: u64,
    key: Box<[u8]>,
    target: Box<str>,
    errand: Arc<Errand>,
}

/// A place, and the hash of who has asked for it last: who asks twice gets it.
#[derive(Default)]
struct Place {
    known: Option<Known>,
    challenger: u64,
}

thread_local! {
    static TABLE: RefCell<Vec<Place>> =
        RefCell::new((0..PLACES).map(|_| Place::default()).collect());
}

/// By which remote store, at which site, for which key and which target an errand is.
pub(super) type Asked<'a> = (u64, &'a Site, &'a [u8], Target<'a>);

/// The errand that was made of the same lately, or the one that `make` makes of it.
pub(super) fn known(
    asked: Asked<'_>,
    make: impl FnOnce() -> Option<Errand>,
) -> Option<Arc<Errand>> {
    let (remote, site, key, target) = asked;
    let Some(target) = target_of(target, key) else {
        return make().map(Arc::new);
    };
    let hash = hash(remote, site.id, key);
    let known = TABLE.try_with(|table| {
        let table = table.try_borrow().ok()?;
        let known = table[at(hash)].known.as_ref()?;
        let same = known.remote == remote
            && known.site == site.id
            && *known.key == *key
            && *known.target == *target;
        same.then(|| Arc::clone(&known.errand))
    });
    // A thread that ends has no table any more.
    if let Ok(Some(errand)) = known {
        return Some(errand);
    }
    let errand = Arc::new(make()?);
    let _ = TABLE.try_with(|table| {
        let mut table = table.try_borrow_mut().ok()?;
        let place = &mut table[at(hash)];
        if place.challenger == hash {
            place.known = Some(Known {
                remote,
                site: site.id,
                key: key.into(),
                target: target.into(),
                errand: Arc::clone(&errand),
            });
        }
        place.challenger = hash;
        Some(())
    });
    Some(errand)
}

/// What the errand depends on beside the key, where there is no more to it: the tags of a route may be
/// made of anything.
fn target_of<'a>(target: Target<'a>, key: &[u8]) -> Option<&'a str> {
    let Target::Response { terms, request } = target else {
        return None;
    };
    let target = request.uri().path_and_query()?.as_str();
    let short = key.len() <= LONGEST && target.len() <= LONGEST;
    (short && terms.policy.tags.is_empty()).then_some(target)
}

fn hash(remote: u64, site: u64, key: &[u8]) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if weak::is_on() {
        return weak::hash(key).into();
    }
    HASHER.hash_one((remote, site, key))
}

fn at(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
