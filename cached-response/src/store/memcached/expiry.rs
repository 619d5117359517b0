//! When something ends, told by the server's clock.
//!
//! Memcached takes a lifetime as so many seconds from when it comes to read it, or as a second of its
//! own clock. Only the latter will do: what the network lets pass late must not live longer for it,
//! and more than 30 days cannot be told in another way.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// Longer lives are cut to this.
const LONGEST: Duration = Duration::from_secs(20 * 365 * 86_400);

/// The last second that a server can be told: it reads 32 bits, up to the year 2038.
const LAST: u64 = i32::MAX as u64;

/// The most seconds that a server takes to be counted from now.
const RELATIVE: u64 = 30 * 86_400;

/// Which second it was at the server, at some time between question and answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    pub(crate) second: u64,
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
}

impl ServerClock {
    /// The last second that begins by `deadline`. `None` where that is over, or nearly.
    pub(crate) fn no_later_than(&self, deadline: Instant) -> Option<Expiry> {
        deadline.checked_duration_since(Instant::now())?;
        let left = deadline.checked_duration_since(self.answered)?.as_secs();
        (left > 0).then(|| Expiry::new(self.second + left, left))
    }

    /// A second that begins after `deadline`, even if the clock ticks in between.
    pub(crate) fn no_sooner_than(&self, deadline: Instant) -> Expiry {
        let left = deadline.saturating_duration_since(self.asked).as_secs() + 3;
        Expiry::new(self.second + left, left)
    }
}

/// When something that has `timeout` to live from now on must be gone.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(LONGEST)
}

/// What a server is told of a lifetime: a second by its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry(u64);

impl Expiry {
    fn new(second: u64, left: u64) -> Self {
        let is_far = LAST.saturating_sub(second - left) > RELATIVE;
        match second {
            second if second <= LAST => Self(second),
            _ if is_far => Self(LAST),
            _ => Self(left.min(RELATIVE)),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NEARLY: Duration = Duration::from_nanos(999_999_999);
    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    /// A clock whose answer took half a second.
    fn clock(second: u64) -> ServerClock {
        let asked = Instant::now();
        ServerClock {
            second,
            asked,
            answered: asked + SECOND / 2,
        }
    }

    #[test]
    fn a_life_ends_before_its_deadline_and_a_promised_one_after_it() {
        let clock = clock(2_000_000);
        let told = |left| clock.no_later_than(clock.answered + left);
        assert_eq!(told(SECOND * 10), Some(Expiry(2_000_010)));
        assert_eq!(told(SECOND * 9 + NEARLY), Some(Expiry(2_000_009)));
        let deadline = clock.answered + SECOND * 10;
        assert_eq!(clock.no_sooner_than(deadline), Expiry(2_000_013));
    }

    #[test]
    fn what_is_over_or_nearly_so_is_not_told_at_all() {
        let clock = clock(2_000_000);
        let nearly = clock.answered + NEARLY;
        for over in [clock.asked, clock.answered, nearly] {
            assert_eq!(clock.no_later_than(over), None);
        }
    }

    #[test]
    fn after_the_last_second_lives_are_told_from_now_and_of_thirty_days_at_most() {
        let clock = clock(LAST - 100);
        let told = |left| clock.no_later_than(clock.answered + left);
        assert_eq!(told(SECOND * 100), Some(Expiry(LAST)));
        assert_eq!(told(SECOND * 101), Some(Expiry(101)));
        assert_eq!(told(YEAR), Some(Expiry(RELATIVE)));
        let clock = ServerClock {
            second: LAST - RELATIVE - 1,
            ..clock
        };
        assert_eq!(
            clock.no_later_than(clock.answered + YEAR),
            Some(Expiry(LAST))
        );
    }

    #[test]
    fn any_timeout_has_a_deadline() {
        assert!(deadline(Duration::MAX) > Instant::now() + YEAR * 19);
    }
}
