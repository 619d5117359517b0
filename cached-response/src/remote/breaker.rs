//! Circuit breaker of a remote store.
//!
//! Closed at first: calls go through. Three failures in a row, or half of at least twenty calls within
//! a second, open it. While it is open only probes go through, one at a time, and no probe is a user's
//! request. The first probe is due after 250 ms, each further one after twice that pause, up to a
//! second. A probe that succeeds closes the breaker.
//!
//! The breaker reads no clock and no random number generator: both are arguments.

use std::time::Duration;

const MAX_CONSECUTIVE_FAILURES: u32 = 3;
const FIRST_PROBE_DELAY: Duration = Duration::from_millis(250);
const MAX_PROBE_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Number of times that it has opened or closed.
    transitions: u64,
}

#[derive(Debug)]
enum State {
    Closed {
        consecutive_failures: u32,
        window: RollingWindow,
    },
    Open(Open),
}

#[derive(Clone, Copy, Debug)]
struct Open {
    delay: Duration,
    probe_due_at: Duration,
    is_probing: bool,
}

/// Permission to make a call, valid for the period since the last transition: the outcome of an older
/// call is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallPermit(u64);

/// Permission to probe. It must be [returned](Breaker::record_probe): no other is issued until then.
#[must_use = "no other is issued until it is returned"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProbePermit(u64);

/// Outcome of a call as far as the breaker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    Success,
    Failure,
}

/// State change that a recorded outcome has caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: closed(),
            transitions: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Returns a permit for one call, or `None` while the breaker is open.
    pub(crate) fn permit(&self) -> Option<CallPermit> {
        (!self.is_open()).then_some(CallPermit(self.transitions))
    }

    /// Records the outcome of a call. Calls that say nothing about the store, such as one whose caller
    /// left, are not recorded.
    pub(crate) fn record(
        &mut self,
        CallPermit(issued): CallPermit,
        outcome: CallOutcome,
        now: Duration,
        random: impl FnOnce() -> u64,
    ) -> Transition {
        let State::Closed {
            consecutive_failures,
            window,
        } = &mut self.state
        else {
            return Transition::None;
        };
        if issued != self.transitions {
            return Transition::None;
        }
        let failed = outcome == CallOutcome::Failure;
        *consecutive_failures = if failed { *consecutive_failures + 1 } else { 0 };
        window.record(now, failed);
        if *consecutive_failures < MAX_CONSECUTIVE_FAILURES && !window.is_half_failed() {
            return Transition::None;
        }
        self.change_to(State::Open(Open {
            delay: FIRST_PROBE_DELAY,
            probe_due_at: now + jittered(FIRST_PROBE_DELAY, random()),
            is_probing: false,
        }));
        Transition::Opened
    }

    /// Returns the time until the next probe, or `None` while the breaker is closed or a probe runs.
    pub(crate) fn until_probe(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open(open) if !open.is_probing => Some(open.probe_due_at.saturating_sub(now)),
            _ => None,
        }
    }

    /// Returns a permit for the probe if it is due and no other runs. The next one is due a delay after
    /// the start of this one, whenever this one ends.
    pub(crate) fn permit_probe(&mut self, now: Duration, random: u64) -> Option<ProbePermit> {
        let State::Open(open) = &mut self.state else {
            return None;
        };
        if open.is_probing || now < open.probe_due_at {
            return None;
        }
        open.is_probing = true;
        open.delay = (open.delay * 2).min(MAX_PROBE_DELAY);
        open.probe_due_at = now + jittered(open.delay, random);
        Some(ProbePermit(self.transitions))
    }

    /// Records the outcome of the probe.
    pub(crate) fn record_probe(
        &mut self,
        ProbePermit(issued): ProbePermit,
        outcome: CallOutcome,
    ) -> Transition {
        let State::Open(open) = &mut self.state else {
            return Transition::None;
        };
        if issued != self.transitions {
            return Transition::None;
        }
        open.is_probing = false;
        if outcome == CallOutcome::Failure {
            return Transition::None;
        }
        self.change_to(closed());
        Transition::Closed
    }

    fn change_to(&mut self, state: State) {
        self.state = state;
        self.transitions += 1;
    }
}

fn closed() -> State {
    State::Closed {
        consecutive_failures: 0,
        window: RollingWindow::default(),
    }
}

/// Shortens a delay by up to a fifth, so that nodes which lost a store together do not probe it
/// together.
fn jittered(delay: Duration, random: u64) -> Duration {
    let thousandths = u32::try_from(random % 1_000).unwrap_or(0);
    delay.saturating_sub(delay / 5 * thousandths / 1_000)
}

const BUCKETS: usize = 10;
const BUCKET_MILLIS: u32 = 100;

/// Minimum number of calls in the window for its failure rate to count.
const MIN_CALLS: u32 = 20;

/// Rolling window over the calls of the last second, in buckets of a tenth by the end of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RollingWindow {
    buckets: [Bucket; BUCKETS],
    /// Number of the newest bucket since the start of the clock.
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    calls: u32,
    failed: u32,
}

impl RollingWindow {
    /// Records a call that ends now. One that is recorded late, after a newer one, counts in the newest
    /// bucket.
    fn record(&mut self, now: Duration, failed: bool) {
        // Without a division of nanoseconds, which would cost more than all else here.
        self.advance(
            now.as_secs() * BUCKETS as u64 + u64::from(now.subsec_millis() / BUCKET_MILLIS),
        );
        let bucket = &mut self.buckets[index(self.newest)];
        bucket.calls = bucket.calls.saturating_add(1);
        bucket.failed = bucket.failed.saturating_add(failed.into());
    }

    /// Returns whether half of at least [`MIN_CALLS`] calls failed.
    fn is_half_failed(&self) -> bool {
        let failed = self.sum(|bucket| bucket.failed);
        if failed == 0 {
            return false;
        }
        let calls = self.sum(|bucket| bucket.calls);
        calls >= MIN_CALLS && failed.saturating_mul(2) >= calls
    }

    fn sum(&self, count: impl Fn(&Bucket) -> u32) -> u32 {
        self.buckets.iter().map(count).fold(0, u32::saturating_add)
    }

    fn advance(&mut self, bucket: u64) {
        let skipped = bucket.saturating_sub(self.newest).min(BUCKETS as u64);
        for step in 1..=skipped {
            self.buckets[index(self.newest + step)] = Bucket::default();
        }
        self.newest = self.newest.max(bucket);
    }
}

/// Returns the slot of a bucket, which it takes over from the bucket a second before.
fn index(bucket: u64) -> usize {
    usize::try_from(bucket % BUCKETS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
