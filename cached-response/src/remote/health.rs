//! Whether a remote store is well: asked before each call, told after it.

use crate::{
    remote::{
        breaker::{Breaker, Outcome, Pass, Probe, Turned},
        error::Fault,
        log::{Warning, Warnings},
        stats::{Count, RemoteCounters},
    },
    store::error::StoreErrorKind,
    util::sync::{Mutex, lock},
};
use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(crate) struct Health {
    breaker: Mutex<Breaker>,
    since: Instant,
    tally: RemoteCounters,
    warnings: Warnings,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            breaker: Mutex::new(Breaker::new()),
            since: Instant::now(),
            tally: RemoteCounters::default(),
            warnings: Warnings::default(),
        }
    }

    pub(crate) fn tally(&self) -> &RemoteCounters {
        &self.tally
    }

    /// Leave to make a call.
    pub(crate) fn pass(&self) -> Option<Pass> {
        lock(&self.breaker).pass()
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.breaker).is_open()
    }

    /// Counts and says what became of a call, and tells the breaker.
    ///
    /// A refusal is an answer: a store that is full, and refuses each write, can still be read.
    /// Where the call was not given a fair time, that it was over tells nothing either.
    pub(crate) fn settle(
        &self,
        pass: Pass,
        fault: Option<&Fault>,
        is_fair: bool,
        now: Instant,
    ) -> Turned {
        let outcome = match fault {
            None => Outcome::Success,
            Some(fault) => {
                self.report(fault);
                match fault {
                    Fault::Failed(error) if error.kind() == StoreErrorKind::Refused => {
                        return Turned::Not;
                    }
                    Fault::Slow if !is_fair => return Turned::Not,
                    _ => Outcome::Failure,
                }
            }
        };
        let turned = self.record(pass, outcome, now);
        if turned == Turned::Open {
            self.tally.count(Count::Opened);
            self.warn(Warning::Open);
        }
        turned
    }

    /// Counts and says what is wrong.
    pub(crate) fn report(&self, fault: &Fault) {
        match fault {
            Fault::Slow => {
                self.tally.count(Count::Slow);
                self.warn(Warning::Slow);
            }
            Fault::Failed(error) => {
                self.tally.count(Count::Failed(error.kind()));
                let trouble = Warning::Failed(error.kind());
                self.warnings.warn(trouble, Some(error), self.now());
            }
        }
    }

    pub(crate) fn warn(&self, trouble: Warning) {
        self.warnings.warn(trouble, None, self.now());
    }

    /// How long it is until the next probe; `None` when there is none to make.
    pub(crate) fn rest(&self) -> Option<Duration> {
        lock(&self.breaker).rest(self.now())
    }

    /// Leave to make the probe.
    pub(crate) fn probe(&self) -> Option<Probe> {
        let mut breaker = lock(&self.breaker);
        breaker.probe(self.now(), random())
    }

    pub(crate) fn probed(&self, probe: Probe, outcome: Outcome) {
        let turned = lock(&self.breaker).probed(probe, outcome);
        if turned == Turned::Closed {
            Warnings::well_again();
        }
    }

    fn record(&self, pass: Pass, outcome: Outcome, now: Instant) -> Turned {
        let now = now.saturating_duration_since(self.since);
        lock(&self.breaker).record(pass, outcome, now, random)
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Each is keyed anew.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests;
