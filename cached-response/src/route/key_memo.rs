//! Keys that were written lately, by what they were written of.
//!
//! Where a handler sees path and query only, nothing else is in its key: the same target is the same
//! key, and need not be read and written again.

use crate::{key::KeyRef, memory::Hashed, route::Route, util::weak_hash};
use actix_web::HttpRequest;
use foldhash::fast::RandomState;
use std::{cell::RefCell, hash::BuildHasher, sync::LazyLock};

/// Places of one worker.
const PLACES: usize = 256;
/// Longer targets are left alone.
const LONGEST: usize = 512;

/// A target and its key.
struct MemoEntry {
    site: u64,
    target: Box<str>,
    /// What the path's pattern made of it, name and value in turn: guards may choose another
    /// pattern for the same path.
    parameters: Box<[Box<str>]>,
    key: Hashed,
}

/// A place, and the hash of who has asked for it last: who asks twice gets it.
#[derive(Default)]
struct Place {
    written: Option<MemoEntry>,
    challenger: u64,
}

thread_local! {
    static TABLE: RefCell<Vec<Place>> =
        RefCell::new((0..PLACES).map(|_| Place::default()).collect());
}

/// Calls `with` with the key of the request's target, if it was written lately for this site.
pub(crate) fn find(site: &Route, request: &HttpRequest, with: impl FnOnce(&Hashed)) {
    let Some(target) = target(request) else {
        return;
    };
    let at = at(hash(site, target));
    let find = |table: &RefCell<Vec<Place>>| {
        let table = table.try_borrow().ok()?;
        let written = table[at].written.as_ref()?;
        if written.is_of(site, target, request) {
            with(&written.key);
        }
        Some(())
    };
    // A thread that ends has no table any more.
    let _ = TABLE.try_with(find);
}

/// Notes the key of a request's target, if it is asked for again and again.
pub(crate) fn note(site: &Route, request: &HttpRequest, key: &KeyRef<'_>) {
    let Some(target) = target(request) else {
        return;
    };
    let hash = hash(site, target);
    let note = |table: &RefCell<Vec<Place>>| {
        let mut table = table.try_borrow_mut().ok()?;
        let place = &mut table[at(hash)];
        let known = place.written.as_ref();
        if known.is_some_and(|written| written.is_of(site, target, request)) {
            return None;
        }
        if place.challenger != hash {
            place.challenger = hash;
            return None;
        }
        let parameters = request.match_info().iter();
        place.written = Some(MemoEntry {
            site: site.id,
            target: target.into(),
            parameters: parameters
                .flat_map(|(name, value)| [name.into(), value.into()])
                .collect(),
            key: Hashed::new(key),
        });
        Some(())
    };
    let _ = TABLE.try_with(note);
}

fn target(request: &HttpRequest) -> Option<&str> {
    let target = request.uri().path_and_query()?.as_str();
    (target.len() <= LONGEST).then_some(target)
}

fn hash(site: &Route, target: &str) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if weak_hash::is_on() {
        return weak_hash::hash(target.as_bytes()).into();
    }
    HASHER.hash_one((site.id, target))
}

fn at(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

impl MemoEntry {
    fn is_of(&self, site: &Route, target: &str, request: &HttpRequest) -> bool {
        let mut known = self.parameters.iter();
        self.site == site.id
            && *self.target == *target
            && request.match_info().iter().all(|(name, value)| {
                known.next().is_some_and(|known| **known == *name)
                    && known.next().is_some_and(|known| **known == *value)
            })
            && known.next().is_none()
    }
}

#[cfg(test)]
mod tests;
