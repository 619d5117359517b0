//! Expiry times by the server's clock.
//!
//! Memcached accepts a lifetime in seconds from when it reads the command, or a second of its own clock. Only
//! the latter is right: a command that is delayed by the network must not extend the lifetime, and more than
//! 30 days cannot be expressed in another way.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// The longest lifetime; longer ones are cut.
const MAX_LIFETIME: Duration = Duration::from_secs(20 * 365 * 86_400);

/// The last second that a server accepts: it reads 32 bits, up to the year 2038.
const MAX_SECOND: u64 = i32::MAX as u64;

/// The longest lifetime in seconds that a server counts from now.
const MAX_RELATIVE_SECONDS: u64 = 30 * 86_400;

/// The second of the server's clock at some time between request and response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    pub(crate) second: u64,
    pub(crate) requested_at: Instant,
    pub(crate) received_at: Instant,
}

impl ServerClock {
    /// The last second that begins by `deadline`. `None` if that is over, or less than a second away.
    pub(crate) fn no_later_than(&self, deadline: Instant) -> Option<Expiry> {
        deadline.checked_duration_since(Instant::now())?;
        let left = deadline.checked_duration_since(self.received_at)?.as_secs();
        (left > 0).then(|| Expiry::new(self.second + left, left))
    }

    /// A second that begins after `deadline`, even if the clock ticks in between.
    pub(crate) fn no_sooner_than(&self, deadline: Instant) -> Expiry {
        let left = deadline
            .saturating_duration_since(self.requested_at)
            .as_secs()
            + 3;
        Expiry::new(self.second + left, left)
    }
}

/// The time at which a value with this lifetime expires.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_LIFETIME)
}

/// An expiry time as the server accepts it: a second of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry(u64);

impl Expiry {
    fn new(second: u64, left: u64) -> Self {
        let is_far = MAX_SECOND.saturating_sub(second - left) > MAX_RELATIVE_SECONDS;
        match second {
            second if second <= MAX_SECOND => Self(second),
            _ if is_far => Self(MAX_SECOND),
            _ => Self(left.min(MAX_RELATIVE_SECONDS)),
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

    /// A clock whose response took half a second.
    fn clock(second: u64) -> ServerClock {
        let requested_at = Instant::now();
        ServerClock {
            second,
            requested_at,
            received_at: requested_at + SECOND / 2,
        }
    }

    #[test]
    fn a_lifetime_ends_before_its_deadline_and_an_ensured_one_after_it() {
        let clock = clock(2_000_000);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 10), Some(Expiry(2_000_010)));
        assert_eq!(expiry(SECOND * 9 + NEARLY), Some(Expiry(2_000_009)));
        let deadline = clock.received_at + SECOND * 10;
        assert_eq!(clock.no_sooner_than(deadline), Expiry(2_000_013));
    }

    #[test]
    fn a_deadline_within_a_second_has_no_expiry() {
        let clock = clock(2_000_000);
        let nearly = clock.received_at + NEARLY;
        for over in [clock.requested_at, clock.received_at, nearly] {
            assert_eq!(clock.no_later_than(over), None);
        }
    }

    #[test]
    fn after_the_last_second_lifetimes_are_relative_and_of_thirty_days_at_most() {
        let clock = clock(MAX_SECOND - 100);
        let expiry = |left| clock.no_later_than(clock.received_at + left);
        assert_eq!(expiry(SECOND * 100), Some(Expiry(MAX_SECOND)));
        assert_eq!(expiry(SECOND * 101), Some(Expiry(101)));
        assert_eq!(expiry(YEAR), Some(Expiry(MAX_RELATIVE_SECONDS)));
        let clock = ServerClock {
            second: MAX_SECOND - MAX_RELATIVE_SECONDS - 1,
            ..clock
        };
        assert_eq!(
            clock.no_later_than(clock.received_at + YEAR),
            Some(Expiry(MAX_SECOND))
        );
    }

    #[test]
    fn any_timeout_has_a_deadline() {
        assert!(deadline(Duration::MAX) > Instant::now() + YEAR * 19);
    }
}
