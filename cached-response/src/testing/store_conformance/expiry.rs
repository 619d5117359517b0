//! Lifetimes: a value expires at its timeout at the latest, and its remaining lifetime is reported.

use crate::testing::store_conformance::{HOUR, StoreHandles, completes};
use actix_web::web::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::yield_now, time::sleep_until};

/// Rounding error of a clock that counts milliseconds, twice.
const CLOCK_ERROR: Duration = Duration::from_millis(20);

const DAY: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_secs(2);

pub(crate) async fn check(subject: &StoreHandles) {
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
    async fn set(subject: &StoreHandles, name: &str, timeout: Duration) -> Self {
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

    async fn reports_left(&self, subject: &StoreHandles) -> Option<Duration> {
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

    async fn is_stored(&self, subject: &StoreHandles) {
        let left = self.reports_left(subject).await;
        assert!(
            left.is_some_and(|left| left >= self.timeout / 2),
            "something that was set for {:?} a few seconds ago has {left:?} to live (`None`: it is \
             gone)",
            self.timeout
        );
    }

    async fn expires(&self, subject: &StoreHandles) {
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

async fn long_lifetimes(subject: &StoreHandles) {
    for days in [31, 400] {
        let value = Expiring::set(subject, &format!("lives-{days}-days"), days * DAY).await;
        value.is_stored(subject).await;
        subject.delete(&value.name).await;
    }
}

/// Returns values in the order of their expiry.
async fn short_lifetimes(subject: &StoreHandles) -> Vec<Expiring> {
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
async fn renewed(subject: &StoreHandles) -> Expiring {
    Expiring::set(subject, "lives-again", SHORT).await;
    Expiring::set(subject, "lives-again", HOUR / 60).await
}

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn check_ensure(subject: &StoreHandles) {
    each_name(subject).await;
    short_lifetime(subject).await;
    deleted(subject).await;
    concurrently_deleted(subject).await;
}

async fn ensure(subject: &StoreHandles, names: &[String], value: &'static str) -> Vec<Bytes> {
    let value = Bytes::from_static(value.as_bytes());
    let values: Vec<_> = names
        .iter()
        .map(|name| (name.clone(), value.clone()))
        .collect();
    let ensured = completes("ensure", subject.other.ensure(&values, MINUTE)).await;
    assert!(
        ensured.len() == names.len(),
        "`ensure` of {} names gave {} values",
        names.len(),
        ensured.len()
    );
    ensured
}

/// Checks that `value` is stored with the requested lifetime.
async fn is_stored(subject: &StoreHandles, name: &str, value: &Bytes, since: Instant) {
    let stored = subject.value(name, 64).await;
    assert!(
        stored.as_ref().is_some_and(|stored| stored.bytes == *value),
        "`ensure` gave {value:?}, and {stored:?} is stored"
    );
    let left = stored.map_or(Duration::ZERO, |stored| stored.left);
    assert!(
        left + since.elapsed() >= MINUTE,
        "what `ensure` gave for a minute has {left:?} to live: it makes a life longer where it must be"
    );
}

async fn each_name(subject: &StoreHandles) {
    let names = subject.names(&["ensured-new", "ensured-there", "ensured-too"]);
    subject.set(&names[1], "there", HOUR).await;
    let since = Instant::now();
    let ensured = ensure(subject, &names, "given").await;
    assert!(
        ensured == ["given", "there", "given"],
        "`ensure` gave {ensured:?} instead of [\"given\", \"there\", \"given\"]: the stored value if its lifetime \
         suffices, else the given one"
    );
    for (name, value) in names.iter().zip(&ensured) {
        is_stored(subject, name, value, since).await;
    }
    completes("delete_many", subject.one.delete_many(&names)).await;
}

async fn short_lifetime(subject: &StoreHandles) {
    let names = subject.names(&["ensured-short"]);
    subject.set(&names[0], "there", MINUTE / 6).await;
    let since = Instant::now();
    let ensured = ensure(subject, &names, "given").await;
    assert!(
        ensured == ["there"] || ensured == ["given"],
        "`ensure` gave {ensured:?}, where \"there\" was stored and \"given\" was given"
    );
    is_stored(subject, &names[0], &ensured[0], since).await;
    subject.delete(&names[0]).await;
}

const REVIVED: &str = "was deleted, and `ensure` has put it back: a value may be replaced by the one \
                       that is given, but never be put back once it was deleted";

async fn deleted(subject: &StoreHandles) {
    let names = subject.names(&["ensured-deleted"]);
    assert!(ensure(subject, &names, "old").await == ["old"]);
    subject.delete(&names[0]).await;
    let ensured = ensure(subject, &names, "new").await;
    let found = subject.bytes(&names[0]).await;
    assert!(
        ensured == ["new"] && found.as_deref() == Some(b"new"),
        "{ensured:?} {REVIVED} ({found:?} is stored)"
    );
    subject.delete(&names[0]).await;
}

/// Deletes while a lifetime is being extended.
async fn concurrently_deleted(subject: &StoreHandles) {
    for round in 0..48 {
        let name = subject.name("ensured-concurrently");
        subject.set(&name, "old", MINUTE / 6).await;
        let (other, values) = (Arc::clone(&subject.other), [(name.clone(), "new".into())]);
        let ensuring =
            tokio::spawn(async move { completes("ensure", other.ensure(&values, MINUTE)).await });
        for _ in 0..round % 12 {
            yield_now().await;
        }
        subject.delete(&name).await;
        if let Err(error) = ensuring.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        let found = subject.bytes(&name).await;
        assert!(found.as_deref() != Some(b"old"), "{found:?} {REVIVED}");
        subject.delete(&name).await;
    }
}
