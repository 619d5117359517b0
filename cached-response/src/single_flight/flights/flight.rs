//! One run in progress: its waiters, and its outcome.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::sync::{Arc, Mutex, lock};

/// The outcome of a run, as its waiters get it.
#[derive(Clone, Debug)]
pub(crate) enum Outcome<T, W> {
    /// The stored response. It is cloned under the flight's lock, once for each waiter, so it is a
    /// handle.
    Stored(T),
    /// The reason why the response must not be shared. The response itself is not here: the leader's
    /// client alone may have it.
    NotStored(W),
    /// The run ended without a response: it panicked, timed out, or was dropped.
    Failed,
}

/// Waits for the outcome of the leader's run, or of one that runs beside it.
///
/// Dropping it frees its place among the waiters.
#[must_use = "a waiter waits only while it is polled"]
pub(crate) struct Waiter<S, T, W> {
    flight: Arc<Flight<S, T, W>>,
    place: usize,
}

impl<S, T, W> Waiter<S, T, W> {
    /// Takes one of `max_waiters` places of a flight; `None` when all are taken.
    pub(crate) fn join(flight: Arc<Flight<S, T, W>>, max_waiters: usize) -> Option<Self> {
        let place = match &mut *lock(&flight.state) {
            State::Running(waiters) => waiters.enter(max_waiters)?,
            // Its outcome can be read without a place.
            State::Finished(_) => 0,
        };
        Some(Self { flight, place })
    }

    /// Returns true once the head of the response was sent, and its body is still to come.
    pub(crate) fn waits_for_body(&self) -> bool {
        matches!(&*lock(&self.flight.state), State::Running(waiters) if waiters.head_sent)
    }

    pub(crate) fn flight(&self) -> &Arc<Flight<S, T, W>> {
        &self.flight
    }
}

impl<S, T: Clone, W: Clone> Future for Waiter<S, T, W> {
    type Output = Outcome<T, W>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloning and dropping a waker runs code of the executor. Both are declared before the guard,
        // so that the lock is free then.
        let waker = context.waker().clone();
        let _replaced;
        let mut state = lock(&self.flight.state);
        match &mut *state {
            State::Finished(outcome) => Poll::Ready(outcome.clone()),
            State::Running(waiters) => {
                _replaced = waiters.wait(self.place, waker);
                Poll::Pending
            }
        }
    }
}

impl<S, T, W> Drop for Waiter<S, T, W> {
    fn drop(&mut self) {
        let _waker = match &mut *lock(&self.flight.state) {
            State::Running(waiters) => waiters.leave(self.place),
            State::Finished(_) => None,
        };
    }
}

/// A run, from the moment its leader has joined.
pub(crate) struct Flight<S, T, W> {
    started: Duration,
    stamp: S,
    state: Mutex<State<T, W>>,
}

enum State<T, W> {
    Running(Waiters),
    Finished(Outcome<T, W>),
}

impl<S, T, W> Flight<S, T, W> {
    pub(crate) fn new(started: Duration, stamp: S) -> Self {
        let waiters = Waiters {
            leaders: 1,
            ..Waiters::default()
        };
        let state = Mutex::new(State::Running(waiters));
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

    /// Publishes the outcome, then wakes the waiters, with the lock released. The first outcome of
    /// several runs counts.
    ///
    /// A waiter that polls before finds a run and leaves a waker, which is woken then; one that polls
    /// after finds the outcome.
    pub(crate) fn finish(&self, outcome: Outcome<T, W>) {
        let mut state = lock(&self.state);
        if matches!(&*state, State::Finished(_)) {
            return;
        }
        let before = mem::replace(&mut *state, State::Finished(outcome));
        drop(state);
        if let State::Running(waiters) = before {
            waiters.wake();
        }
    }

    /// Admits one more run of this flight, unless one was started less than `after` ago: then returns the
    /// time at which one may start.
    pub(crate) fn run_beside(&self, now: Duration, after: Duration) -> Result<(), Duration> {
        match &mut *lock(&self.state) {
            State::Running(waiters) => waiters.run_beside(self.started, now, after),
            State::Finished(_) => Err(now.saturating_add(after)),
        }
    }

    /// Notes that a run has failed; returns true if it was the last.
    pub(crate) fn is_last_failure(&self) -> bool {
        match &mut *lock(&self.state) {
            State::Running(waiters) => {
                waiters.leaders -= 1;
                waiters.leaders == 0
            }
            State::Finished(_) => true,
        }
    }

    /// Notes that the head of the response was sent.
    pub(crate) fn head_sent(&self) {
        if let State::Running(waiters) = &mut *lock(&self.state) {
            waiters.head_sent = true;
        }
    }
}

/// The waiters of a run in progress, each with a place, and with a waker once it was polled.
#[derive(Default)]
struct Waiters {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// The runs of this flight; none is admitted after the last has failed.
    leaders: usize,
    /// The time at which the last run beside the leader started.
    last_beside: Option<Duration>,
    head_sent: bool,
}

impl Waiters {
    fn enter(&mut self, max: usize) -> Option<usize> {
        if self.places.len() - self.free.len() >= max {
            return None;
        }
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        Some(place)
    }

    fn run_beside(
        &mut self,
        started: Duration,
        now: Duration,
        after: Duration,
    ) -> Result<(), Duration> {
        let next = self.last_beside.unwrap_or(started).saturating_add(after);
        if now < next {
            return Err(next);
        }
        if self.leaders == 0 {
            return Err(now.saturating_add(after));
        }
        self.last_beside = Some(now);
        self.leaders += 1;
        Ok(())
    }

    /// Returns the former waker, which the caller drops without the lock.
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
