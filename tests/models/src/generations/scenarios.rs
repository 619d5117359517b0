//! Interleavings of runs and an invalidation of one name.

use std::hash::BuildHasher;
use std::sync::Arc;

use loom::thread;

use super::generation::{BumpCount, CurrentAt, Snapshot};
use super::path;
use super::registry::{LastBumps, Name, Registry};
use super::scope::Bump;
use super::sync::{
    AtomicU64, Mutex, NAME_STRIPES,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    RandomState, explore, lock,
};

const OLD: u64 = 1;
const NEW: u64 = 2;
const NAME: u32 = 0;

/// A cache of one name, with a place for the response of each of two runs.
struct Cache {
    source: AtomicU64,
    registry: Registry,
    bumps: BumpCount,
    /// The count of the process, which is read before arguments are extracted.
    process_bumps: AtomicU64,
    last_bumps: LastBumps,
    stored: [Mutex<Option<Stored>>; 2],
}

struct Stored {
    response: u64,
    snapshot: Snapshot,
    current_at: CurrentAt,
}

impl Stored {
    fn new(response: u64, snapshot: Snapshot) -> Self {
        Self {
            response,
            snapshot,
            current_at: CurrentAt::default(),
        }
    }
}

impl Cache {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            source: AtomicU64::new(OLD),
            registry: Registry::new(),
            bumps: BumpCount::default(),
            process_bumps: AtomicU64::new(0),
            last_bumps: LastBumps::new(),
            stored: [Mutex::new(None), Mutex::new(None)],
        })
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::of([self.registry.hold(&NAME)])
    }

    fn handler(&self) -> u64 {
        self.source.load(Relaxed)
    }

    fn run(&self, place: usize) {
        let snapshot = self.snapshot();
        let response = self.handler();
        *lock(&self.stored[place]) = Some(Stored::new(response, snapshot));
    }

    /// A run with arguments that are extracted before its name is known, and make its response.
    fn run_with_arguments(&self, place: usize) {
        let count = self.process_bumps.load(Acquire);
        let response = self.handler();
        let snapshot = self.snapshot();
        let is_outdated = self.last_bumps.is_bumped_since(count, &NAME);
        if !is_outdated {
            self.keep(place, Stored::new(response, snapshot));
        }
    }

    /// Generations of a path and of the prefixes above it.
    fn snapshot_of(&self, path: &str) -> Snapshot {
        let own = self.registry.hold(&Name::Path(path.as_bytes()));
        let above = path::hold_prefixes(&self.registry, path.as_bytes());
        Snapshot::of(above.into_iter().chain([own]))
    }

    fn run_for(&self, path: &str, place: usize) {
        let snapshot = self.snapshot_of(path);
        let response = self.handler();
        self.keep(place, Stored::new(response, snapshot));
    }

    fn keep(&self, place: usize, stored: Stored) {
        *lock(&self.stored[place]) = Some(stored);
    }

    /// Changes the source of the pages, then invalidates all below a path.
    fn change_below(&self, text: &str) {
        self.source.store(NEW, Relaxed);
        self.bumps
            .count(|| path::bump_prefix(&self.registry, text, Bump::Invalidate));
    }

    /// Changes the source of the pages, then invalidates.
    fn change(&self) {
        self.source.store(NEW, Relaxed);
        self.invalidate(NAME);
    }

    fn invalidate(&self, name: u32) {
        let count = self.process_bumps.fetch_add(1, Release) + 1;
        self.last_bumps.note(&name, count);
        self.bumps.count(|| {
            self.registry.bump(&name, Bump::Invalidate);
        });
    }

    fn evict(&self, place: usize) {
        let stored = lock(&self.stored[place]).take();
        drop(stored);
    }

    /// Returns the answer to a request.
    fn read(&self, place: usize) -> Option<u64> {
        let stored = lock(&self.stored[place]);
        let current = stored.as_ref().filter(|stored| {
            let compare = || stored.snapshot.is_current();
            stored.current_at.is_current(&self.bumps, compare)
        });
        current.map(|stored| stored.response)
    }

    fn assert_nothing_old(&self) {
        for place in 0..2 {
            let answer = self.read(place);
            assert_ne!(answer, Some(OLD), "an old response after the invalidation");
        }
    }
}

/// Names in the shard of [`NAME`].
fn neighbours() -> impl Iterator<Item = u32> {
    let shard = |name: &u32| {
        let [byte, ..] = RandomState::default().hash_one(name).to_be_bytes();
        byte % 32
    };
    (1..).filter(move |name| shard(name) == shard(&NAME))
}

fn name_in_the_same_stripe() -> u32 {
    let stripe = |name: &u32| RandomState::default().hash_one(name) % NAME_STRIPES as u64;
    let mut others = (1..).filter(|name| stripe(name) == stripe(&NAME));
    others.next().expect("half of all names")
}

#[test]
pub(super) fn a_run_and_an_invalidation_at_once() {
    explore(|| {
        let cache = Cache::new();
        let other = Arc::clone(&cache);
        let runner = thread::spawn(move || other.run(0));
        cache.change();
        cache.assert_nothing_old();
        runner.join().unwrap();
        cache.assert_nothing_old();
    });
}

#[test]
pub(super) fn arguments_are_extracted_during_an_invalidation() {
    explore(|| {
        let cache = Cache::new();
        let other = Arc::clone(&cache);
        let runner = thread::spawn(move || other.run_with_arguments(0));
        cache.change();
        runner.join().unwrap();
        cache.assert_nothing_old();
    });
}

#[test]
pub(super) fn two_names_of_a_stripe_are_bumped_at_once() {
    explore(|| {
        let last_bumps = Arc::new(LastBumps::new());
        let other = Arc::clone(&last_bumps);
        let first = thread::spawn(move || other.note(&NAME, 1));
        last_bumps.note(&name_in_the_same_stripe(), 2);
        first.join().unwrap();
        assert!(last_bumps.is_bumped_since(1, &NAME), "a bump is lost");
    });
}

#[test]
pub(super) fn arguments_that_are_extracted_after_an_invalidation_are_stored() {
    explore(|| {
        let cache = Cache::new();
        cache.change();
        cache.run_with_arguments(0);
        assert_eq!(cache.read(0), Some(NEW));
    });
}

#[test]
pub(super) fn a_read_and_an_invalidation_at_once() {
    explore(|| {
        let cache = Cache::new();
        cache.run(0);
        let other = Arc::clone(&cache);
        let changer = thread::spawn(move || other.change());
        let _either = cache.read(0);
        changer.join().unwrap();
        cache.assert_nothing_old();
    });
}

#[test]
pub(super) fn two_runs_at_once_are_both_invalidated() {
    explore(|| {
        let cache = Cache::new();
        let other = Arc::clone(&cache);
        let runner = thread::spawn(move || other.run(0));
        cache.run(1);
        cache.change();
        cache.assert_nothing_old();
        runner.join().unwrap();
        cache.assert_nothing_old();
    });
}

#[test]
pub(super) fn a_run_starts_while_the_last_response_is_evicted() {
    explore(|| {
        let cache = Cache::new();
        cache.run(0);
        let other = Arc::clone(&cache);
        let evictor = thread::spawn(move || other.evict(0));
        cache.run(1);
        evictor.join().unwrap();
        cache.change();
        cache.assert_nothing_old();
    });
}

#[test]
pub(super) fn a_sweep_meets_a_run_that_starts() {
    explore(|| {
        let cache = Cache::new();
        cache.run(0);
        let mut neighbours = neighbours();
        for name in neighbours.by_ref().take(31) {
            drop(cache.registry.hold(&name));
        }
        assert_eq!(cache.registry.len(), 32);
        let (other, newcomer) = (Arc::clone(&cache), neighbours.next());
        let sweeper = thread::spawn(move || drop(other.registry.hold(&newcomer.unwrap())));
        cache.run(1);
        cache.change();
        cache.assert_nothing_old();
        sweeper.join().unwrap();
        cache.assert_nothing_old();
        assert!(cache.registry.len() <= 2, "nothing was swept");
    });
}

#[test]
pub(super) fn a_run_after_an_invalidation_is_not_invalidated_by_it() {
    explore(|| {
        let cache = Cache::new();
        let started = Arc::new(AtomicU64::new(0));
        let (other, signal) = (Arc::clone(&cache), Arc::clone(&started));
        let changer = thread::spawn(move || {
            other.change();
            signal.store(1, SeqCst);
        });
        let late = started.load(SeqCst) == 1;
        cache.run(0);
        changer.join().unwrap();
        assert!(!late || cache.read(0) == Some(NEW), "its response is lost");
    });
}

#[test]
pub(super) fn a_prefix_is_invalidated_while_two_runs_start_below_it() {
    for paths in [["/shop", "/shop/1/a"], ["/shop//1", "/shop/1/a/b"]] {
        explore(move || {
            let cache = Cache::new();
            let other = Arc::clone(&cache);
            let runner = thread::spawn(move || other.run_for(paths[0], 0));
            cache.run_for(paths[1], 1);
            cache.change_below("/shop/");
            cache.assert_nothing_old();
            runner.join().unwrap();
            cache.assert_nothing_old();
        });
    }
}
