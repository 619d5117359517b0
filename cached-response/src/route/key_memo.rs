//! Memo of recent keys by request target, for each worker.
//!
//! The key of a handler that sees only path and query depends on nothing else, so that the same target
//! need not be parsed again.

use crate::{
    key::{HashedKey, KeyRef},
    route::Route,
    util::{weak_hash, worker_cache::WorkerCache},
};
use actix_web::HttpRequest;
use foldhash::fast::RandomState;
use std::{cell::RefCell, hash::BuildHasher, sync::LazyLock};

/// Entries of one worker.
const PLACES: usize = 256;
/// Longest target that is kept, in bytes.
const MAX_TARGET_BYTES: usize = 512;

/// A target and its key.
struct MemoEntry {
    site: u64,
    target: Box<str>,
    /// Names and values of the path parameters in turn: guards may choose another pattern for the
    /// same path.
    parameters: Box<[Box<str>]>,
    key: HashedKey,
}

thread_local! {
    static TABLE: RefCell<WorkerCache<MemoEntry, PLACES, 1>> = RefCell::new(WorkerCache::new());
}

/// Calls `with` with the key of the request's target, if it is in the memo for this route.
pub(crate) fn find(site: &Route, request: &HttpRequest, with: impl FnOnce(&HashedKey)) {
    let Some(target) = target(request) else {
        return;
    };
    let hash = hash(site, target);
    // The table of a thread that ends is dropped.
    let _ = TABLE.try_with(|table| {
        let table = table.try_borrow().ok()?;
        let written = table.find(hash, |written| written.is_of(site, target, request))?;
        with(&written.key);
        Some(())
    });
}

/// Notes the key of a request's target, from the second request on.
pub(crate) fn note(site: &Route, request: &HttpRequest, key: &KeyRef<'_>) {
    let Some(target) = target(request) else {
        return;
    };
    let hash = hash(site, target);
    let _ = TABLE.try_with(|table| {
        let mut table = table.try_borrow_mut().ok()?;
        let is_known = |written: &MemoEntry| written.is_of(site, target, request);
        if table.find(hash, is_known).is_some() {
            return None;
        }
        table.admit(hash, || {
            let parameters = request.match_info().iter();
            MemoEntry {
                site: site.id,
                target: target.into(),
                parameters: parameters
                    .flat_map(|(name, value)| [name.into(), value.into()])
                    .collect(),
                key: HashedKey::new(key),
            }
        });
        Some(())
    });
}

fn target(request: &HttpRequest) -> Option<&str> {
    let target = request.uri().path_and_query()?.as_str();
    (target.len() <= MAX_TARGET_BYTES).then_some(target)
}

fn hash(site: &Route, target: &str) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    if weak_hash::is_on() {
        return weak_hash::hash(target.as_bytes()).into();
    }
    HASHER.hash_one((site.id, target))
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
