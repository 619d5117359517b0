//! `ensure`: a value with the requested lifetime, and never one that was deleted.

use crate::testing::store_conformance::{HOUR, Subject, completes};
use actix_web::web::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::yield_now;

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn check(subject: &Subject) {
    each_name(subject).await;
    short_lifetime(subject).await;
    deleted(subject).await;
    concurrently_deleted(subject).await;
}

async fn ensure(subject: &Subject, names: &[String], value: &'static str) -> Vec<Bytes> {
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
async fn is_stored(subject: &Subject, name: &str, value: &Bytes, since: Instant) {
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

async fn each_name(subject: &Subject) {
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

async fn short_lifetime(subject: &Subject) {
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

async fn deleted(subject: &Subject) {
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
async fn concurrently_deleted(subject: &Subject) {
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
