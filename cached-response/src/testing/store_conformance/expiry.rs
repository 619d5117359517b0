//! How long things live: never longer than asked, and what is left is told.

use crate::testing::store_conformance::subject::{HOUR, Subject, ends};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// What a clock that counts milliseconds may be wrong by, twice.
const GRAIN: Duration = Duration::from_millis(20);

const DAY: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_secs(2);

pub(crate) async fn check(subject: &Subject) {
    long_lives(subject).await;
    let long = Life::set(subject, "lives-long", HOUR / 60).await;
    let dying = short_lives(subject).await;
    let renewed = renewed(subject).await;
    for life in &dying {
        life.tells_what_is_left(subject).await;
    }
    for life in &dying {
        life.ends(subject).await;
    }
    for life in [&long, &renewed] {
        life.goes_on(subject).await;
    }
    ends(
        "delete_many",
        subject.one.delete_many(&[long.name, renewed.name]),
    )
    .await;
}

/// Something that was set, and until when it may live.
struct Life {
    name: String,
    timeout: Duration,
    until: Instant,
}

impl Life {
    async fn set(subject: &Subject, name: &str, timeout: Duration) -> Self {
        let name = subject.name(name);
        subject.set(&name, "alive", timeout).await;
        Self::from_now(name, timeout)
    }

    /// What was set just now: the store may have counted from this moment, at the latest.
    fn from_now(name: String, timeout: Duration) -> Self {
        Self {
            name,
            timeout,
            until: Instant::now() + timeout,
        }
    }

    async fn tells_what_is_left(&self, subject: &Subject) -> Option<Duration> {
        let asked = Instant::now();
        let left = subject.kept(&self.name, 64).await?.left;
        let most = self.until.saturating_duration_since(asked) + GRAIN;
        assert!(
            left <= most,
            "`left` is {left:?} of something that was set for {:?} and has {most:?} to live: it must \
             never say more",
            self.timeout
        );
        Some(left)
    }

    async fn goes_on(&self, subject: &Subject) {
        let left = self.tells_what_is_left(subject).await;
        assert!(
            left.is_some_and(|left| left >= self.timeout / 2),
            "something that was set for {:?} a few seconds ago has {left:?} to live (`None`: it is \
             gone)",
            self.timeout
        );
    }

    async fn ends(&self, subject: &Subject) {
        sleep_until((self.until + GRAIN).into()).await;
        let found = subject.kept(&self.name, 64).await;
        assert!(
            found.is_none(),
            "{found:?} is still there, although it was set for {:?}, which are over: it may live \
             shorter, but never longer, and a timeout of zero, or of less than a second, is not for \
             ever",
            self.timeout
        );
    }
}

async fn long_lives(subject: &Subject) {
    for days in [31, 400] {
        let life = Life::set(subject, &format!("lives-{days}-days"), days * DAY).await;
        life.goes_on(subject).await;
        subject.delete(&life.name).await;
    }
}

/// In the order in which they end.
async fn short_lives(subject: &Subject) -> Vec<Life> {
    let zero = subject.name("lives-not");
    subject.set(&zero, "old", HOUR).await;
    let mut lives = vec![Life::set(subject, "lives-not", Duration::ZERO).await];
    for millis in [1, 300, 1500] {
        let name = format!("lives-{millis}-ms");
        lives.push(Life::set(subject, &name, Duration::from_millis(millis)).await);
    }
    let replaced = subject.name("lives-shorter");
    subject.set(&replaced, "old", HOUR).await;
    lives.push(Life::set(subject, "lives-shorter", SHORT).await);
    let added = subject.name("lives-added");
    ends("add", subject.one.add(&added, "added".into(), SHORT)).await;
    lives.push(Life::from_now(added, SHORT));
    lives
}

/// Something that would end, had it not been set again.
async fn renewed(subject: &Subject) -> Life {
    Life::set(subject, "lives-again", SHORT).await;
    Life::set(subject, "lives-again", HOUR / 60).await
}
