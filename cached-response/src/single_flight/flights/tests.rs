//! One thread, one step at a time. A waker that counts stands in for the executor.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::sync::explore;
use super::{Join, Limits, Outcome, Permit, SingleFlight, Waiter};

const NOW: Duration = Duration::from_secs(100);
const LIMITS: Limits = Limits {
    followers: 3,
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

fn leads(turn: Join<Key, u32, Stored, u8>) -> Permit<Key, u32, Stored, u8> {
    match turn {
        Join::Lead(permit) => permit,
        Join::Follow(_) => panic!("follows a flight where it should lead"),
        Join::Crowded => panic!("finds a crowd where it should lead"),
    }
}

fn follow(flights: &TestFlights, key: Key) -> Waiter<u32, Stored, u8> {
    match join(flights, key) {
        Join::Follow(follower) => follower,
        Join::Lead(_) => panic!("leads where it should follow"),
        Join::Crowded => panic!("finds a crowd where it should follow"),
    }
}

fn poll(follower: &mut Waiter<u32, Stored, u8>, waker: &Arc<Count>) -> Poll<Outcome<Stored, u8>> {
    let waker = Waker::from(Arc::clone(waker));
    Pin::new(follower).poll(&mut Context::from_waker(&waker))
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
fn the_first_leads_and_the_others_follow() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let _first = follow(&flights, "a");
        let _second = follow(&flights, "a");
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
fn a_landing_reaches_every_follower_and_wakes_each_once() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let counts = [Arc::<Count>::default(), Arc::default()];
        let mut followers = [follow(&flights, "a"), follow(&flights, "a")];
        for (follower, count) in followers.iter_mut().zip(&counts) {
            assert!(poll(follower, count).is_pending());
        }

        permit.land(stored("hello"));

        for (follower, count) in followers.iter_mut().zip(&counts) {
            assert_eq!(count.wakes(), 1);
            assert_stored(&poll(follower, count), "hello");
        }
    });
}

#[test]
fn only_the_last_waker_of_a_follower_is_woken() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut follower = follow(&flights, "a");
        let (old, new) = (Arc::<Count>::default(), Arc::<Count>::default());
        assert!(poll(&mut follower, &old).is_pending());
        assert!(poll(&mut follower, &new).is_pending());

        permit.land(Outcome::Failed);

        assert_eq!((old.wakes(), new.wakes()), (0, 1));
    });
}

#[test]
fn a_follower_that_was_never_polled_still_gets_the_landing() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut follower = follow(&flights, "a");
        permit.land(stored("hello"));
        assert_stored(&poll(&mut follower, &Arc::default()), "hello");
    });
}

#[test]
fn followers_of_what_is_not_stored_learn_why() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut follower = follow(&flights, "a");
        permit.land(Outcome::NotStored(7));
        let landing = poll(&mut follower, &Arc::default());
        assert!(matches!(landing, Poll::Ready(Outcome::NotStored(7))));
    });
}

#[test]
fn a_follower_takes_over_when_the_leader_is_dropped() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut followers = [follow(&flights, "a"), follow(&flights, "a")];
        drop(permit);
        for follower in &mut followers {
            let landing = poll(follower, &Arc::default());
            assert!(matches!(landing, Poll::Ready(Outcome::Failed)));
        }

        let _successor = lead(&flights, "a");
        let _follower = follow(&flights, "a");
    });
}

#[test]
fn a_leader_that_panics_lands_as_failed() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let mut follower = follow(&flights, "a");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _permit = permit;
            resume_unwind(Box::new("the handler"))
        }));
        assert!(panicked.is_err());
        assert_eq!(flights.len(), 0);
        let landing = poll(&mut follower, &Arc::default());
        assert!(matches!(landing, Poll::Ready(Outcome::Failed)));
    });
}

#[test]
fn the_flight_that_failed_is_gone_before_its_followers_are_woken() {
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
        let mut follower = follow(&flights, "a");
        let look = Arc::new(Look(flights, AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&look));
        let pending = Pin::new(&mut follower).poll(&mut Context::from_waker(&waker));
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
        let _follower = follow(&flights, "a");
        a.land(stored("hello"));
        drop(b);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn a_crowd_is_turned_away_until_a_follower_leaves() {
    explore(|| {
        let flights = TestFlights::new();
        let _permit = lead(&flights, "a");
        let mut followers: Vec<_> = (0..3).map(|_| follow(&flights, "a")).collect();
        assert!(matches!(join(&flights, "a"), Join::Crowded));
        assert!(flights.follow(&"a", NOW, &LIMITS, |_| false).is_none());

        drop(followers.remove(1));
        followers.push(follow(&flights, "a"));
        assert!(matches!(join(&flights, "a"), Join::Crowded));
    });
}

#[test]
fn a_follower_that_left_is_not_woken() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let count = Arc::<Count>::default();
        let mut follower = follow(&flights, "a");
        assert!(poll(&mut follower, &count).is_pending());
        drop(follower);
        assert_eq!(Arc::strong_count(&count), 1, "its waker is still there");
        permit.land(stored("hello"));
        assert_eq!(count.wakes(), 0);
    });
}

#[test]
fn the_place_of_one_who_left_does_not_get_mixed_up_with_its_heir() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let (left, count) = (Arc::<Count>::default(), Arc::<Count>::default());
        let mut follower = follow(&flights, "a");
        assert!(poll(&mut follower, &left).is_pending());
        drop(follower);
        let mut heir = follow(&flights, "a");
        assert!(poll(&mut heir, &count).is_pending());
        permit.land(stored("hello"));
        assert_eq!((left.wakes(), count.wakes()), (0, 1));
    });
}

#[test]
fn a_flight_over_the_age_limit_is_replaced_and_lands_for_its_own() {
    explore(|| {
        let flights = TestFlights::new();
        let old = lead(&flights, "a");
        let mut early = follow(&flights, "a");

        let just_below = NOW + Duration::from_nanos(29_999_999_999);
        let turn = flights.join(&"a", just_below, &LIMITS, 0, |_| false);
        assert!(matches!(turn, Join::Follow(_)));
        let new = leads(flights.join(&"a", NOW + LIMITS.age, &LIMITS, 0, |_| false));
        let mut late = follow(&flights, "a");

        old.land(stored("old"));
        assert_stored(&poll(&mut early, &Arc::default()), "old");
        assert!(poll(&mut late, &Arc::default()).is_pending());
        assert_eq!(flights.len(), 1, "the newer flight was taken out");

        new.land(stored("new"));
        assert_stored(&poll(&mut late, &Arc::default()), "new");
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn a_closed_flight_lands_for_its_own_and_leaves_the_next_one_alone() {
    explore(|| {
        let flights = TestFlights::new();
        let closed = lead(&flights, "a");
        let mut early = follow(&flights, "a");
        closed.close();
        let next = lead(&flights, "a");
        let mut late = follow(&flights, "a");

        closed.land(Outcome::NotStored(7));
        let landing = poll(&mut early, &Arc::default());
        assert!(matches!(landing, Poll::Ready(Outcome::NotStored(7))));
        assert_eq!(flights.len(), 1, "the next flight was taken out");

        next.land(stored("next"));
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
        // Whoever took its stamp before the invalidation still follows the newer run.
        let turn = flights.join(&"a", NOW, &LIMITS, 0, |stamp| *stamp < 1);
        assert!(matches!(turn, Join::Follow(_)));
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
        assert!(matches!(turn, Join::Follow(_)));
        assert_eq!(seen.get(), 1);
    });
}

#[test]
fn following_never_leads() {
    explore(|| {
        let flights = TestFlights::new();
        assert!(flights.follow(&"a", NOW, &LIMITS, |_| false).is_none());
        assert_eq!(flights.len(), 0);

        let permit = lead(&flights, "a");
        assert!(flights.follow(&"a", NOW, &LIMITS, |_| true).is_none());
        assert!(
            flights
                .follow(&"a", NOW + LIMITS.age, &LIMITS, |_| false)
                .is_none()
        );
        let mut follower = flights.follow(&"a", NOW, &LIMITS, |_| false).unwrap();
        permit.land(stored("hello"));
        assert_stored(&poll(&mut follower, &Arc::default()), "hello");
    });
}

#[test]
fn what_landed_is_let_go_with_its_last_follower() {
    explore(|| {
        let flights = TestFlights::new();
        let permit = lead(&flights, "a");
        let follower = follow(&flights, "a");
        let response: Stored = "hello".into();
        permit.land(Outcome::Stored(Arc::clone(&response)));
        assert_eq!(Arc::strong_count(&response), 2);
        drop(follower);
        assert_eq!(Arc::strong_count(&response), 1);
    });
}

const TURN: Duration = Duration::from_secs(5);

#[test]
fn one_follower_after_the_other_is_let_in_to_run_beside_the_leader() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let [first, second] = [0; 2].map(|_| follow(&flights, "a"));
        let relieve = |follower, now| flights.relieve(&"a", follower, now, TURN);
        assert_eq!(relieve(&first, NOW).err(), Some(NOW + TURN));
        let beside = relieve(&first, NOW + TURN);
        assert!(beside.is_ok());
        let next = NOW + 2 * TURN;
        assert_eq!(relieve(&second, NOW + TURN).err(), Some(next));
        let third = relieve(&second, next);
        assert!(third.is_ok());
        drop(leader);
        drop(third);
        assert_eq!(flights.len(), 1, "one run goes on");
        drop(beside);
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn of_two_runs_the_first_to_land_counts() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let mut follower = follow(&flights, "a");
        let Ok(beside) = flights.relieve(&"a", &follower, NOW + TURN, TURN) else {
            panic!("nobody else was let in");
        };
        beside.land(stored("beside"));
        assert_eq!(flights.len(), 0);
        leader.land(Outcome::NotStored(7));
        assert_stored(&poll(&mut follower, &Arc::default()), "beside");
    });
}

#[test]
fn followers_know_when_only_a_body_is_waited_for() {
    explore(|| {
        let flights = TestFlights::new();
        let leader = lead(&flights, "a");
        let follower = follow(&flights, "a");
        assert!(!follower.waits_for_body());
        leader.head_is_out();
        assert!(follower.waits_for_body());
        drop(leader);
        assert!(!follower.waits_for_body(), "it is over");
    });
}
