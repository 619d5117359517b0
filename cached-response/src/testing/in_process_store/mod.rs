//! A store in this process, for tests: two caches that share it are two nodes.

pub(crate) mod bus;
pub(crate) mod faults;
pub(crate) mod map;

use crate::{
    store::{
        Store,
        bus::{Bus, Subscription},
        error::{StoreErrorKind, StoreFuture, StoredValue},
    },
    testing::{
        in_process_store::{
            bus::Subscribers,
            faults::{Calls, FaultInjector, Side},
            map::{Open, Shelf},
        },
        manual_clock::ManualClock,
    },
    time::Clock,
};
use actix_web::web::Bytes;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// A [`Store`] in this process, with a [`Bus`]. A clone is another handle on the same one.
///
/// A test can have its calls fail or wait, all of them or those of one method, which is told by the
/// method's name: `"get"`, `"delete_many"`, `"publish"`.
///
/// ```
/// use cached_response::{Store, StoreErrorKind, testing::{InProcessStore, ManualClock}};
/// use std::time::Duration;
///
/// # #[actix_web::main] async fn main() {
/// let clock = ManualClock::new();
/// let store = InProcessStore::with_clock(&clock);
/// store.set("name", "bytes".into(), Duration::from_secs(60)).await.unwrap();
/// clock.advance(Duration::from_secs(59));
/// let kept = store.get("name", 3).await.unwrap().unwrap();
/// assert_eq!((&kept.bytes[..], kept.left), (&b"byt"[..], Duration::from_secs(1)));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(store.get("name", 3).await, Ok(None));
///
/// store.fail_only("set", StoreErrorKind::Refused);
/// assert!(store.set("name", "bytes".into(), Duration::MAX).await.is_err());
/// assert!(store.delete("name").await.is_ok());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct InProcessStore(Arc<Inside>);

#[derive(Default)]
struct Inside {
    shelf: Shelf,
    gate: FaultInjector,
    ears: Subscribers,
}

impl InProcessStore {
    /// An empty store, with the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store, whose lifetimes are measured by a clock that a test turns by hand.
    #[must_use]
    pub fn with_clock(clock: &ManualClock) -> Self {
        Self(Arc::new(Inside {
            shelf: Shelf::new(Clock::from(clock)),
            ..Inside::default()
        }))
    }

    /// Under which names something lies.
    pub fn names(&self) -> Vec<String> {
        self.0.shelf.open().names()
    }

    /// How many calls there were, by method. A call counts when it is polled first.
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.0.gate.calls()
    }

    /// From now on all calls fail, and nothing is done. Who listens still hears what was published.
    pub fn fail_with(&self, kind: StoreErrorKind) {
        self.0.gate.fail(Calls::All, kind);
    }

    /// From now on the calls of `method` fail, and nothing is done by them.
    pub fn fail_only(&self, method: &str, kind: StoreErrorKind) {
        self.0.gate.fail(Calls::Of(method.into()), kind);
    }

    /// No call fails any more, and the bus is no longer silent.
    pub fn heal(&self) {
        self.0.gate.heal();
        self.0.ears.silence(false);
    }

    /// From now on all calls wait before they do anything, until [`release`](Self::release).
    pub fn hold(&self) {
        self.0.gate.hold(Calls::All, Side::BeforeItActs);
    }

    /// From now on the calls of `method`, and of no other, wait before they do anything.
    pub fn hold_only(&self, method: &str) {
        self.0
            .gate
            .hold(Calls::Of(method.into()), Side::BeforeItActs);
    }

    /// From now on the calls of `method`, and of no other, wait when they have done what they were
    /// asked for, and before they say so.
    pub fn hold_answers(&self, method: &str) {
        self.0
            .gate
            .hold(Calls::Of(method.into()), Side::BeforeItAnswers);
    }

    /// Lets all calls through that wait, and holds no more.
    pub fn release(&self) {
        self.0.gate.release();
    }

    /// Ready when so many calls wait at once.
    pub async fn held(&self, calls: usize) {
        self.0.gate.waiting(calls).await;
    }

    /// From now on nobody hears what is published, until [`heal`](Self::heal). Nobody is told so.
    pub fn silence_bus(&self) {
        self.0.ears.silence(true);
    }

    /// Ends all subscriptions: each has an error to tell, after what it has heard.
    pub fn cut_bus(&self) {
        self.0.ears.cut();
    }

    /// One call: past the gate, at the shelf, past the gate.
    fn call<'a, T: Send + 'a>(
        &'a self,
        method: &'static str,
        act: impl FnOnce(Open<'_>) -> T + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.0.gate.enter(method).await?;
            let done = act(self.0.shelf.open());
            self.0.gate.leave(method).await;
            Ok(done)
        })
    }
}

impl Store for InProcessStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        self.call("get", move |shelf| shelf.get(name, limit))
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        let until = self.0.shelf.after(timeout);
        self.call("set", move |mut shelf| shelf.put(name, bytes, until))
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        self.call("delete", move |mut shelf| shelf.remove(name))
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        self.call("get_many", move |shelf| shelf.get_many(names))
    }

    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, (Option<StoredValue>, Vec<Option<Bytes>>)> {
        self.call("look_up", move |shelf| {
            (shelf.get(name, limit), shelf.get_many(with))
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        let until = self.0.shelf.after(timeout);
        self.call("add", move |mut shelf| shelf.add(name, bytes, until))
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        let after = |timeout| self.0.shelf.after(timeout);
        let moments = (after(life), after(life.saturating_mul(4)));
        self.call("ensure", move |mut shelf| {
            let ensure = |(name, value): &(String, Bytes)| shelf.ensure(name, value, moments);
            values.iter().map(ensure).collect()
        })
    }

    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        self.call("delete_many", move |mut shelf| {
            for name in names {
                shelf.remove(name);
            }
        })
    }

    fn bus(&self) -> Option<&dyn Bus> {
        Some(self)
    }
}

impl Bus for InProcessStore {
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()> {
        self.call("publish", move |_| self.0.ears.tell(channel, &message))
    }

    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>> {
        self.call("subscribe", move |_| {
            Box::new(self.0.ears.listen(channel)) as Box<dyn Subscription>
        })
    }
}

impl fmt::Debug for InProcessStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcessStore")
            .field(&self.names())
            .finish()
    }
}

#[cfg(test)]
mod tests;
