//! One thread, one step at a time. A counting waker takes the place of the executor.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::sync::explore;
use super::{FlightLimits, Join, Outcome, Permit, SingleFlight, Waiter};

const NOW: Duration = Duration::from_secs(100);
const LIMITS: FlightLimits = FlightLimits {
    max_waiters: 3,
    age: Duration::from_secs(30),
};

type Key = &'static str;
type Stored = Arc<str>;
type TestFlights = SingleFlight<Key, u32, Stored, u8>;

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn join(flights: &TestFlights, key: Key) -> Join<Key, u32, Stored, u8> {
    flights.join(&key, NOW, &LIMITS, 0, |_| false)
}

fn lead(flights: &TestFlights, key: Key) -> Permit<Key, u32, Stored, u8> {
    leads(join(flights, key))
}

fn leads(join: Join<Key, u32, Stored, u8>) -> Permit<Key, u32, Stored, u8> {
    match join {
        Join::Lead(permit) => permit,
        Join::Wait(_) => panic!("waits where it should lead"),
        Join::Full => panic!("is turned away where it should lead"),
    }
}

fn wait(flights: &TestFlights, key: Key) -> Waiter<u32, Stored, u8> {
    match join(flights, key) {
        Join::Wait(waiter) => waiter,
        Join::Lead(_) => panic!("leads where it should wait"),
        Join::Full => panic!("is turned away where it should wait"),
    }
}

fn poll(waiter: &mut Waiter<u32, Stored, u8>, waker: &Arc<Count>) -> Poll<Outcome<Stored, u8>> {
    let waker = Waker::from(Arc::clone(waker));
    Pin::new(waiter).poll(&mut Context::from_waker(&waker))
}

fn stored(text: &str) -> Outcome<Stored, u8> {
    Outcome::Stored(text.into())
}

#[track_caller]
fn assert_stored(poll: &Poll<Outcome<Stored, u8>>, text: &str) {
    match poll {
        Poll::Ready(Outcome::Stored(found)) => assert_eq!(&**found, text),
        other => panic!("{other:?} instead of the stored {text}"),
    }
}

#[test]
fn the_first_leads_and_the_others_wait() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let _first = wait(&flights, "a");
        let _second = wait(&flights, "a");
        assert_eq!(flights.len(), 1);
        drop(permit);
    });
}

#[test]
fn keys_do_not_wait_for_each_other() {
    explore(|| {
        let flights = TestFlights::new();
        let _a = lead(&flights, "a");
        let _b = lead(&flights, "b");
        assert_eq!(flights.len(), 2);
    });
}

#[test]
fn an_outcome_reaches_every_waiter_and_wakes_each_once() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let counts = [Arc::<Count>::default(), Arc::default()];
        let mut waiters = [wait(&flights, "a"), wait(&flights, "a")];
        for (waiter, count) in waiters.iter_mut().zip(&counts) {
            assert!(poll(waiter, count).is_pending());
        }

        permit.finish(stored("hello"));

        for (waiter, count) in waiters.iter_mut().zip(&counts) {
            assert_eq!(count.wakes(), 1);
            assert_stored(&poll(waiter, count), "hello");
        }
    });
}

#[test]
fn only_the_last_waker_of_a_waiter_is_woken() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        let (old, new) = (Arc::<Count>::default(), Arc::<Count>::default());
        assert!(poll(&mut waiter, &old).is_pending());
        assert!(poll(&mut waiter, &new).is_pending());

        permit.finish(Outcome::Failed);

        assert_eq!((old.wakes(), new.wakes()), (0, 1));
    });
}

#[test]
fn a_waiter_that_was_never_polled_still_gets_the_outcome() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        permit.finish(stored("hello"));
        assert_stored(&poll(&mut waiter, &Arc::default()), "hello");
    });
}

#[test]
fn waiters_get_the_reason_why_a_response_is_not_stored() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        permit.finish(Outcome::NotStored(7));
        let outcome = poll(&mut waiter, &Arc::default());
        assert!(matches!(outcome, Poll::Ready(Outcome::NotStored(7))));
    });
}

#[test]
fn a_waiter_takes_over_when_the_leader_is_dropped() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiters = [wait(&flights, "a"), wait(&flights, "a")];
        drop(permit);
        for waiter in &mut waiters {
            let outcome = poll(waiter, &Arc::default());
            assert!(matches!(outcome, Poll::Ready(Outcome::Failed)));
        }

        let _successor = lead(&flights, "a");
        let _waiter = wait(&flights, "a");
    });
}

#[test]
fn a_leader_that_panics_ends_as_failed() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _permit = permit;
            resume_unwind(Box::new("the handler"))
        }));
        assert!(panicked.is_err());
        assert_eq!(flights.len(), 0);
        let outcome = poll(&mut waiter, &Arc::default());
        assert!(matches!(outcome, Poll::Ready(Outcome::Failed)));
    });
}

#[test]
fn a_failed_flight_is_removed_before_its_waiters_are_woken() {
    struct Look(TestFlights, AtomicUsize);
    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            // This would hang, too, if a lock were held while wakers run.
            self.1.fetch_add(1 + self.0.len(), Ordering::SeqCst);
        }
    }
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        let look = Arc::new(Look(flights, AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&look));
        let pending = Pin::new(&mut waiter).poll(&mut Context::from_waker(&waker));
        assert!(pending.is_pending());

        drop(permit);

        assert_eq!(look.1.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn the_map_is_empty_when_nothing_runs() {
    explore(|| {
        let flights = TestFlights::new();
        let (a, b) = (lead(&flights, "a"), lead(&flights, "b"));
        let _waiter = wait(&flights, "a");
        a.finish(stored("hello"));
        drop(b);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn requests_over_the_maximum_are_turned_away_until_a_waiter_leaves() {
    explore(|| {
        let flights = TestFlights::new();
        let _permit = lead(&flights, "a");
        let mut waiters: Vec<_> = (0..3).map(|_| wait(&flights, "a")).collect();
        assert!(matches!(join(&flights, "a"), Join::Full));
        assert!(flights.wait(&"a", NOW, &LIMITS, |_| false).is_none());

        drop(waiters.remove(1));
        waiters.push(wait(&flights, "a"));
        assert!(matches!(join(&flights, "a"), Join::Full));
    });
}

#[test]
fn a_waiter_that_left_is_not_woken() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let count = Arc::<Count>::default();
        let mut waiter = wait(&flights, "a");
        assert!(poll(&mut waiter, &count).is_pending());
        drop(waiter);
        assert_eq!(Arc::strong_count(&count), 1, "its waker is still there");
        permit.finish(stored("hello"));
        assert_eq!(count.wakes(), 0);
    });
}

#[test]
fn a_freed_place_serves_its_new_waiter_alone() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let (left, count) = (Arc::<Count>::default(), Arc::<Count>::default());
        let mut waiter = wait(&flights, "a");
        assert!(poll(&mut waiter, &left).is_pending());
        drop(waiter);
        let mut heir = wait(&flights, "a");
        assert!(poll(&mut heir, &count).is_pending());
        permit.finish(stored("hello"));
        assert_eq!((left.wakes(), count.wakes()), (0, 1));
    });
}

#[test]
fn a_flight_over_the_age_limit_is_replaced_and_finishes_for_its_own_waiters() {
    explore(|| {
        let flights = TestFlights::new();
        let old = lead(&flights, "a");
        let mut early = wait(&flights, "a");

        let just_below = NOW + Duration::from_nanos(29_999_999_999);
        let turn = flights.join(&"a", just_below, &LIMITS, 0, |_| false);
        assert!(matches!(turn, Join::Wait(_)));
        let new = leads(flights.join(&"a", NOW + LIMITS.age, &LIMITS, 0, |_| false));
        let mut late = wait(&flights, "a");

        old.finish(stored("old"));
        assert_stored(&poll(&mut early, &Arc::default()), "old");
        assert!(poll(&mut late, &Arc::default()).is_pending());
        assert_eq!(flights.len(), 1, "the newer flight was taken out");

        new.finish(stored("new"));
        assert_stored(&poll(&mut late, &Arc::default()), "new");
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn a_closed_flight_finishes_for_its_own_waiters_and_leaves_the_next_one_alone() {
    explore(|| {
        let flights = TestFlights::new();
        let closed = lead(&flights, "a");
        let mut early = wait(&flights, "a");
        closed.close();
        let next = lead(&flights, "a");
        let mut late = wait(&flights, "a");

        closed.finish(Outcome::NotStored(7));
        let outcome = poll(&mut early, &Arc::default());
        assert!(matches!(outcome, Poll::Ready(Outcome::NotStored(7))));
        assert_eq!(flights.len(), 1, "the next flight was taken out");

        next.finish(stored("next"));
        assert_stored(&poll(&mut late, &Arc::default()), "next");
    });
}

#[test]
fn an_outdated_flight_is_replaced_and_not_joined() {
    explore(|| {
        let flights = TestFlights::new();
        let old = lead(&flights, "a");
        let new = leads(flights.join(&"a", NOW, &LIMITS, 1, |stamp| *stamp < 1));
        assert_eq!((*old.stamp(), *new.stamp()), (0, 1));
        drop(old);
        assert_eq!(flights.len(), 1);
        // A request with a stamp from before the invalidation still waits for the newer run.
        let turn = flights.join(&"a", NOW, &LIMITS, 0, |stamp| *stamp < 1);
        assert!(matches!(turn, Join::Wait(_)));
    });
}

#[test]
fn no_lock_is_held_while_a_stamp_is_judged() {
    explore(|| {
        let flights = TestFlights::new();
        let _permit = lead(&flights, "a");
        let seen = Cell::new(0);
        let turn = flights.join(&"a", NOW, &LIMITS, 0, |_| {
            seen.set(flights.len());
            false
        });
        assert!(matches!(turn, Join::Wait(_)));
        assert_eq!(seen.get(), 1);
    });
}

#[test]
fn wait_never_leads() {
    explore(|| {
        let flights = TestFlights::new();
        assert!(flights.wait(&"a", NOW, &LIMITS, |_| false).is_none());
        assert_eq!(flights.len(), 0);

        let permit = lead(&flights, "a");
        assert!(flights.wait(&"a", NOW, &LIMITS, |_| true).is_none());
        assert!(
            flights
                .wait(&"a", NOW + LIMITS.age, &LIMITS, |_| false)
                .is_none()
        );
        let mut waiter = flights.wait(&"a", NOW, &LIMITS, |_| false).unwrap();
        permit.finish(stored("hello"));
        assert_stored(&poll(&mut waiter, &Arc::default()), "hello");
    });
}

#[test]
fn an_outcome_is_dropped_with_its_last_waiter() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let waiter = wait(&flights, "a");
        let response: Stored = "hello".into();
        permit.finish(Outcome::Stored(Arc::clone(&response)));
        assert_eq!(Arc::strong_count(&response), 2);
        drop(waiter);
        assert_eq!(Arc::strong_count(&response), 1);
    });
}

const TURN: Duration = Duration::from_secs(5);

#[test]
fn waiters_run_beside_the_leader_one_after_the_other() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let [first, second] = [0; 2].map(|_| wait(&flights, "a"));
        let run_beside = |waiter, now| flights.run_beside(&"a", waiter, now, TURN);
        assert_eq!(run_beside(&first, NOW).err(), Some(NOW + TURN));
        let beside = run_beside(&first, NOW + TURN);
        assert!(beside.is_ok());
        let next = NOW + 2 * TURN;
        assert_eq!(run_beside(&second, NOW + TURN).err(), Some(next));
        let third = run_beside(&second, next);
        assert!(third.is_ok());
        drop(leader);
        drop(third);
        assert_eq!(flights.len(), 1, "one run goes on");
        drop(beside);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn the_first_outcome_of_two_runs_counts() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let mut waiter = wait(&flights, "a");
        let Ok(beside) = flights.run_beside(&"a", &waiter, NOW + TURN, TURN) else {
            panic!("nobody else was let in");
        };
        beside.finish(stored("beside"));
        assert_eq!(flights.len(), 0);
        leader.finish(Outcome::NotStored(7));
        assert_stored(&poll(&mut waiter, &Arc::default()), "beside");
    });
}

#[test]
fn waiters_see_when_only_the_body_is_missing() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let waiter = wait(&flights, "a");
        assert!(!waiter.waits_for_body());
        leader.head_sent();
        assert!(waiter.waits_for_body());
        drop(leader);
        assert!(!waiter.waits_for_body(), "it is over");
    });
}
