//! Conformance suite for implementations of [`Store`].

pub(crate) mod expiry;
pub(crate) mod values;

use crate::store::{Bus, Store, StoreFuture, StoredValue, Subscription};
use actix_web::web::Bytes;
use std::{
    collections::hash_map::RandomState,
    future::poll_fn,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{task::yield_now, time::timeout};

/// Checks that `store` does what [`Store`] says. It takes some seconds, since it waits for timeouts.
///
/// Each run writes under names of its own, beside one of a single byte, and deletes what it has written or
/// lets it expire; a store that is in use may be checked.
///
/// ```
/// use cached_response::testing::{InProcessStore, check_store};
///
/// # #[actix_web::main] async fn main() {
/// check_store(InProcessStore::new()).await;
/// # }
/// ```
///
/// # Panics
///
/// If it does not. The message has the actual and the expected behaviour.
pub async fn check_store(store: impl Store) {
    let store: Arc<dyn Store> = Arc::new(store);
    check(&StoreHandles::new(store.clone(), store)).await;
}

/// Checks the same with two handles on one store, such as two connections: a change by the one is
/// visible to the other.
///
/// ```
/// use cached_response::testing::{InProcessStore, check_handles};
///
/// # #[actix_web::main] async fn main() {
/// let store = InProcessStore::new();
/// check_handles(store.clone(), store).await;
/// # }
/// ```
///
/// # Panics
///
/// As [`check_store`] does.
pub async fn check_handles(one: impl Store, other: impl Store) {
    check(&StoreHandles::new(Arc::new(one), Arc::new(other))).await;
}

async fn check(subject: &StoreHandles) {
    values::check(subject).await;
    values::check_names(subject).await;
    values::check_batches(subject).await;
    expiry::check_ensure(subject).await;
    check_cancellation(subject).await;
    check_bus(subject).await;
    expiry::check(subject).await;
}

/// Timeout that outlives the check.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Limit above the size of every value that is read in full.
pub(crate) const ALL: usize = 16 << 20;

/// Time after which a call counts as hanging.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Two handles on the store that is checked: a change by the one must be visible to the other.
pub(crate) struct StoreHandles {
    pub(crate) one: Arc<dyn Store>,
    pub(crate) other: Arc<dyn Store>,
    run: u64,
}

impl StoreHandles {
    pub(crate) fn new(one: Arc<dyn Store>, other: Arc<dyn Store>) -> Self {
        Self {
            one,
            other,
            run: RandomState::new().build_hasher().finish(),
        }
    }

    /// Returns a name that no other run uses.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("check-store:{:016x}:{name}", self.run)
    }

    pub(crate) fn names(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| self.name(name)).collect()
    }

    pub(crate) async fn set(&self, name: &str, bytes: impl Into<Bytes>, timeout: Duration) {
        completes("set", self.one.set(name, bytes.into(), timeout)).await;
    }

    pub(crate) async fn delete(&self, name: &str) {
        completes("delete", self.one.delete(name)).await;
    }

    /// Reads a value by the other handle.
    pub(crate) async fn value(&self, name: &str, limit: usize) -> Option<StoredValue> {
        completes("get", self.other.get(name, limit)).await
    }

    /// Reads the bytes of a value by the other handle.
    pub(crate) async fn bytes(&self, name: &str) -> Option<Bytes> {
        self.value(name, ALL).await.map(|value| value.bytes)
    }
}

/// Returns the result of a call, which must end without an error.
#[expect(clippy::panic, reason = "this is how a suite reports")]
pub(crate) async fn completes<T>(method: &str, call: StoreFuture<'_, T>) -> T {
    let Ok(answer) = timeout(CALL_TIMEOUT, call).await else {
        panic!("`{method}` hangs: it has not ended within {CALL_TIMEOUT:?}");
    };
    answer.unwrap_or_else(|error| {
        panic!("`{method}` has failed, of a store that should be well: {error}")
    })
}

async fn check_bus(subject: &StoreHandles) {
    let (Some(one), Some(other)) = (subject.one.bus(), subject.other.bus()) else {
        return;
    };
    let (channel, elsewhere) = (subject.name("bus"), subject.name("bus-elsewhere"));
    let mut subscriptions = [
        subscribe(other, &channel).await,
        subscribe(one, &channel).await,
        subscribe(other, &elsewhere).await,
    ];
    let every: Bytes = (0..=u8::MAX).collect();
    publish(one, &elsewhere, "elsewhere".into()).await;
    publish(one, &channel, every.clone()).await;
    for number in 0..20 {
        publish(one, &channel, number.to_string().into()).await;
    }
    publish(one, &elsewhere, "the end".into()).await;
    for subscription in &mut subscriptions[..2] {
        receives(subscription.as_mut(), &every).await;
        for number in 0..20 {
            receives(subscription.as_mut(), number.to_string().as_bytes()).await;
        }
    }
    receives(subscriptions[2].as_mut(), b"elsewhere").await;
    receives(subscriptions[2].as_mut(), b"the end").await;
}

async fn subscribe(bus: &dyn Bus, channel: &str) -> Box<dyn Subscription> {
    completes("subscribe", bus.subscribe(channel)).await
}

async fn publish(bus: &dyn Bus, channel: &str, message: Bytes) {
    completes("publish", bus.publish(channel, message)).await;
}

async fn receives(subscription: &mut dyn Subscription, expected: &[u8]) {
    let received = completes("Subscription::next", subscription.next()).await;
    assert!(
        received == expected,
        "{received:?} was received instead of {:?}: a subscription receives all that is published on its \
         channel after `subscribe`, also by the same store, in order, and nothing else",
        Bytes::copy_from_slice(expected)
    );
}

/// Maximum number of polls before a call is dropped.
const MAX_POLLS: usize = 24;

async fn check_cancellation(subject: &StoreHandles) {
    let (name, witness) = (subject.name("dropped"), subject.name("witness"));
    let old = Bytes::from(vec![b'o'; 100_000]);
    let new = Bytes::from(vec![b'n'; 100_000]);
    subject.set(&witness, "witness", HOUR).await;
    for polls in 0..MAX_POLLS {
        subject.set(&name, old.clone(), HOUR).await;
        poll_and_drop(subject.one.get(&name, 200_000), polls).await;
        is_usable(subject, &witness).await;
        poll_and_drop(subject.one.set(&name, new.clone(), HOUR), polls).await;
        is_usable(subject, &witness).await;
        let found = completes("get", subject.one.get(&name, 200_000)).await;
        assert!(
            found.is_some_and(|found| found.bytes == old || found.bytes == new),
            "after a `set` was dropped, neither the old value nor the new one was found"
        );
        poll_and_drop(subject.one.delete(&name), polls).await;
        is_usable(subject, &witness).await;
    }
    // Without a read afterwards: a dropped call may still be on its way.
    completes("delete_many", subject.one.delete_many(&[name, witness])).await;
}

async fn poll_and_drop<T>(mut call: StoreFuture<'_, T>, polls: usize) {
    for _ in 0..polls {
        if poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await {
            return;
        }
        yield_now().await;
    }
}

async fn is_usable(subject: &StoreHandles, witness: &str) {
    let found = completes("get", subject.one.get(witness, 64)).await;
    let found = found.map(|found| found.bytes);
    assert!(
        found.as_deref() == Some(b"witness"),
        "after a call was dropped, `get` of something else has found {found:?} instead of \
         \"witness\": each call may be dropped at any point"
    );
}

#[cfg(test)]
mod tests;
