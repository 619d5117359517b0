//! The data that responses are made from, its changes, and the mistakes that can be planted.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use cached_response::{Invalidation, ResponseCache};

use crate::oracle::{Done, Oracle, Version};
use crate::pace::Pace;
use crate::page::{Facts, OBJECTS, Page, Scope};

/// A mistake that is made on purpose, to see whether it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Handlers answer with the version that the last run for the object has read.
    ReadsOld,
    /// An invalidation is acknowledged before it is made.
    AcknowledgesEarly,
    /// A page of one user names the user of the request before.
    MixesUsers,
    /// Now and then a body has one octet more.
    GrowsBody,
}

/// State that the handlers and the writers of one soak share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) cache: ResponseCache,
    pub(crate) oracle: Oracle,
    pub(crate) pace: Pace,
    pub(crate) plant: Option<Plant>,
    versions: [AtomicU64; OBJECTS],
    read: [AtomicU64; OBJECTS],
    last_user: Mutex<Option<String>>,
    runs: AtomicU64,
}

impl World {
    pub(crate) fn new(cache: ResponseCache, pace: Pace, plant: Option<Plant>) -> Arc<Self> {
        Arc::new(Self {
            cache,
            oracle: Oracle::default(),
            pace,
            plant,
            versions: array::from_fn(|_| AtomicU64::new(1)),
            read: array::from_fn(|_| AtomicU64::new(1)),
            last_user: Mutex::default(),
            runs: AtomicU64::default(),
        })
    }

    /// Numbers a run.
    pub(crate) fn run(&self) -> u64 {
        self.runs.fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(SeqCst)
    }

    /// Changes an object.
    pub(crate) fn bump(&self, object: usize) -> u64 {
        self.versions[object].fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn versions(&self, objects: impl Iterator<Item = usize>) -> Vec<Version> {
        let version = |object: usize| self.versions[object].load(SeqCst);
        objects.map(|object| (object, version(object))).collect()
    }

    /// Invalidates or expires, and records what later requests must get at least.
    pub(crate) async fn make(&self, done: Done, scope: Scope) {
        let versions = self.versions(0..OBJECTS);
        if self.plant == Some(Plant::AcknowledgesEarly) {
            self.oracle.promise(done, scope, &versions);
            self.pace.hand_off().await;
        }
        let acknowledged = self.ask_for(done, scope);
        self.pace.hand_off().await;
        acknowledged.await.expect("there is no store but memory");
        self.oracle.promise(done, scope, &versions);
    }

    fn ask_for(&self, done: Done, scope: Scope) -> Invalidation {
        let cache = &self.cache;
        match (done, scope) {
            (Done::Invalidated, Scope::All) => cache.invalidate_all(),
            (Done::Invalidated, Scope::Path(path)) => cache.invalidate_path(&path.text()),
            (Done::Invalidated, Scope::Url(page)) => cache.invalidate_url(&page.uri()),
            (Done::Invalidated, Scope::Tag(tag)) => cache.invalidate_tag(&tag.text()),
            (Done::Expired, Scope::Tag(tag)) => cache.expire_tag(&tag.text()),
            (Done::Expired, Scope::All) => cache.expire_all(),
            (Done::Expired, Scope::Path(path)) => cache.expire_path(&path.text()),
            (Done::Expired, Scope::Url(page)) => cache.expire_url(&page.uri()),
        }
    }

    /// Reads the sources of a handler, with pauses for other events in between.
    pub(crate) async fn look(&self, page: Page, user: Option<String>) -> Facts {
        self.pace.hand_off().await;
        let mut versions = Vec::new();
        for object in page.objects() {
            let version = self.versions[object].load(SeqCst);
            let before = self.read[object].swap(version, SeqCst);
            let old = self.plant == Some(Plant::ReadsOld);
            versions.push((object, if old { before } else { version }));
            self.pace.hand_off().await;
        }
        Facts {
            page,
            user: self.user(user),
            language: None,
            versions,
        }
    }

    fn user(&self, user: Option<String>) -> Option<String> {
        if self.plant != Some(Plant::MixesUsers) || user.is_none() {
            return user;
        }
        let mut last = self.last_user.lock().expect("no holder of the lock panics");
        let before = last.clone();
        last.clone_from(&user);
        before.or(user)
    }

    /// The body, unless a mistake is planted in it.
    pub(crate) fn body(&self, facts: &Facts) -> String {
        let mut body = facts.body();
        if self.plant == Some(Plant::GrowsBody) && self.runs().is_multiple_of(20) {
            body.push('!');
        }
        body
    }
}
