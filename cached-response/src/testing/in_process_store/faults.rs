//! What a test does to the calls of a store: counts them, holds them, has them fail.

use crate::store::error::{StoreError, StoreErrorKind};
use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Where each call comes by, before it acts and before it answers.
#[derive(Default)]
pub(crate) struct FaultInjector(Mutex<State>);

#[derive(Default)]
struct State {
    calls: BTreeMap<&'static str, usize>,
    faults: Vec<(Calls, StoreErrorKind)>,
    held: Option<(Calls, Side)>,
    /// How often it was opened. Who has waited for one opening is let through, also where it is
    /// closed again at once.
    opened: u64,
    waiting: usize,
    wakers: Vec<Waker>,
}

/// On which side of its work a call is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    BeforeItActs,
    BeforeItAnswers,
}

/// Which calls are meant.
pub(crate) enum Calls {
    All,
    Of(String),
}

impl Calls {
    fn are(&self, method: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(name) => name == method,
        }
    }
}

impl FaultInjector {
    /// Counts a call, holds it, and says whether it fails.
    pub(crate) async fn enter(&self, method: &'static str) -> Result<(), StoreError> {
        *self.state().calls.entry(method).or_default() += 1;
        self.pass(method, Side::BeforeItActs).await;
        let state = self.state();
        match state.faults.iter().find(|(calls, _)| calls.are(method)) {
            Some((_, kind)) => Err(StoreError::new(*kind, "as the test wants it")),
            None => Ok(()),
        }
    }

    /// Holds the answer of a call that has done its work.
    pub(crate) async fn leave(&self, method: &'static str) {
        self.pass(method, Side::BeforeItAnswers).await;
    }

    pub(crate) fn hold(&self, calls: Calls, side: Side) {
        self.state().held = Some((calls, side));
    }

    pub(crate) fn release(&self) {
        let wakers = {
            let mut state = self.state();
            state.held = None;
            state.opened += 1;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn waiting(&self, calls: usize) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.waiting >= calls {
                return Poll::Ready(());
            }
            state.wake_me(cx);
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn fail(&self, calls: Calls, kind: StoreErrorKind) {
        self.state().faults.push((calls, kind));
    }

    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    pub(crate) fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.state().calls.clone()
    }

    async fn pass(&self, method: &str, side: Side) {
        let Some(waiting) = self.arrive(method, side) else {
            return;
        };
        poll_fn(|cx| {
            let mut state = self.state();
            if state.opened != waiting.since {
                return Poll::Ready(());
            }
            state.wake_me(cx);
            Poll::Pending
        })
        .await;
    }

    fn arrive(&self, method: &str, side: Side) -> Option<Waiting<'_>> {
        let (since, wakers) = {
            let mut state = self.state();
            let held = state.held.as_ref();
            held.filter(|(calls, where_held)| calls.are(method) && *where_held == side)?;
            state.waiting += 1;
            (state.opened, std::mem::take(&mut state.wakers))
        };
        wakers.into_iter().for_each(Waker::wake);
        Some(Waiting { gate: self, since })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake_me(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|known| known.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }
}

/// A call that is held, until it is let through or dropped.
struct Waiting<'a> {
    gate: &'a FaultInjector,
    since: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.state().waiting -= 1;
    }
}
