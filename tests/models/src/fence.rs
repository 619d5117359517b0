//! Proof of an invalidation: after it returned, no request gets a response whose run began before.
//!
//! A generation is bumped by every invalidation. A run takes a snapshot of it **before** the
//! handler starts, the stored response carries the snapshot, and **every read compares**. Each of
//! the simpler protocols below lets an old response through in some order of the steps.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use loom::thread;

const OLD: u64 = 1;
const NEW: u64 = 2;

/// One place in the cache, and what its responses are made from.
struct World {
    source: AtomicU64,
    all: AtomicU64,
    /// Of a tag, and of the stripe it is counted in: for tags that the handler names.
    tag: AtomicU64,
    stripe: AtomicU64,
    stored: Mutex<Option<Stored>>,
}

#[derive(Clone, Copy)]
struct Stored {
    response: u64,
    generation: u64,
}

impl World {
    fn handler(&self) -> u64 {
        self.source.load(Relaxed)
    }

    fn generation(&self) -> u64 {
        self.all.load(Acquire)
    }

    fn store(&self, response: u64, generation: u64) {
        *self.stored.lock().unwrap() = Some(Stored {
            response,
            generation,
        });
    }

    fn remove(&self) {
        *self.stored.lock().unwrap() = None;
    }

    fn stored(&self) -> Option<Stored> {
        *self.stored.lock().unwrap()
    }

    fn invalidate_all(&self) {
        self.all.fetch_add(1, AcqRel);
        self.remove();
    }
}

/// Returns the response that a request reuses.
type Read = fn(&World) -> Option<u64>;

fn whatever_is_stored(world: &World) -> Option<u64> {
    world.stored().map(|stored| stored.response)
}

fn what_no_invalidation_passed(world: &World) -> Option<u64> {
    let stored = world.stored()?;
    (stored.generation == world.generation()).then_some(stored.response)
}

fn what_bears_the_tags_generation(world: &World) -> Option<u64> {
    let stored = world.stored()?;
    (stored.generation == world.tag.load(Acquire)).then_some(stored.response)
}

/// Runs and invalidates at once, and reads at the end of each.
fn model(run: fn(&World), invalidate: fn(&World), read: Read) {
    loom::model(move || {
        let world = Arc::new(World {
            source: AtomicU64::new(OLD),
            all: AtomicU64::new(0),
            tag: AtomicU64::new(0),
            stripe: AtomicU64::new(0),
            stored: Mutex::new(None),
        });
        let other = Arc::clone(&world);
        let runner = thread::spawn(move || run(&other));
        world.source.store(NEW, Relaxed);
        invalidate(&world);
        let at_once = read(&world);
        runner.join().unwrap();
        let later = read(&world);
        assert!(
            at_once != Some(OLD) && later != Some(OLD),
            "an old response after the invalidation"
        );
    });
}

fn snapshot_run_store(world: &World) {
    let snapshot = world.generation();
    let response = world.handler();
    world.store(response, snapshot);
}

#[test]
fn a_snapshot_before_the_run_that_every_read_compares_holds() {
    model(
        snapshot_run_store,
        World::invalidate_all,
        what_no_invalidation_passed,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_remove_only_is_not_enough() {
    model(
        |world| world.store(world.handler(), 0),
        World::remove,
        whatever_is_stored,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_check_and_then_store_is_not_enough() {
    let run = |world: &World| {
        let snapshot = world.generation();
        let response = world.handler();
        if world.generation() == snapshot {
            world.store(response, snapshot);
        }
    };
    model(run, World::invalidate_all, whatever_is_stored);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn a_snapshot_taken_after_the_run_is_too_late() {
    let run = |world: &World| {
        let response = world.handler();
        world.store(response, world.generation());
    };
    model(run, World::invalidate_all, what_no_invalidation_passed);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_store_and_then_recheck_is_not_enough() {
    let run = |world: &World| {
        snapshot_run_store(world);
        if world.stored().map(|stored| stored.generation) != Some(world.generation()) {
            world.remove();
        }
    };
    model(run, World::invalidate_all, whatever_is_stored);
}

/// A tag that the handler names cannot be snapshotted before it runs, but its stripe can.
fn run_that_names_a_tag(world: &World) {
    let stripe = world.stripe.load(Acquire);
    let response = world.handler();
    let tag = world.tag.load(Acquire);
    if world.stripe.load(Acquire) == stripe {
        world.store(response, tag);
    }
}

#[test]
fn a_tag_named_by_the_handler_holds_if_its_stripe_is_bumped_first() {
    let invalidate = |world: &World| {
        world.stripe.fetch_add(1, AcqRel);
        world.tag.fetch_add(1, AcqRel);
    };
    model(
        run_that_names_a_tag,
        invalidate,
        what_bears_the_tags_generation,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_bump_the_tag_before_its_stripe_is_not_enough() {
    let invalidate = |world: &World| {
        world.tag.fetch_add(1, AcqRel);
        world.stripe.fetch_add(1, AcqRel);
    };
    model(
        run_that_names_a_tag,
        invalidate,
        what_bears_the_tags_generation,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn a_tag_named_by_the_handler_without_a_stripe_is_not_enough() {
    let run = |world: &World| {
        let response = world.handler();
        world.store(response, world.tag.load(Acquire));
    };
    let invalidate = |world: &World| {
        world.tag.fetch_add(1, AcqRel);
    };
    model(run, invalidate, what_bears_the_tags_generation);
}
