//! Live answers on request, bounded: per key one run under way and one queued.
//!
//! A queued run takes followers until it starts, and none afterwards: whoever arrives later asked
//! for an answer that was computed after that.

use super::cache::{Follower, Permit, ResponseFlights, Shared, Turn};
use crate::judgement::key::Key;

/// The two rows of live runs.
pub(crate) struct Live {
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

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            queued: ResponseFlights::new(),
            running: ResponseFlights::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.running.len()
    }

    pub(crate) fn join(&self, key: &Key, shared: &Shared) -> Queue {
        match Self::turn(&self.queued, key, shared) {
            Turn::Lead(permit) => Queue::Run(permit),
            Turn::Follow(follower) => Queue::Join(follower),
            Turn::Crowded => Queue::Crowded,
        }
    }

    /// Whether the run that `queued` stands for may start.
    pub(crate) fn next(&self, queued: &Permit, key: &Key, shared: &Shared) -> Next {
        match Self::turn(&self.running, key, shared) {
            Turn::Lead(permit) => {
                queued.close();
                Next::Start(permit)
            }
            Turn::Follow(follower) => Next::Wait(follower),
            Turn::Crowded => Next::Crowded,
        }
    }

    fn turn(row: &ResponseFlights, key: &Key, shared: &Shared) -> Turn {
        let generation = shared.generation();
        row.join(
            key,
            shared.now().elapsed(),
            &shared.limits.flight(),
            generation,
            |stamp| *stamp != shared.generation(),
        )
    }
}
