//! Interleavings of requests, of invalidations in this process and of those in others.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::generation::{Generation, Snapshot};
use super::moment::Timestamp;
use super::scope::{Bump, Scope};
use super::sync::{Mutex, explore, lock};
use super::trust::{BusLiveness, Pending, Unconfirmed};

const OLD: u64 = 1;
const NONCE: u64 = 7;

/// A process with a cache of one tag, and a store that contains an old response.
struct Process {
    tag: Generation,
    pending: Pending,
    liveness: BusLiveness,
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

impl Process {
    fn new() -> Arc<Self> {
        let response = (OLD, NONCE);
        let nonce = Some(NONCE);
        Arc::new(Self {
            tag: Generation::default(),
            pending: Pending::new(Vec::new()),
            liveness: BusLiveness::silent(Duration::from_secs(5)),
            store: Mutex::new(Store { nonce, response }),
            memory: Mutex::new(None),
        })
    }

    /// Request that misses in memory: returns the response that it reads and keeps.
    fn look_up(&self) -> Option<u64> {
        let snapshot = Snapshot::of([self.tag.clone()]);
        if self.pending.is_pending(&names()) {
            return None;
        }
        let response = self.read()?;
        self.keep(response, snapshot);
        Some(response)
    }

    /// Returns the response of the store if its nonce is the one that it was written under.
    fn read(&self) -> Option<u64> {
        let store = lock(&self.store);
        let (response, nonce) = store.response;
        (store.nonce == Some(nonce)).then_some(response)
    }

    fn keep(&self, response: u64, snapshot: Snapshot) {
        let replaced = lock(&self.memory).replace(Stored { response, snapshot });
        drop(replaced);
    }

    /// Returns the response in memory if it is current.
    fn reuse(&self) -> Option<u64> {
        let memory = lock(&self.memory);
        let stored = memory.as_ref()?;
        let current = stored.snapshot.is_current();
        current.then_some(stored.response)
    }

    /// First part of an invalidation, which its caller always waits for.
    fn invalidate(&self) -> Unconfirmed {
        let tag = Scope::Tag("a".into());
        let noted = self.pending.note(tag, Bump::Invalidate, names());
        self.tag.bump(Bump::Invalidate);
        noted
    }

    /// Second part of an invalidation.
    fn send(&self, noted: &Unconfirmed) {
        self.delete();
        self.pending.confirm(std::slice::from_ref(noted));
    }

    fn delete(&self) {
        lock(&self.store).nonce = None;
    }

    /// Request, some seconds after the response in memory was made.
    fn reuse_what_is_trusted(&self) -> Option<u64> {
        let trusted = self.liveness.trusts(at(2), at(10));
        let found = self.reuse();
        found.filter(|_| trusted)
    }

    /// Receives an invalidation by another process, and the heartbeat after it.
    fn receive_invalidation(&self) {
        self.tag.bump(Bump::Invalidate);
        self.liveness.record_heartbeat(at(9));
    }

    /// Receives a heartbeat after a gap in which another process has invalidated the tag.
    fn receive_heartbeat_after_gap(&self) {
        self.liveness.record_gap(at(10));
        self.liveness.record_heartbeat(at(9));
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
        let process = Process::new();
        let other = Arc::clone(&process);
        let reader = thread::spawn(move || other.look_up());
        let noted = process.invalidate();
        assert_not_old(process.reuse());
        process.send(&noted);
        assert_not_old(process.reuse());
        reader.join().unwrap();
        assert_not_old(process.reuse());
    });
}

#[test]
pub(super) fn a_look_up_while_an_invalidation_is_sent() {
    explore(|| {
        let process = Process::new();
        let noted = process.invalidate();
        let other = Arc::clone(&process);
        let sender = thread::spawn(move || other.send(&noted));
        assert_not_old(process.look_up());
        sender.join().unwrap();
        assert_not_old(process.reuse());
    });
}

#[test]
pub(super) fn a_look_up_after_an_invalidation_that_the_store_refuses() {
    explore(|| {
        let process = Process::new();
        let other = Arc::clone(&process);
        let invalidator = thread::spawn(move || drop(other.invalidate()));
        let before = process.look_up();
        invalidator.join().unwrap();
        assert!(before.is_none_or(|response| response == OLD));
        assert_not_old(process.reuse());
        assert_not_old(process.look_up());
    });
}

#[test]
pub(super) fn a_late_confirmation_and_a_newer_invalidation() {
    explore(|| {
        let process = Process::new();
        // The first one is done, and the store has a newer response since.
        let first = process.invalidate();
        let other = Arc::clone(&process);
        let sender = thread::spawn(move || other.pending.confirm(&[first]));
        let second = process.invalidate();
        assert_not_old(process.look_up());
        sender.join().unwrap();
        assert_not_old(process.look_up());
        process.send(&second);
        assert!(process.pending.is_empty());
    });
}

#[test]
pub(super) fn an_invalidation_by_another_process_and_a_request() {
    explore(|| {
        let process = Process::new();
        process.keep(OLD, Snapshot::of([process.tag.clone()]));
        let other = Arc::clone(&process);
        let subscriber = thread::spawn(move || other.receive_invalidation());
        assert_not_old(process.reuse_what_is_trusted());
        subscriber.join().unwrap();
        assert_not_old(process.reuse_what_is_trusted());
    });
}

#[test]
pub(super) fn a_gap_on_the_bus_and_a_request() {
    explore(|| {
        let process = Process::new();
        process.keep(OLD, Snapshot::of([process.tag.clone()]));
        let other = Arc::clone(&process);
        let subscriber = thread::spawn(move || other.receive_heartbeat_after_gap());
        assert_not_old(process.reuse_what_is_trusted());
        subscriber.join().unwrap();
        assert_not_old(process.reuse_what_is_trusted());
    });
}
