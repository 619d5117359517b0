//! Lifetimes: a value expires at its timeout at the latest, and its remaining lifetime is reported.

use crate::testing::store_conformance::{HOUR, Subject, completes};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Rounding error of a clock that counts milliseconds, twice.
const CLOCK_ERROR: Duration = Duration::from_millis(20);

const DAY: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_secs(2);

pub(crate) async fn check(subject: &Subject) {
    long_lifetimes(subject).await;
    let long = Expiring::set(subject, "lives-long", HOUR / 60).await;
    let expiring = short_lifetimes(subject).await;
    let renewed = renewed(subject).await;
    for value in &expiring {
        value.reports_left(subject).await;
    }
    for value in &expiring {
        value.expires(subject).await;
    }
    for value in [&long, &renewed] {
        value.is_stored(subject).await;
    }
    completes(
        "delete_many",
        subject.one.delete_many(&[long.name, renewed.name]),
    )
    .await;
}

/// Value that was set, and the latest time of its expiry.
struct Expiring {
    name: String,
    timeout: Duration,
    expires_at: Instant,
}

impl Expiring {
    async fn set(subject: &Subject, name: &str, timeout: Duration) -> Self {
        let name = subject.name(name);
        subject.set(&name, "alive", timeout).await;
        Self::set_now(name, timeout)
    }

    /// Records a value that was set just now: the store counts from this time at the latest.
    fn set_now(name: String, timeout: Duration) -> Self {
        Self {
            name,
            timeout,
            expires_at: Instant::now() + timeout,
        }
    }

    async fn reports_left(&self, subject: &Subject) -> Option<Duration> {
        let asked = Instant::now();
        let left = subject.value(&self.name, 64).await?.left;
        let most = self.expires_at.saturating_duration_since(asked) + CLOCK_ERROR;
        assert!(
            left <= most,
            "`left` is {left:?} of something that was set for {:?} and has {most:?} to live: it must \
             never say more",
            self.timeout
        );
        Some(left)
    }

    async fn is_stored(&self, subject: &Subject) {
        let left = self.reports_left(subject).await;
        assert!(
            left.is_some_and(|left| left >= self.timeout / 2),
            "something that was set for {:?} a few seconds ago has {left:?} to live (`None`: it is \
             gone)",
            self.timeout
        );
    }

    async fn expires(&self, subject: &Subject) {
        sleep_until((self.expires_at + CLOCK_ERROR).into()).await;
        let found = subject.value(&self.name, 64).await;
        assert!(
            found.is_none(),
            "{found:?} is still there, although it was set for {:?}, which are over: it may live \
             shorter, but never longer, and a timeout of zero, or of less than a second, is not for \
             ever",
            self.timeout
        );
    }
}

async fn long_lifetimes(subject: &Subject) {
    for days in [31, 400] {
        let value = Expiring::set(subject, &format!("lives-{days}-days"), days * DAY).await;
        value.is_stored(subject).await;
        subject.delete(&value.name).await;
    }
}

/// Returns values in the order of their expiry.
async fn short_lifetimes(subject: &Subject) -> Vec<Expiring> {
    let zero = subject.name("lives-not");
    subject.set(&zero, "old", HOUR).await;
    let mut values = vec![Expiring::set(subject, "lives-not", Duration::ZERO).await];
    for millis in [1, 300, 1500] {
        let name = format!("lives-{millis}-ms");
        values.push(Expiring::set(subject, &name, Duration::from_millis(millis)).await);
    }
    let replaced = subject.name("lives-shorter");
    subject.set(&replaced, "old", HOUR).await;
    values.push(Expiring::set(subject, "lives-shorter", SHORT).await);
    let added = subject.name("lives-added");
    completes("add", subject.one.add(&added, "added".into(), SHORT)).await;
    values.push(Expiring::set_now(added, SHORT));
    values
}

/// Returns a value that was set again with a longer timeout.
async fn renewed(subject: &Subject) -> Expiring {
    Expiring::set(subject, "lives-again", SHORT).await;
    Expiring::set(subject, "lives-again", HOUR / 60).await
}
