//! Fault injection: counts the calls of a store, holds them, and makes them fail.

use crate::{
    store::{StoreError, StoreErrorKind},
    util::sync::lock,
};
use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

/// Passed by each call before its effect and before it returns.
#[derive(Default)]
pub(crate) struct FaultInjector(Mutex<State>);

#[derive(Default)]
struct State {
    calls: BTreeMap<&'static str, usize>,
    faults: Vec<(Calls, StoreErrorKind)>,
    held: Option<(Calls, Side)>,
    /// Number of releases: a call that waits for one goes on, although calls are held again at once.
    releases: u64,
    waiting: usize,
    wakers: Vec<Waker>,
}

/// Point at which a call is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    BeforeEffect,
    BeforeReturn,
}

/// Set of calls.
pub(crate) enum Calls {
    All,
    Of(String),
}

impl Calls {
    fn include(&self, method: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(name) => name == method,
        }
    }
}

impl FaultInjector {
    /// Counts a call, holds it, and returns its injected error.
    pub(crate) async fn before(&self, method: &'static str) -> Result<(), StoreError> {
        *self.state().calls.entry(method).or_default() += 1;
        self.pass(method, Side::BeforeEffect).await;
        let state = self.state();
        match state.faults.iter().find(|(calls, _)| calls.include(method)) {
            Some((_, kind)) => Err(StoreError::new(*kind, "injected by the test")),
            None => Ok(()),
        }
    }

    /// Holds a call after its effect.
    pub(crate) async fn after(&self, method: &'static str) {
        self.pass(method, Side::BeforeReturn).await;
    }

    pub(crate) fn hold(&self, calls: Calls, side: Side) {
        self.state().held = Some((calls, side));
    }

    pub(crate) fn release(&self) {
        let wakers = {
            let mut state = self.state();
            state.held = None;
            state.releases += 1;
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
            state.register(cx);
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
            if state.releases != waiting.since {
                return Poll::Ready(());
            }
            state.register(cx);
            Poll::Pending
        })
        .await;
    }

    fn arrive(&self, method: &str, side: Side) -> Option<Waiting<'_>> {
        let (since, wakers) = {
            let mut state = self.state();
            let held = state.held.as_ref();
            held.filter(|(calls, held_side)| calls.include(method) && *held_side == side)?;
            state.waiting += 1;
            (state.releases, std::mem::take(&mut state.wakers))
        };
        wakers.into_iter().for_each(Waker::wake);
        Some(Waiting {
            faults: self,
            since,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn register(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|known| known.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }
}

/// Call that is held, until it is released or dropped.
struct Waiting<'a> {
    faults: &'a FaultInjector,
    since: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.faults.state().waiting -= 1;
    }
}
