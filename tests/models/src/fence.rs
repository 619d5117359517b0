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

/// A cache of one entry, and the source of its responses.
struct Cache {
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

impl Cache {
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
type Read = fn(&Cache) -> Option<u64>;

fn any_response(cache: &Cache) -> Option<u64> {
    cache.stored().map(|stored| stored.response)
}

fn response_of_a_current_snapshot(cache: &Cache) -> Option<u64> {
    let stored = cache.stored()?;
    (stored.generation == cache.generation()).then_some(stored.response)
}

fn response_of_a_current_tag(cache: &Cache) -> Option<u64> {
    let stored = cache.stored()?;
    (stored.generation == cache.tag.load(Acquire)).then_some(stored.response)
}

/// Runs and invalidates at once, and reads at the end of each.
fn model(run: fn(&Cache), invalidate: fn(&Cache), read: Read) {
    loom::model(move || {
        let cache = Arc::new(Cache {
            source: AtomicU64::new(OLD),
            all: AtomicU64::new(0),
            tag: AtomicU64::new(0),
            stripe: AtomicU64::new(0),
            stored: Mutex::new(None),
        });
        let other = Arc::clone(&cache);
        let runner = thread::spawn(move || run(&other));
        cache.source.store(NEW, Relaxed);
        invalidate(&cache);
        let at_once = read(&cache);
        runner.join().unwrap();
        let later = read(&cache);
        assert!(
            at_once != Some(OLD) && later != Some(OLD),
            "an old response after the invalidation"
        );
    });
}

fn snapshot_run_store(cache: &Cache) {
    let snapshot = cache.generation();
    let response = cache.handler();
    cache.store(response, snapshot);
}

#[test]
fn a_snapshot_before_the_run_that_every_read_compares_holds() {
    model(
        snapshot_run_store,
        Cache::invalidate_all,
        response_of_a_current_snapshot,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_remove_only_is_not_enough() {
    model(
        |cache| cache.store(cache.handler(), 0),
        Cache::remove,
        any_response,
    );
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_check_and_then_store_is_not_enough() {
    let run = |cache: &Cache| {
        let snapshot = cache.generation();
        let response = cache.handler();
        if cache.generation() == snapshot {
            cache.store(response, snapshot);
        }
    };
    model(run, Cache::invalidate_all, any_response);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn a_snapshot_taken_after_the_run_is_too_late() {
    let run = |cache: &Cache| {
        let response = cache.handler();
        cache.store(response, cache.generation());
    };
    model(run, Cache::invalidate_all, response_of_a_current_snapshot);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_store_and_then_recheck_is_not_enough() {
    let run = |cache: &Cache| {
        snapshot_run_store(cache);
        if cache.stored().map(|stored| stored.generation) != Some(cache.generation()) {
            cache.remove();
        }
    };
    model(run, Cache::invalidate_all, any_response);
}

/// A tag that the handler names cannot be snapshotted before it runs, but its stripe can.
fn run_that_names_a_tag(cache: &Cache) {
    let stripe = cache.stripe.load(Acquire);
    let response = cache.handler();
    let tag = cache.tag.load(Acquire);
    if cache.stripe.load(Acquire) == stripe {
        cache.store(response, tag);
    }
}

#[test]
fn a_tag_named_by_the_handler_holds_if_its_stripe_is_bumped_first() {
    let invalidate = |cache: &Cache| {
        cache.stripe.fetch_add(1, AcqRel);
        cache.tag.fetch_add(1, AcqRel);
    };
    model(run_that_names_a_tag, invalidate, response_of_a_current_tag);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn to_bump_the_tag_before_its_stripe_is_not_enough() {
    let invalidate = |cache: &Cache| {
        cache.tag.fetch_add(1, AcqRel);
        cache.stripe.fetch_add(1, AcqRel);
    };
    model(run_that_names_a_tag, invalidate, response_of_a_current_tag);
}

#[test]
#[should_panic(expected = "an old response after the invalidation")]
fn a_tag_named_by_the_handler_without_a_stripe_is_not_enough() {
    let run = |cache: &Cache| {
        let response = cache.handler();
        cache.store(response, cache.tag.load(Acquire));
    };
    let invalidate = |cache: &Cache| {
        cache.tag.fetch_add(1, AcqRel);
    };
    model(run, invalidate, response_of_a_current_tag);
}
