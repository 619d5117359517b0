//! Waiting for another's run: for how long, and what comes after that.

use crate::{
    cache::Inner,
    engine::timeout::within,
    key::Key,
    single_flight::responses::{Follower, JoinContext, Landing, Permit},
    time::moment::Timestamp,
};
use std::time::Duration;

/// The bounds of one request's waiting, counted from its arrival.
pub(crate) struct Waiting {
    /// From then on it may run beside the run that it waits for.
    turn: Timestamp,
    /// How long after one that was let in another is.
    interval: Duration,
    /// The end, however many runs it has waited for.
    end: Timestamp,
}

/// The run that is waited for.
pub(crate) struct Run<'a> {
    pub(crate) shared: &'a Inner,
    pub(crate) key: &'a Key,
    pub(crate) follower: Follower,
    /// How long to wait while a stale response may answer.
    pub(crate) soft_timeout: Option<Duration>,
}

/// What waiting has come to.
pub(crate) enum Waited {
    Landed(Landing),
    /// The request is let in to run beside the run that it has waited for, and still may wait for.
    LetIn(Permit, Follower),
    /// The request has waited as long as it wants to while a stale response may answer.
    LongEnough,
    /// The end has come, or there is no point in waiting on.
    Over,
}

impl Waiting {
    /// The bounds of a request that arrived then, where runs usually take as long as `usual`.
    pub(crate) fn new(shared: &Inner, arrived: Timestamp, usual: Option<Duration>) -> Self {
        let limits = &shared.limits;
        let interval = limits.wait_before_run(usual);
        Self {
            turn: arrived.after(interval),
            interval,
            end: arrived.after(limits.longest_wait()),
        }
    }

    /// When a request may run beside the run that it waits for.
    pub(crate) fn turn(&self) -> Timestamp {
        self.turn
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.end
    }

    /// Waits for a run. `stands_by` says whether a stale response would answer in place of a run.
    pub(crate) async fn follow<'b>(
        &self,
        run: Run<'_>,
        boarding: impl Fn() -> JoinContext<'b>,
        stands_by: impl Fn() -> bool,
    ) -> Waited {
        let Run {
            shared,
            key,
            mut follower,
            soft_timeout,
        } = run;
        let enough = soft_timeout.map(|after| shared.now().after(after));
        let mut next = self.turn;
        loop {
            let until = enough.map_or(next, |enough| enough.min(next));
            let left = until.since(shared.now());
            if let Some(landing) = within(shared, left, &mut follower).await {
                return Waited::Landed(landing);
            }
            let now = shared.now();
            if now < next {
                return Waited::LongEnough;
            }
            if follower.waits_for_body() {
                shared.hit_for_pass.note_slow(key);
                return Waited::Over;
            }
            if self.end <= now || stands_by() {
                return Waited::Over;
            }
            match boarding().relieve(&shared.flights, key, &follower, self.interval) {
                Ok(permit) => return Waited::LetIn(permit, follower),
                Err(later) => next = later.min(self.end),
            }
        }
    }
}
