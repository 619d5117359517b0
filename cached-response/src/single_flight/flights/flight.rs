//! One run under way: who waits for it, and how it ended.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::sync::{Arc, Mutex, lock};

/// How a run ended, as its followers are told.
#[derive(Clone, Debug)]
pub(crate) enum Outcome<T, W> {
    /// The response is stored, and this is it. It is cloned under the flight's lock, once for each
    /// follower, so it is a handle.
    Stored(T),
    /// There is a response that must not be shared, and why. The response itself is not here:
    /// nobody but the leader's client may ever see it.
    NotStored(W),
    /// The run ended without a response: it panicked, ran too long, or was dropped.
    Failed,
}

/// Waits for the landing of somebody else's run, or of one that runs beside that.
///
/// Dropping it gives its place among the followers back.
#[must_use = "a follower waits only while it is polled"]
pub(crate) struct Waiter<S, T, W> {
    flight: Arc<Flight<S, T, W>>,
    place: usize,
}

impl<S, T, W> Waiter<S, T, W> {
    /// Takes one of the `most` places of a flight; `None` when all are taken.
    pub(crate) fn board(flight: Arc<Flight<S, T, W>>, most: usize) -> Option<Self> {
        let place = match &mut *lock(&flight.state) {
            State::Running(followers) => followers.enter(most)?,
            // It landed a moment ago. Its landing can be read without a place.
            State::Landed(_) => 0,
        };
        Some(Self { flight, place })
    }

    /// Whether the response has begun, and only its body is waited for.
    pub(crate) fn waits_for_body(&self) -> bool {
        matches!(&*lock(&self.flight.state), State::Running(followers) if followers.head_is_out)
    }

    pub(crate) fn flight(&self) -> &Arc<Flight<S, T, W>> {
        &self.flight
    }
}

impl<S, T: Clone, W: Clone> Future for Waiter<S, T, W> {
    type Output = Outcome<T, W>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloning and dropping a waker runs the executor's code. Both are named before the guard,
        // so the lock is free when it runs.
        let waker = context.waker().clone();
        let _replaced;
        let mut state = lock(&self.flight.state);
        match &mut *state {
            State::Landed(landing) => Poll::Ready(landing.clone()),
            State::Running(followers) => {
                _replaced = followers.wait(self.place, waker);
                Poll::Pending
            }
        }
    }
}

impl<S, T, W> Drop for Waiter<S, T, W> {
    fn drop(&mut self) {
        let _waker = match &mut *lock(&self.flight.state) {
            State::Running(followers) => followers.leave(self.place),
            State::Landed(_) => None,
        };
    }
}

/// A run, from the moment somebody won the lead.
pub(crate) struct Flight<S, T, W> {
    started: Duration,
    stamp: S,
    state: Mutex<State<T, W>>,
}

enum State<T, W> {
    Running(Followers),
    Landed(Outcome<T, W>),
}

impl<S, T, W> Flight<S, T, W> {
    pub(crate) fn new(started: Duration, stamp: S) -> Self {
        let followers = Followers {
            leaders: 1,
            ..Followers::default()
        };
        let state = Mutex::new(State::Running(followers));
        Self {
            started,
            stamp,
            state,
        }
    }

    pub(crate) fn stamp(&self) -> &S {
        &self.stamp
    }

    pub(crate) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.started)
    }

    /// Publishes the landing, then wakes those who wait for it, with the lock released. Of several
    /// runs the first to land counts.
    ///
    /// Whoever polls before finds a run and leaves a waker, which is then among those woken;
    /// whoever polls after finds the landing.
    pub(crate) fn land(&self, landing: Outcome<T, W>) {
        let mut state = lock(&self.state);
        if matches!(&*state, State::Landed(_)) {
            return;
        }
        let before = mem::replace(&mut *state, State::Landed(landing));
        drop(state);
        if let State::Running(followers) = before {
            followers.wake();
        }
    }

    /// Lets one more run land here, unless one was started less than `after` ago: then it may be later,
    /// and this is when.
    pub(crate) fn relieve(&self, now: Duration, after: Duration) -> Result<(), Duration> {
        match &mut *lock(&self.state) {
            State::Running(followers) => followers.relieve(self.started, now, after),
            State::Landed(_) => Err(now.saturating_add(after)),
        }
    }

    /// Takes note that a run has failed; whether it was the last.
    pub(crate) fn is_over(&self) -> bool {
        match &mut *lock(&self.state) {
            State::Running(followers) => {
                followers.leaders -= 1;
                followers.leaders == 0
            }
            State::Landed(_) => true,
        }
    }

    /// Takes note that the response has begun.
    pub(crate) fn head_is_out(&self) {
        if let State::Running(followers) = &mut *lock(&self.state) {
            followers.head_is_out = true;
        }
    }
}

/// The followers of a run under way, each with a place, and with a waker once it was polled.
#[derive(Default)]
struct Followers {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// The runs that may land here; none is let in after the last has failed.
    leaders: usize,
    /// When a run was let in beside the first.
    relieved: Option<Duration>,
    head_is_out: bool,
}

impl Followers {
    fn enter(&mut self, most: usize) -> Option<usize> {
        if self.places.len() - self.free.len() >= most {
            return None;
        }
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        Some(place)
    }

    fn relieve(
        &mut self,
        started: Duration,
        now: Duration,
        after: Duration,
    ) -> Result<(), Duration> {
        let next = self.relieved.unwrap_or(started).saturating_add(after);
        if now < next {
            return Err(next);
        }
        if self.leaders == 0 {
            return Err(now.saturating_add(after));
        }
        self.relieved = Some(now);
        self.leaders += 1;
        Ok(())
    }

    /// Returns the waker that was there, to be dropped by the caller without the lock.
    fn wait(&mut self, place: usize, waker: Waker) -> Option<Waker> {
        self.places.get_mut(place)?.replace(waker)
    }

    fn leave(&mut self, place: usize) -> Option<Waker> {
        self.free.push(place);
        self.places.get_mut(place)?.take()
    }

    fn wake(self) {
        self.places.into_iter().flatten().for_each(Waker::wake);
    }
}
