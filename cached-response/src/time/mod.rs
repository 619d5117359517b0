//! The one clock that freshness, patience and limits are measured by.
//!
//! Ages are measured on a monotonic clock, so that setting the machine's time changes no
//! lifetime; the wall clock is only read for the `Date` field.

pub(crate) mod moment;

pub(crate) use crate::time::moment::Timestamp;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A clock that somebody else turns.
pub(crate) trait TimeSource: Send + Sync {
    /// The time since its start.
    fn elapsed(&self) -> Duration;
    /// Its time of day.
    fn date(&self) -> SystemTime;
    /// Ready when `until` has come.
    fn poll_until(&self, until: Duration, cx: &Context<'_>) -> Poll<()>;
}

/// Tells the time and sleeps: the machine's own clock, unless there are hands that turn it.
#[derive(Clone, Default)]
pub(crate) struct Clock(pub(crate) Option<Arc<dyn TimeSource>>);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let elapsed = self
            .0
            .as_ref()
            .map_or_else(|| START.elapsed(), |hands| hands.elapsed());
        Timestamp::default().after(CENTURY).after(elapsed)
    }

    /// The time of day, for the `Date` field only: the nearest that a field can express.
    pub(crate) fn date(&self) -> SystemTime {
        let hands = self.0.as_ref();
        expressible(hands.map_or_else(SystemTime::now, |hands| hands.date()))
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        match &self.0 {
            None => Sleep::System(Box::pin(tokio::time::sleep(duration))),
            Some(hands) => Sleep::Turned(hands.clone(), hands.elapsed().saturating_add(duration)),
        }
    }
}

/// The nearest time that the date of a field can express: it has years from 1970 to 9999.
fn expressible(date: SystemTime) -> SystemTime {
    const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);
    date.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "System" } else { "Turned" })
    }
}

/// Ready when its time has come.
pub(crate) enum Sleep {
    System(Pin<Box<tokio::time::Sleep>>),
    Turned(Arc<dyn TimeSource>, Duration),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => sleep.as_mut().poll(cx),
            Self::Turned(hands, until) => hands.poll_until(*until, cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HttpDate;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_time_of_day_has_a_date(seconds: u64, nanos in 0_u32..1_000_000_000, before: bool) {
            let apart = Duration::new(seconds, nanos);
            let date = if before {
                UNIX_EPOCH.checked_sub(apart)
            } else {
                UNIX_EPOCH.checked_add(apart)
            };
            if let Some(date) = date {
                let written = HttpDate::from(expressible(date)).to_string();
                prop_assert_eq!(written.len(), "Thu, 01 Jan 1970 00:00:00 GMT".len());
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_the_ends_of_what_a_date_can_say() {
        let day = Duration::from_secs(86_400);
        for (date, written) in [
            (UNIX_EPOCH - day, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH + day, "Fri, 02 Jan 1970 00:00:00 GMT"),
            (
                UNIX_EPOCH + Duration::from_secs(253_402_300_800),
                "Fri, 31 Dec 9999 23:59:59 GMT",
            ),
        ] {
            assert_eq!(HttpDate::from(expressible(date)).to_string(), written);
        }
    }

    #[test]
    fn there_are_moments_before_this_process() {
        let (now, day) = (Clock::default().now(), Duration::from_secs(86_400));
        assert_eq!(now.since(now.before(day)), day);
    }
}
