//! Whether anything has been heard on a connection since something was asked.
//!
//! A server that is stopped, and a network that swallows what is sent, look alike: nothing comes
//! back. Callers give up by themselves and say nothing about it; so what counts is what was read.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long a connection may say nothing to a question, before it is taken for lost.
pub(crate) const SILENCE: Duration = Duration::from_millis(500);

/// When a connection was asked, and when it was heard.
#[derive(Debug)]
pub(crate) struct Pulse {
    start: Instant,
    /// When the first of those was asked since which nothing was heard, in microseconds; older than
    /// `heard` if there is none.
    asked: AtomicU64,
    heard: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            asked: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// Something is asked now.
    pub(crate) fn ask(&self) {
        self.ask_at(self.now());
    }

    /// Something has come now, whatever it is.
    pub(crate) fn hear(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
    }

    /// Whether nothing has come for too long since something was asked.
    pub(crate) fn is_lost(&self) -> bool {
        self.waits() && self.is_lost_at(self.now())
    }

    /// Whether something was asked since it was last heard.
    fn waits(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > self.heard.load(Ordering::Relaxed)
    }

    fn ask_at(&self, now: u64) {
        let heard = self.heard.load(Ordering::Relaxed);
        if self.asked.load(Ordering::Relaxed) <= heard {
            self.asked.store(now.max(heard + 1), Ordering::Relaxed);
        }
    }

    fn is_lost_at(&self, now: u64) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let waited = Duration::from_micros(now.saturating_sub(asked));
        self.waits() && waited >= SILENCE
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::Pulse;

    const MILLISECOND: u64 = 1_000;

    fn heard_at(pulse: &Pulse, now: u64) {
        pulse.heard.store(now, Ordering::Relaxed);
    }

    #[test]
    fn a_connection_that_nobody_asks_is_not_lost() {
        let pulse = Pulse::new();
        assert!(!pulse.is_lost_at(3_600_000 * MILLISECOND));
        heard_at(&pulse, 7);
        assert!(!pulse.is_lost_at(3_600_000 * MILLISECOND));
    }

    #[test]
    fn a_question_without_an_answer_counts_from_the_first() {
        let pulse = Pulse::new();
        (1..=5).for_each(|question| pulse.ask_at(question * 100 * MILLISECOND));
        assert!(!pulse.is_lost_at(599 * MILLISECOND));
        assert!(pulse.is_lost_at(600 * MILLISECOND));
    }

    #[test]
    fn what_is_heard_starts_the_time_anew() {
        let pulse = Pulse::new();
        pulse.ask_at(100 * MILLISECOND);
        heard_at(&pulse, 550 * MILLISECOND);
        assert!(!pulse.is_lost_at(9_000 * MILLISECOND));
        pulse.ask_at(560 * MILLISECOND);
        assert!(!pulse.is_lost_at(1_059 * MILLISECOND));
        assert!(pulse.is_lost_at(1_060 * MILLISECOND));
    }

    #[test]
    fn a_question_in_the_moment_of_an_answer_waits_for_its_own() {
        let pulse = Pulse::new();
        heard_at(&pulse, 100);
        pulse.ask_at(100);
        assert!(pulse.is_lost_at(600 * MILLISECOND));
    }
}
