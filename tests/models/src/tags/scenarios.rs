//! Interleavings of runs that set a tag and an invalidation of it.

use std::sync::Arc;

use loom::thread;

use super::generation::{Snapshot, Validity};
use super::registry::{Name, Registry, Stripes};
use super::scope::Bump;
use super::sync::{AtomicU64, Mutex, Ordering::Relaxed, explore, lock};

const OLD: u64 = 1;
const NEW: u64 = 2;
const TAG: &str = "product:7";

/// A cache with one place, whose handler names one tag.
struct Cache {
    source: AtomicU64,
    names: Registry,
    stripes: Stripes,
    stored: Mutex<Option<Stored>>,
}

struct Stored {
    response: u64,
    snapshot: Snapshot,
}

impl Cache {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            source: AtomicU64::new(OLD),
            names: Registry::new(),
            stripes: Stripes::new(),
            stored: Mutex::new(None),
        })
    }

    fn handler(&self) -> u64 {
        self.source.load(Relaxed)
    }

    fn run(&self) {
        let before = self.stripes.before();
        let response = self.handler();
        let (tags, none) = ([TAG.to_owned()], Snapshot::default());
        let held = self.stripes.hold(&self.names, &tags, &before, &none);
        self.store(response, held);
    }

    /// A run that validates the stored response, and names nothing.
    fn validate(&self) {
        let kept = lock(&self.stored).as_ref().unwrap().snapshot.again();
        let response = self.handler();
        self.store(response, Some(kept));
    }

    /// Response of an earlier run.
    fn made(&self) {
        let snapshot = Snapshot::of([self.names.hold(&Name::Tag(TAG))]);
        self.store(OLD, Some(snapshot));
    }

    fn store(&self, response: u64, held: Option<Snapshot>) {
        let Some(snapshot) = held else { return };
        let replaced = lock(&self.stored).replace(Stored { response, snapshot });
        drop(replaced);
    }

    /// Changes the source of the pages, then bumps the tag.
    fn change(&self, bump: Bump) {
        self.source.store(NEW, Relaxed);
        self.stripes.bump(&self.names, TAG, bump);
    }

    /// Stored response, and its validity.
    fn read(&self) -> Option<(u64, Validity)> {
        let stored = lock(&self.stored);
        let stored = stored.as_ref()?;
        Some((stored.response, stored.snapshot.validity()))
    }

    fn assert_nothing_old_is(&self, standings: &[Validity]) {
        let old = self.read().filter(|(response, _)| *response == OLD);
        let wrong = old.filter(|(_, standing)| standings.contains(standing));
        assert_eq!(wrong, None, "an old response after the invalidation");
    }
}

/// Does `first`, then runs and bumps at once, and reads after each: an old response is `never` of these.
fn model(first: fn(&Cache), run: fn(&Cache), bump: Bump, never: &'static [Validity]) {
    explore(move || {
        let cache = Cache::new();
        first(&cache);
        let other = Arc::clone(&cache);
        let runner = thread::spawn(move || run(&other));
        cache.change(bump);
        cache.assert_nothing_old_is(never);
        runner.join().unwrap();
        cache.assert_nothing_old_is(never);
    });
}

fn nothing(_: &Cache) {}

const REUSABLE: &[Validity] = &[Validity::Current, Validity::Expired];

#[test]
pub(super) fn a_run_and_an_invalidation_at_once() {
    model(nothing, Cache::run, Bump::Invalidate, REUSABLE);
}

#[test]
pub(super) fn a_run_and_an_expiry_at_once() {
    model(nothing, Cache::run, Bump::Expire, &[Validity::Current]);
}

#[test]
pub(super) fn a_validation_and_an_invalidation_at_once() {
    model(Cache::made, Cache::validate, Bump::Invalidate, REUSABLE);
}

#[test]
pub(super) fn a_second_run_and_an_invalidation_at_once() {
    model(Cache::run, Cache::run, Bump::Invalidate, REUSABLE);
}

#[test]
pub(super) fn a_run_after_an_invalidation_is_not_invalidated_by_it() {
    explore(|| {
        let cache = Cache::new();
        let other = Arc::clone(&cache);
        thread::spawn(move || other.change(Bump::Invalidate))
            .join()
            .unwrap();
        cache.run();
        assert_eq!(cache.read(), Some((NEW, Validity::Current)));
    });
}
