//! State that the clients share, and its invariants.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shuttle::future::yield_now;
use shuttle::rand::{Rng, thread_rng};

use super::collapse::{FlightLimits, Join, Outcome, Permit, SingleFlight};

const LIMITS: FlightLimits = FlightLimits {
    max_waiters: 2,
    age: Duration::from_secs(30),
};

type Key = u8;
/// Every run has a number, and is what it makes.
type Response = usize;

pub(super) struct Cache {
    flights: SingleFlight<Key, u64, Response, ()>,
    generation: AtomicU64,
    clock: AtomicU64,
    running: Mutex<Vec<Run>>,
    stored: Mutex<Vec<Response>>,
    runs: AtomicUsize,
    seen: Arc<Seen>,
}

/// A run that holds a permit.
#[derive(Clone, Copy)]
struct Run {
    number: Response,
    key: Key,
    stamp: u64,
    started: Duration,
}

impl Cache {
    pub(super) fn new(seen: Arc<Seen>) -> Self {
        Self {
            flights: SingleFlight::new(),
            generation: AtomicU64::default(),
            clock: AtomicU64::default(),
            running: Mutex::default(),
            stored: Mutex::default(),
            runs: AtomicUsize::default(),
            seen,
        }
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, SeqCst);
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.clock.load(SeqCst))
    }

    pub(super) fn pass_time(&self) {
        self.clock.fetch_add(20, SeqCst);
    }

    /// The map is empty when no permit lives.
    pub(super) fn assert_idle(&self) {
        assert_eq!(lock(&self.running).len(), 0);
        assert_eq!(self.flights.len(), 0, "a flight is left in the map");
    }

    pub(super) async fn request(&self, key: Key) {
        for _ in 0..2 {
            let stamp = self.generation.load(SeqCst);
            let now = self.now();
            yield_now().await;
            let outdated = |stamp: &u64| *stamp < self.generation.load(SeqCst);
            let outcome = match self.flights.join(&key, now, &LIMITS, stamp, outdated) {
                Join::Lead(permit) => return self.lead(key, now, permit).await,
                Join::Full => return self.seen.full(),
                Join::Wait(waiter) => waiter.await,
            };
            match outcome {
                Outcome::Stored(response) => return self.reuse(response),
                Outcome::NotStored(()) => return self.seen.not_stored(),
                Outcome::Failed => self.seen.failed(),
            }
        }
    }

    fn reuse(&self, response: Response) {
        let stored = lock(&self.stored);
        assert!(stored.contains(&response), "a response that was not stored");
        self.seen.reused();
    }

    async fn lead(&self, key: Key, now: Duration, permit: Permit<Key, u64, Response, ()>) {
        let running = self.start(key, *permit.stamp(), now);
        for _ in 0..thread_rng().gen_range(0..4) {
            yield_now().await;
        }
        let outcome = match thread_rng().gen_range(0..4) {
            0 => return,
            1 => Outcome::NotStored(()),
            _ => Outcome::Stored(running.run.number),
        };
        if let Outcome::Stored(response) = outcome {
            lock(&self.stored).push(response);
        }
        drop(running);
        permit.finish(outcome);
    }

    /// At most one flight runs for a key, below the age limit and under the current stamp.
    fn start(&self, key: Key, stamp: u64, started: Duration) -> Running<'_> {
        let number = self.runs.fetch_add(1, SeqCst);
        let run = Run {
            number,
            key,
            stamp,
            started,
        };
        let mut running = lock(&self.running);
        let mut same_key = running.iter().filter(|other| other.key == key).peekable();
        if same_key.peek().is_some() {
            self.seen.replaced();
        }
        let current = stamp == self.generation.load(SeqCst);
        assert!(
            !current || !same_key.any(|other| run.should_have_followed(other, self.now())),
            "two flights run for one key"
        );
        running.push(run);
        Running { cache: self, run }
    }
}

impl Run {
    /// Returns whether this run started beside another one that is neither too old nor outdated. Where
    /// the other is the later one, it is the one that was let in.
    fn should_have_followed(&self, other: &Self, now: Duration) -> bool {
        let young = now.saturating_sub(other.started) < LIMITS.age;
        self.stamp == other.stamp && self.started >= other.started && young
    }
}

struct Running<'a> {
    cache: &'a Cache,
    run: Run,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = lock(&self.cache.running);
        running.retain(|run| run.number != self.run.number);
    }
}

/// After a failure, too: else the first thing that fails would hide among what fails with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts of events: a model without events shows nothing.
#[derive(Default)]
pub(super) struct Seen {
    reused: AtomicUsize,
    not_stored: AtomicUsize,
    failed: AtomicUsize,
    full: AtomicUsize,
    replaced: AtomicUsize,
    left: AtomicUsize,
}

impl Seen {
    fn reused(&self) {
        self.reused.fetch_add(1, SeqCst);
    }

    fn not_stored(&self) {
        self.not_stored.fetch_add(1, SeqCst);
    }

    fn failed(&self) {
        self.failed.fetch_add(1, SeqCst);
    }

    fn full(&self) {
        self.full.fetch_add(1, SeqCst);
    }

    fn replaced(&self) {
        self.replaced.fetch_add(1, SeqCst);
    }

    pub(super) fn left(&self) {
        self.left.fetch_add(1, SeqCst);
    }

    pub(super) fn assert_all(&self) {
        let counts = [
            ("reused", &self.reused),
            ("not stored", &self.not_stored),
            ("failed", &self.failed),
            ("full", &self.full),
            ("replaced", &self.replaced),
            ("left", &self.left),
        ];
        for (what, count) in counts {
            println!("{what}: {count:?}");
            assert!(count.load(SeqCst) > 100, "{what}: {count:?}");
        }
    }
}
