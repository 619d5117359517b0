//! Live answers on request, bounded: per key one run under way and one queued.
//!
//! A queued run takes followers until it starts, and none afterwards: whoever arrives later asked
//! for an answer that was computed after that.

use crate::{
    key::Key,
    single_flight::responses::{Follower, JoinContext, Permit, ResponseFlights, Turn},
};

/// The two rows of live runs.
pub(crate) struct ForcedRuns {
    queued: ResponseFlights,
    running: ResponseFlights,
}

/// The part a request for a live answer takes.
pub(crate) enum Queue {
    /// Run when the one under way has landed, and land for those who joined before.
    Run(Permit),
    /// Wait for the queued run.
    Join(Follower),
    /// Too many wait already.
    Crowded,
}

/// The next step of the queued run.
pub(crate) enum Next {
    /// Nothing is under way: start. Land both when done.
    Start(Permit),
    Wait(Follower),
    Crowded,
}

impl ForcedRuns {
    pub(crate) fn new() -> Self {
        Self {
            queued: ResponseFlights::new(),
            running: ResponseFlights::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.running.len()
    }

    pub(crate) fn join(&self, key: &Key, boarding: &JoinContext<'_>) -> Queue {
        match boarding.join(&self.queued, key) {
            Turn::Lead(permit) => Queue::Run(permit),
            Turn::Follow(follower) => Queue::Join(follower),
            Turn::Crowded => Queue::Crowded,
        }
    }

    /// Whether the run that `queued` stands for may start.
    pub(crate) fn next(&self, queued: &Permit, key: &Key, boarding: &JoinContext<'_>) -> Next {
        match boarding.join(&self.running, key) {
            Turn::Lead(permit) => {
                queued.close();
                Next::Start(permit)
            }
            Turn::Follow(follower) => Next::Wait(follower),
            Turn::Crowded => Next::Crowded,
        }
    }
}
