//! Interleavings of two or three threads on one key.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use loom::future::block_on;
use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use loom::thread;

use super::collapse::{FlightLimits, Join, Outcome, Permit, SingleFlight, Waiter};
use super::sync::{Arc, Mutex, explore};

const LIMITS: FlightLimits = FlightLimits {
    max_waiters: 2,
    age: Duration::from_secs(30),
};
const OLD: u64 = 1;
const NEW: u64 = 2;

/// A cache of one key whose handler returns the stamp it runs under.
struct Cache {
    flights: SingleFlight<(), u64, u64, ()>,
    stored: Mutex<Option<u64>>,
    running: AtomicBool,
    runs: AtomicUsize,
}

impl Cache {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            flights: SingleFlight::new(),
            stored: Mutex::new(None),
            running: AtomicBool::new(false),
            runs: AtomicUsize::new(0),
        })
    }

    /// Joins at a time when all that is older than `stamp` is outdated.
    fn join(&self, stamp: u64) -> Join<(), u64, u64, ()> {
        let outdated = |started: &u64| *started < stamp;
        self.flights
            .join(&(), Duration::ZERO, &LIMITS, stamp, outdated)
    }

    fn lead(&self, stamp: u64) -> Permit<(), u64, u64, ()> {
        match self.join(stamp) {
            Join::Lead(permit) => permit,
            Join::Wait(_) | Join::Full => panic!("another run leads"),
        }
    }

    fn follow(&self, stamp: u64) -> Waiter<u64, u64, ()> {
        match self.join(stamp) {
            Join::Wait(waiter) => waiter,
            Join::Lead(_) | Join::Full => panic!("there is no run to wait for"),
        }
    }

    /// Lets a waiter run beside its leader, if any run is in progress.
    fn let_in(&self, waiter: &Waiter<u64, u64, ()>) -> Option<Permit<(), u64, u64, ()>> {
        let turn = Duration::from_secs(5);
        let permit = self.flights.run_beside(&(), waiter, turn, turn);
        permit.ok()
    }

    /// A request that missed: leads or follows, and takes over where a leader failed.
    fn request(&self, stamp: u64) -> u64 {
        match self.join(stamp) {
            Join::Lead(permit) => self.run(permit),
            Join::Wait(waiter) => self.after(waiter, stamp),
            Join::Full => panic!("there is no place for a waiter"),
        }
    }

    fn after(&self, waiter: Waiter<u64, u64, ()>, stamp: u64) -> u64 {
        match block_on(waiter) {
            Outcome::Stored(response) => response,
            Outcome::NotStored(()) => panic!("everything is stored here"),
            Outcome::Failed => match self.join(stamp) {
                Join::Lead(permit) => self.run(permit),
                Join::Wait(waiter) => match block_on(waiter) {
                    Outcome::Stored(response) => response,
                    Outcome::NotStored(()) => panic!("everything is stored here"),
                    Outcome::Failed => panic!("failed twice by one failure"),
                },
                Join::Full => panic!("there is no place for a waiter"),
            },
        }
    }

    /// Looks up once more, runs if nothing is there, stores, ends.
    fn run(&self, permit: Permit<(), u64, u64, ()>) -> u64 {
        let others = self.running.swap(true, SeqCst);
        assert!(!others, "two flights run for one key");
        let found = *self.stored.lock().unwrap();
        let response = found.unwrap_or_else(|| {
            self.runs.fetch_add(1, SeqCst);
            *permit.stamp()
        });
        *self.stored.lock().unwrap() = Some(response);
        self.running.store(false, SeqCst);
        permit.finish(Outcome::Stored(response));
        response
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.flights.len(), 0, "a flight is left in the map");
        }
    }
}

#[test]
pub(super) fn a_leader_ends_while_its_waiter_polls() {
    explore(|| {
        let cache = Cache::new();
        let permit = cache.lead(NEW);
        let waiter = cache.follow(NEW);
        let leader = thread::spawn(move || permit.finish(Outcome::Stored(NEW)));
        assert!(matches!(block_on(waiter), Outcome::Stored(NEW)));
        leader.join().unwrap();
    });
}

#[test]
pub(super) fn two_misses_at_once_are_one_run() {
    explore(|| {
        let cache = Cache::new();
        let other = Arc::clone(&cache);
        let other = thread::spawn(move || other.request(NEW));
        assert_eq!(cache.request(NEW), NEW);
        assert_eq!(other.join().unwrap(), NEW);
        assert_eq!(cache.runs.load(SeqCst), 1);
    });
}

#[test]
pub(super) fn a_third_miss_while_a_leader_is_dropped_is_no_second_run() {
    // All orders of three threads are too many; those with three preemptions are not.
    let mut model = Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let cache = Cache::new();
        let permit = cache.lead(NEW);
        let waiter = cache.follow(NEW);
        let (second, third) = (Arc::clone(&cache), Arc::clone(&cache));
        let second = thread::spawn(move || second.after(waiter, NEW));
        let third = thread::spawn(move || third.request(NEW));
        drop(permit);
        assert_eq!(second.join().unwrap(), NEW);
        assert_eq!(third.join().unwrap(), NEW);
        assert_eq!(cache.runs.load(SeqCst), 1);
    });
}

#[test]
pub(super) fn one_of_two_waiters_takes_over_from_a_leader_that_is_dropped() {
    explore(|| {
        let cache = Cache::new();
        let permit = cache.lead(NEW);
        let (first, second) = (cache.follow(NEW), cache.follow(NEW));
        let other = Arc::clone(&cache);
        let other = thread::spawn(move || other.after(second, NEW));
        drop(permit);
        assert_eq!(cache.after(first, NEW), NEW);
        assert_eq!(other.join().unwrap(), NEW);
        assert_eq!(cache.runs.load(SeqCst), 1);
    });
}

#[test]
pub(super) fn a_run_beside_a_failing_leader_answers_its_waiters() {
    explore(|| {
        let cache = Cache::new();
        let leader = cache.lead(NEW);
        let waiter = cache.follow(NEW);
        let beside = cache.let_in(&waiter).expect("the leader runs");
        let fails = thread::spawn(move || drop(leader));
        let ends = thread::spawn(move || beside.finish(Outcome::Stored(NEW)));
        let outcome = block_on(waiter);
        assert!(
            matches!(outcome, Outcome::Stored(NEW)),
            "failed while another run is in progress"
        );
        fails.join().unwrap();
        ends.join().unwrap();
    });
}

#[test]
pub(super) fn two_runs_for_one_flight_fail_at_once() {
    explore(|| {
        let cache = Cache::new();
        let leader = cache.lead(NEW);
        let waiter = cache.follow(NEW);
        let beside = cache.let_in(&waiter).expect("the leader runs");
        let other = thread::spawn(move || drop(leader));
        drop(beside);
        assert!(matches!(block_on(waiter), Outcome::Failed));
        other.join().unwrap();
    });
}

#[test]
pub(super) fn a_run_is_let_in_while_the_leader_fails() {
    explore(|| {
        let cache = Cache::new();
        let leader = cache.lead(NEW);
        let waiter = cache.follow(NEW);
        let other = thread::spawn(move || drop(leader));
        let beside = cache.let_in(&waiter);
        let was_let_in = beside.is_some();
        if let Some(beside) = beside {
            beside.finish(Outcome::Stored(NEW));
        }
        let finished = matches!(block_on(waiter), Outcome::Stored(NEW));
        assert_eq!(
            was_let_in, finished,
            "a run was let in and its result was lost"
        );
        other.join().unwrap();
    });
}

#[test]
pub(super) fn a_replaced_flight_that_ends_late_leaves_the_newer_one_alone() {
    explore(|| {
        let cache = Cache::new();
        let old = cache.lead(OLD);
        let early = cache.follow(OLD);
        let leader = thread::spawn(move || old.finish(Outcome::Stored(OLD)));
        let new = cache.lead(NEW);
        let late = cache.follow(NEW);
        assert!(matches!(block_on(early), Outcome::Stored(OLD)));
        leader.join().unwrap();
        assert_eq!(cache.flights.len(), 1, "the newer flight was taken out");
        new.finish(Outcome::Stored(NEW));
        assert!(matches!(block_on(late), Outcome::Stored(NEW)));
    });
}

#[test]
pub(super) fn two_that_find_a_flight_outdated_replace_it_by_one() {
    explore(|| {
        let cache = Cache::new();
        let old = cache.lead(OLD);
        let other = Arc::clone(&cache);
        let other = thread::spawn(move || other.request(NEW));
        assert_eq!(cache.request(NEW), NEW);
        assert_eq!(other.join().unwrap(), NEW);
        assert_eq!(cache.runs.load(SeqCst), 1);
        drop(old);
    });
}

#[test]
pub(super) fn a_waiter_leaves_while_the_leader_finishes() {
    explore(|| {
        let cache = Cache::new();
        let permit = cache.lead(NEW);
        let (leaves, stays) = (cache.follow(NEW), cache.follow(NEW));
        let other = thread::spawn(move || drop(leaves));
        let leader = thread::spawn(move || permit.finish(Outcome::Stored(NEW)));
        assert!(matches!(block_on(stays), Outcome::Stored(NEW)));
        other.join().unwrap();
        leader.join().unwrap();
    });
}

#[test]
pub(super) fn the_place_of_a_waiter_that_leaves_is_given_to_one_other() {
    explore(|| {
        let cache = Cache::new();
        let permit = cache.lead(NEW);
        let (leaves, stays) = (cache.follow(NEW), cache.follow(NEW));
        let other = thread::spawn(move || drop(leaves));
        let early = cache.join(NEW);
        other.join().unwrap();
        let late = cache.join(NEW);
        drop(permit);
        assert!(matches!(block_on(stays), Outcome::Failed));
        let ((Join::Wait(next), Join::Full) | (Join::Full, Join::Wait(next))) = (early, late)
        else {
            panic!("one place, and not one waiter")
        };
        assert!(matches!(block_on(next), Outcome::Failed));
    });
}

#[test]
pub(super) fn an_arrival_after_an_invalidation_gets_no_run_from_before() {
    explore(|| {
        let cache = Cache::new();
        let generation = Arc::new(AtomicU64::new(OLD));
        let run = {
            let (cache, generation) = (Arc::clone(&cache), Arc::clone(&generation));
            thread::spawn(move || {
                let turn = cache.join(generation.load(SeqCst));
                if let Join::Lead(permit) = turn {
                    let response = *permit.stamp();
                    permit.finish(Outcome::Stored(response));
                }
            })
        };
        generation.store(NEW, SeqCst);
        let response = match cache.join(generation.load(SeqCst)) {
            Join::Lead(permit) => *permit.stamp(),
            Join::Wait(waiter) => match block_on(waiter) {
                Outcome::Stored(response) => response,
                Outcome::NotStored(()) | Outcome::Failed => NEW,
            },
            Join::Full => panic!("there is no place for a waiter"),
        };
        run.join().unwrap();
        assert_eq!(response, NEW, "a run from before the invalidation");
    });
}
