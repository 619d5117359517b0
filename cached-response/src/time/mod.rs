//! Clock for freshness and timeouts.
//!
//! Ages are measured on a monotonic clock, so that setting the machine's time changes no lifetime; the wall
//! clock is only read for the `Date` field.

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

/// Source of time other than the machine.
pub(crate) trait TimeSource: Send + Sync {
    /// Returns the time since its start.
    fn elapsed(&self) -> Duration;
    /// Returns its time of day.
    fn date(&self) -> SystemTime;
    /// Ready at `until`.
    fn poll_until(&self, until: Duration, cx: &Context<'_>) -> Poll<()>;
}

/// Clock of the machine, or of a [`TimeSource`].
#[derive(Clone, Default)]
pub(crate) struct Clock(pub(crate) Option<Arc<dyn TimeSource>>);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let elapsed = self
            .0
            .as_ref()
            .map_or_else(|| START.elapsed(), |source| source.elapsed());
        Timestamp::default().after(CENTURY).after(elapsed)
    }

    /// Returns the time of day for the `Date` field, limited to dates that a field can express.
    pub(crate) fn date(&self) -> SystemTime {
        let source = self.0.as_ref();
        expressible(source.map_or_else(SystemTime::now, |source| source.date()))
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        match &self.0 {
            None => Sleep::System(Box::pin(tokio::time::sleep(duration))),
            Some(source) => {
                Sleep::Source(source.clone(), source.elapsed().saturating_add(duration))
            }
        }
    }
}

/// Returns the nearest time that a field can express: dates of the years 1970 to 9999.
fn expressible(date: SystemTime) -> SystemTime {
    const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);
    date.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "System" } else { "Source" })
    }
}

/// Future that is ready at its time.
pub(crate) enum Sleep {
    System(Pin<Box<tokio::time::Sleep>>),
    Source(Arc<dyn TimeSource>, Duration),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::System(sleep) => sleep.as_mut().poll(cx),
            Self::Source(source, until) => source.poll_until(*until, cx),
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
    fn dates_out_of_range_are_limited() {
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
    fn times_before_this_process_exist() {
        let (now, day) = (Clock::default().now(), Duration::from_secs(86_400));
        assert_eq!(now.since(now.before(day)), day);
    }
}
