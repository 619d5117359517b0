//! What requests, invalidations of this process and those of others can do to each other.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::generation::{Bump, Generation, Snapshot};
use super::hearing::BusLiveness;
use super::moment::Timestamp;
use super::pending::{Pending, Unconfirmed};
use super::scope::Scope;
use super::sync::{Mutex, explore, lock};

const OLD: u64 = 1;
const NONCE: u64 = 7;

/// A cache that has one tag, and the store behind it, which has an old response.
struct World {
    tag: Generation,
    pending: Pending,
    hearing: BusLiveness,
    store: Mutex<Store>,
    memory: Mutex<Option<Stored>>,
}

struct Store {
    nonce: Option<u64>,
    response: (u64, u64),
}

struct Stored {
    response: u64,
    snapshot: Snapshot,
}

impl World {
    fn new() -> Arc<Self> {
        let response = (OLD, NONCE);
        let nonce = Some(NONCE);
        Arc::new(Self {
            tag: Generation::default(),
            pending: Pending::new(Vec::new()),
            hearing: BusLiveness::silent(Duration::from_secs(5)),
            store: Mutex::new(Store { nonce, response }),
            memory: Mutex::new(None),
        })
    }

    /// A request that finds nothing in memory: what it is answered with, and leaves there.
    fn look_up(&self) -> Option<u64> {
        let snapshot = Snapshot::of([self.tag.clone()]);
        if self.pending.is_pending(&names()) {
            return None;
        }
        let response = self.read()?;
        self.keep(response, snapshot);
        Some(response)
    }

    /// What the store has, if its nonce is still the one that it was made with.
    fn read(&self) -> Option<u64> {
        let store = lock(&self.store);
        let (response, nonce) = store.response;
        (store.nonce == Some(nonce)).then_some(response)
    }

    fn keep(&self, response: u64, snapshot: Snapshot) {
        let replaced = lock(&self.memory).replace(Stored { response, snapshot });
        drop(replaced);
    }

    /// What memory has.
    fn reuse(&self) -> Option<u64> {
        let memory = lock(&self.memory);
        let stored = memory.as_ref()?;
        let current = stored.snapshot.is_current();
        current.then_some(stored.response)
    }

    /// An invalidation, as far as whoever makes it waits for it in any case.
    fn invalidate(&self) -> Unconfirmed {
        let tag = Scope::Tag("a".into());
        let noted = self.pending.note(tag, Bump::Invalidate, names());
        self.tag.raise(Bump::Invalidate);
        noted
    }

    /// The rest of it.
    fn send(&self, noted: &Unconfirmed) {
        self.delete();
        self.pending.confirm(std::slice::from_ref(noted));
    }

    fn delete(&self) {
        lock(&self.store).nonce = None;
    }

    /// A request, some seconds after what memory has was made.
    fn reuse_what_is_trusted(&self) -> Option<u64> {
        let trusted = self.hearing.trusts(at(2), at(10));
        let found = self.reuse();
        found.filter(|_| trusted)
    }

    /// Another process invalidates the tag; so the bus says.
    fn hear_of_it(&self) {
        self.tag.raise(Bump::Invalidate);
        self.hearing.hear(at(9));
    }

    /// Another process has invalidated the tag; the bus was gone meanwhile, and is back.
    fn hear_that_it_was_missed(&self) {
        self.hearing.miss(at(10));
        self.hearing.hear(at(9));
    }
}

fn names() -> Vec<String> {
    vec!["tag".to_owned()]
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::default().after(Duration::from_secs(seconds))
}

fn assert_not_old(answer: Option<u64>) {
    assert_ne!(answer, Some(OLD), "an old response after the invalidation");
}

#[test]
pub(super) fn a_look_up_and_an_invalidation_at_once() {
    explore(|| {
        let world = World::new();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || other.look_up());
        let noted = world.invalidate();
        assert_not_old(world.reuse());
        world.send(&noted);
        assert_not_old(world.reuse());
        reader.join().unwrap();
        assert_not_old(world.reuse());
    });
}

#[test]
pub(super) fn a_look_up_while_an_invalidation_is_sent() {
    explore(|| {
        let world = World::new();
        let noted = world.invalidate();
        let other = Arc::clone(&world);
        let sender = thread::spawn(move || other.send(&noted));
        assert_not_old(world.look_up());
        sender.join().unwrap();
        assert_not_old(world.reuse());
    });
}

#[test]
pub(super) fn a_look_up_after_an_invalidation_that_the_store_does_not_take() {
    explore(|| {
        let world = World::new();
        let other = Arc::clone(&world);
        let invalidator = thread::spawn(move || drop(other.invalidate()));
        let before = world.look_up();
        invalidator.join().unwrap();
        assert!(before.is_none_or(|response| response == OLD));
        assert_not_old(world.reuse());
        assert_not_old(world.look_up());
    });
}

#[test]
pub(super) fn a_confirmation_that_comes_late_meets_a_newer_invalidation() {
    explore(|| {
        let world = World::new();
        // The first is done, and the store has another response since: no older than the second.
        let first = world.invalidate();
        let other = Arc::clone(&world);
        let sender = thread::spawn(move || other.pending.confirm(&[first]));
        let second = world.invalidate();
        assert_not_old(world.look_up());
        sender.join().unwrap();
        assert_not_old(world.look_up());
        world.send(&second);
        assert!(world.pending.is_empty());
    });
}

#[test]
pub(super) fn what_another_process_says_meets_a_request() {
    explore(|| {
        let world = World::new();
        world.keep(OLD, Snapshot::of([world.tag.clone()]));
        let other = Arc::clone(&world);
        let listener = thread::spawn(move || other.hear_of_it());
        assert_not_old(world.reuse_what_is_trusted());
        listener.join().unwrap();
        assert_not_old(world.reuse_what_is_trusted());
    });
}

#[test]
pub(super) fn a_bus_that_comes_back_meets_a_request() {
    explore(|| {
        let world = World::new();
        world.keep(OLD, Snapshot::of([world.tag.clone()]));
        let other = Arc::clone(&world);
        let listener = thread::spawn(move || other.hear_that_it_was_missed());
        assert_not_old(world.reuse_what_is_trusted());
        listener.join().unwrap();
        assert_not_old(world.reuse_what_is_trusted());
    });
}
