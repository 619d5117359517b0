//! The wait for the run of another request: its bounds, and how it ends.

use crate::{
    cache::Inner,
    engine::{
        context::{Miss, Subject},
        stale_fallback::fallback,
        timeout::timeout,
    },
    single_flight::responses::{FlightOutcome, Permit, Waiter},
    time::moment::Timestamp,
};
use std::time::Duration;

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
