//! Ends waits whose time is over: one thread looks at the clock for all of them.
//!
//! A timer of a runtime that is due before all its others costs a call of the system, and each call
//! to a store would need one. Besides, whoever waits for a thread that is stuck needs a clock that is
//! on none of the two.

pub(crate) mod queue;

use self::queue::{Place, Waits};
use crate::util::sync::{Mutex, lock};
use std::{
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Condvar, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
    time::Instant,
};

/// What `future` comes to, or `None` if it has not come to anything until `end`. On any executor.
///
/// The alarm must have been [started](start).
pub(crate) async fn by<F: Future>(end: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut wait = Wait::until(end);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => wait.poll(cx.waker()).map(|()| None),
    })
    .await
}

/// Starts the thread, unless it runs.
///
/// # Errors
/// If it cannot be started. The next call tries again.
pub(crate) fn start() -> io::Result<()> {
    static RUNS: Mutex<bool> = Mutex::new(false);
    let mut runs = lock(&RUNS);
    if !*runs {
        thread::Builder::new()
            .name("cached-response-alarm".into())
            .spawn(|| ALARM.watch())?;
        *runs = true;
    }
    Ok(())
}

static ALARM: Alarm = Alarm {
    waits: Mutex::new(State {
        waits: Waits::new(),
        next_look: None,
    }),
    earlier: Condvar::new(),
};

struct Alarm {
    waits: Mutex<State>,
    /// Something ends before the next look.
    earlier: Condvar,
}

struct State {
    waits: Waits,
    /// When the thread looks again; `None` if nothing has it look.
    next_look: Option<Instant>,
}

/// A wait with an end. It has a place while the alarm knows of it.
pub(crate) struct Wait {
    end: Instant,
    place: Option<Place>,
}

impl Wait {
    /// The alarm must have been [started](start).
    pub(crate) fn until(end: Instant) -> Self {
        Self { end, place: None }
    }

    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<()> {
        // Whoever has just begun to wait need not look: if it is over, the alarm will.
        if self.place.is_some() && Instant::now() >= self.end {
            return Poll::Ready(());
        }
        let mut state = lock(&ALARM.waits);
        // What a waker does when it is dropped is not done under the lock.
        let replaced = state.waits.note(self.end, &mut self.place, waker);
        let is_first = state.next_look.is_none_or(|look| self.end < look);
        if is_first {
            // Until the thread has looked, nobody else need wake it for what ends later.
            state.next_look = Some(self.end);
        }
        drop(state);
        drop(replaced);
        if is_first {
            ALARM.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = lock(&ALARM.waits).waits.forget(self.end, place);
            drop(waker);
        }
    }
}

impl Alarm {
    /// Wakes those whose time is over, as long as the process lives.
    fn watch(&self) {
        let mut waits = lock(&self.waits);
        loop {
            let over = waits.waits.over(Instant::now());
            if !over.is_empty() {
                drop(waits);
                over.into_iter().for_each(wake);
                waits = lock(&self.waits);
                continue;
            }
            waits = self.rest(waits);
        }
    }

    /// Waits for the first end, or for an earlier one.
    fn rest<'a>(&self, mut waits: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        waits.next_look = waits.waits.first();
        let Some(look) = waits.next_look else {
            let waited = self.earlier.wait(waits);
            return waited.unwrap_or_else(PoisonError::into_inner);
        };
        let time = look.saturating_duration_since(Instant::now());
        let waited = self.earlier.wait_timeout(waits, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A waker is somebody else's: what it does wrong must not end this thread.
fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

#[cfg(test)]
mod tests;
