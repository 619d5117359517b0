//! Decides whether a remote store is called at all: not while it fails.
//!
//! It is closed to begin with, and calls go through. Three failures in a row, or half of at least
//! twenty calls within a second, open it: then nothing goes through but a probe, one at a time, which
//! is never a user's request. The first comes after 250 ms, the next after twice as long, up to a
//! second. One that succeeds closes it.
//!
//! It has no clock and no dice: the time since whenever, and a random number, come from outside.

use crate::remote::window::Window;
use std::time::Duration;

const FAILURES_IN_A_ROW: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// How often it has opened or closed.
    turns: u64,
}

#[derive(Debug)]
enum State {
    Closed { in_a_row: u32, window: Window },
    Open(Open),
}

#[derive(Clone, Copy, Debug)]
struct Open {
    pause: Duration,
    due: Duration,
    is_probed: bool,
}

/// Leave to make a call, of the time since the breaker last closed: what became of a call from
/// before says nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass(u64);

/// Leave to make the probe. It must be given [back](Breaker::probed): there is no other until then.
#[must_use = "until it is given back, there is no other"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Probe(u64);

/// What a call has told about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
}

/// What the breaker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Nothing.
    Not,
    /// It has opened.
    Open,
    /// It has closed.
    Closed,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: closed(),
            turns: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Leave to call the store, or `None` while it is open.
    pub(crate) fn pass(&self) -> Option<Pass> {
        (!self.is_open()).then_some(Pass(self.turns))
    }

    /// What became of a call. A call that told nothing, for instance because its caller left, is not
    /// recorded.
    pub(crate) fn record(
        &mut self,
        Pass(turn): Pass,
        outcome: Outcome,
        now: Duration,
        random: impl FnOnce() -> u64,
    ) -> Turned {
        let State::Closed { in_a_row, window } = &mut self.state else {
            return Turned::Not;
        };
        if turn != self.turns {
            return Turned::Not;
        }
        let failed = outcome == Outcome::Failure;
        *in_a_row = if failed { *in_a_row + 1 } else { 0 };
        window.record(now, failed);
        if *in_a_row < FAILURES_IN_A_ROW && !window.is_half_failed() {
            return Turned::Not;
        }
        self.turn(State::Open(Open {
            pause: FIRST_PAUSE,
            due: now + shortened(FIRST_PAUSE, random()),
            is_probed: false,
        }));
        Turned::Open
    }

    /// How long it is until the next probe, or `None` while it is closed or probed.
    pub(crate) fn rest(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open(open) if !open.is_probed => Some(open.due.saturating_sub(now)),
            _ => None,
        }
    }

    /// Leave to make the probe, when it is due and no other is under way. The next is due a pause
    /// after this one, whenever this one ends.
    pub(crate) fn probe(&mut self, now: Duration, random: u64) -> Option<Probe> {
        let State::Open(open) = &mut self.state else {
            return None;
        };
        if open.is_probed || now < open.due {
            return None;
        }
        open.is_probed = true;
        open.pause = (open.pause * 2).min(LONGEST_PAUSE);
        open.due = now + shortened(open.pause, random);
        Some(Probe(self.turns))
    }

    /// What became of the probe.
    pub(crate) fn probed(&mut self, Probe(turn): Probe, outcome: Outcome) -> Turned {
        let State::Open(open) = &mut self.state else {
            return Turned::Not;
        };
        if turn != self.turns {
            return Turned::Not;
        }
        open.is_probed = false;
        if outcome == Outcome::Failure {
            return Turned::Not;
        }
        self.turn(closed());
        Turned::Closed
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.turns += 1;
    }
}

fn closed() -> State {
    State::Closed {
        in_a_row: 0,
        window: Window::default(),
    }
}

/// Up to a fifth less, so that the nodes that lost a store together do not ask for it together.
fn shortened(pause: Duration, random: u64) -> Duration {
    let thousandths = u32::try_from(random % 1_000).unwrap_or(0);
    pause.saturating_sub(pause / 5 * thousandths / 1_000)
}

#[cfg(test)]
mod tests;
