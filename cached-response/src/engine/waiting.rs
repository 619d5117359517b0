//! The wait for the run of another request: its bounds, how it ends, and cycles of runs that wait for each
//! other: a run that would wait for itself runs alone.

use crate::{
    cache::Inner,
    context::run_context::{self, WaitNode},
    engine::{
        stale_fallback::fallback,
        subject::{Miss, Subject},
        timeout::timeout,
    },
    key::Key,
    single_flight::responses::{FlightOutcome, Permit, Waiter},
    time::moment::Timestamp,
    util::sync::{Mutex, lock},
};
use std::{collections::HashMap, ptr, time::Duration};

/// The bounds of the waiting of one request, from its look-up on.
#[derive(Clone, Copy)]
pub(crate) struct WaitBounds {
    /// The request may run beside the leader from then on.
    beside_at: Timestamp,
    /// The interval between two runs that start beside a leader.
    interval: Duration,
    /// The end, however many runs it has waited for.
    end: Timestamp,
}

/// The end of a wait.
pub(crate) enum Waited {
    Finished(FlightOutcome),
    /// The request may run beside the leader, and still wait for it.
    RunBeside(Permit, Waiter),
    /// The soft timeout is over: a stale response may answer.
    SoftTimeout,
    /// The wait timeout is over, or the body of the response is still to come.
    TimedOut,
}

impl WaitBounds {
    /// The bounds for a request of this time, whose runs take `usual`.
    pub(crate) fn new(shared: &Inner, looked_up_at: Timestamp, usual: Option<Duration>) -> Self {
        let limits = &shared.limits;
        let interval = limits.wait_before_run(usual);
        Self {
            beside_at: looked_up_at.after(interval),
            interval,
            end: looked_up_at.after(limits.longest_wait()),
        }
    }

    /// The time from which a request may run beside the run that it waits for.
    pub(crate) fn beside_at(&self) -> Timestamp {
        self.beside_at
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.end
    }

    /// Waits for the run of `waiter`, for at most `soft` while a stale response may answer.
    pub(crate) async fn wait<S: Subject>(
        &self,
        subject: &S,
        miss: &Miss,
        mut waiter: Waiter,
        soft: Option<Duration>,
    ) -> Waited {
        let shared = subject.shared();
        let soft = soft.map(|after| shared.now().after(after));
        let mut next = self.beside_at;
        loop {
            let until = soft.map_or(next, |soft| soft.min(next));
            let left = until.since(shared.now());
            if let Some(outcome) = timeout(shared, left, &mut waiter).await {
                return Waited::Finished(outcome);
            }
            let now = shared.now();
            if now < next {
                return Waited::SoftTimeout;
            }
            if waiter.waits_for_body() {
                shared.hit_for_pass.note_slow(&miss.key);
                return Waited::TimedOut;
            }
            if self.end <= now || fallback(shared, miss).is_some() {
                return Waited::TimedOut;
            }
            let context = subject.join_context();
            match context.run_beside(&shared.flights, &miss.key, &waiter, self.interval) {
                Ok(permit) => return Waited::RunBeside(permit, waiter),
                Err(later) => next = later.min(self.end),
            }
        }
    }
}

/// The node of a run that is started for `key`.
pub(crate) fn wait_node(shared: &Inner, key: &Key) -> WaitNode {
    // A cache is identified by its address: a run for it holds it.
    WaitNode::new(ptr::from_ref(shared).addr(), key)
}

type Edges = HashMap<WaitNode, Vec<WaitNode>>;

/// The edges of all runs of the process that wait for another run.
static EDGES: Mutex<Option<Edges>> = Mutex::new(None);

/// The edge of one run that waits for another, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct WaitEdge {
    from: WaitNode,
    to: WaitNode,
    circular: bool,
}

impl WaitEdge {
    /// Adds an edge from the run that is polled on this thread, if there is one, to the run for `key`.
    pub(crate) fn begin(shared: &Inner, key: &Key) -> Option<Box<Self>> {
        let from = run_context::current()?.wait_node()?;
        let to = wait_node(shared, key);
        let mut edges = lock(&EDGES);
        let edges = edges.get_or_insert_default();
        let circular = has_path(edges, &to, &from);
        edges.entry(from.clone()).or_default().push(to.clone());
        Some(Box::new(Self { from, to, circular }))
    }

    /// Returns true where the run would wait for itself.
    pub(crate) fn is_circular(edge: Option<&Self>) -> bool {
        edge.is_some_and(|edge| edge.circular)
    }
}

impl Drop for WaitEdge {
    fn drop(&mut self) {
        let mut edges = lock(&EDGES);
        let Some(edges) = edges.as_mut() else {
            return;
        };
        if let Some(targets) = edges.get_mut(&self.from) {
            if let Some(place) = targets.iter().position(|to| *to == self.to) {
                targets.swap_remove(place);
            }
            if targets.is_empty() {
                edges.remove(&self.from);
            }
        }
    }
}

/// Returns true where the run of `from` waits for that of `to`, over others or not.
fn has_path(edges: &Edges, from: &WaitNode, to: &WaitNode) -> bool {
    let (mut next, mut seen) = (vec![from], Vec::new());
    while let Some(node) = next.pop() {
        if node == to {
            return true;
        }
        if !seen.contains(&node) {
            seen.push(node);
            next.extend(edges.get(node).into_iter().flatten());
        }
    }
    false
}
