//! In-process [`Store`] for tests: two caches that share it are two nodes.

pub(crate) mod faults;

use crate::{
    store::{Bus, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue, Subscription},
    testing::{
        ManualClock,
        in_process_store::faults::{Calls, FaultInjector, Side},
    },
    time::{Clock, moment::Timestamp},
    util::sync::lock,
};
use actix_web::web::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// A [`Store`] in this process, with a [`Bus`]. A clone is another handle on the same one.
///
/// A test can make calls fail or wait: all of them, or those of one method, by its name: `"get"`,
/// `"delete_many"`, `"publish"`.
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
pub struct InProcessStore(Arc<SharedStore>);

#[derive(Default)]
struct SharedStore {
    map: Map,
    faults: FaultInjector,
    subscribers: Subscribers,
}

impl InProcessStore {
    /// Creates an empty store on the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty store whose lifetimes are measured on a manual clock.
    #[must_use]
    pub fn with_clock(clock: &ManualClock) -> Self {
        Self(Arc::new(SharedStore {
            map: Map::new(Clock::from(clock)),
            ..SharedStore::default()
        }))
    }

    /// Returns the names of all stored values.
    pub fn names(&self) -> Vec<String> {
        self.0.map.lock().names()
    }

    /// Returns the number of calls by method. A call counts when it is first polled.
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.0.faults.calls()
    }

    /// Makes all calls fail without an effect. Subscriptions still return messages that were published
    /// before.
    pub fn fail_with(&self, kind: StoreErrorKind) {
        self.0.faults.fail(Calls::All, kind);
    }

    /// Makes the calls of `method` fail without an effect.
    pub fn fail_only(&self, method: &str, kind: StoreErrorKind) {
        self.0.faults.fail(Calls::Of(method.into()), kind);
    }

    /// Ends all failures and the silence of the bus.
    pub fn heal(&self) {
        self.0.faults.heal();
        self.0.subscribers.silence(false);
    }

    /// Makes all calls wait before they have an effect, until [`release`](Self::release).
    pub fn hold(&self) {
        self.0.faults.hold(Calls::All, Side::BeforeEffect);
    }

    /// Makes the calls of `method`, and of no other, wait before they have an effect.
    pub fn hold_only(&self, method: &str) {
        self.0
            .faults
            .hold(Calls::Of(method.into()), Side::BeforeEffect);
    }

    /// Makes the calls of `method`, and of no other, wait after their effect and before they return.
    pub fn hold_answers(&self, method: &str) {
        self.0
            .faults
            .hold(Calls::Of(method.into()), Side::BeforeReturn);
    }

    /// Lets all waiting calls go on, and makes no further ones wait.
    pub fn release(&self) {
        self.0.faults.release();
    }

    /// Ready when this many calls wait at the same time.
    pub async fn held(&self, calls: usize) {
        self.0.faults.waiting(calls).await;
    }

    /// Makes the bus lose all messages without an error, until [`heal`](Self::heal).
    pub fn silence_bus(&self) {
        self.0.subscribers.silence(true);
    }

    /// Ends all subscriptions: each returns an error after the messages that it has received.
    pub fn cut_bus(&self) {
        self.0.subscribers.cut();
    }

    /// Returns the future of a call: it waits or fails, acts on the map, and may wait again.
    fn call<'a, T: Send + 'a>(
        &'a self,
        method: &'static str,
        act: impl FnOnce(Entries<'_>) -> T + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.0.faults.before(method).await?;
            let done = act(self.0.map.lock());
            self.0.faults.after(method).await;
            Ok(done)
        })
    }
}

impl Store for InProcessStore {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        self.call("get", move |entries| entries.get(name, limit))
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        let expires_at = self.0.map.expiry(timeout);
        self.call("set", move |mut entries| {
            entries.insert(name, bytes, expires_at);
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        self.call("delete", move |mut entries| entries.remove(name))
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        self.call("get_many", move |entries| entries.get_many(names))
    }

    fn look_up<'a>(
        &'a self,
        name: &'a str,
        limit: usize,
        with: &'a [String],
    ) -> StoreFuture<'a, (Option<StoredValue>, Vec<Option<Bytes>>)> {
        self.call("look_up", move |entries| {
            (entries.get(name, limit), entries.get_many(with))
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        let expires_at = self.0.map.expiry(timeout);
        self.call("add", move |mut entries| {
            entries.add(name, bytes, expires_at)
        })
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        let expiry = |timeout| self.0.map.expiry(timeout);
        let expiries = (expiry(life), expiry(life.saturating_mul(4)));
        self.call("ensure", move |mut entries| {
            let ensure = |(name, value): &(String, Bytes)| entries.ensure(name, value, expiries);
            values.iter().map(ensure).collect()
        })
    }

    fn delete_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, ()> {
        self.call("delete_many", move |mut entries| {
            for name in names {
                entries.remove(name);
            }
        })
    }

    fn bus(&self) -> Option<&dyn Bus> {
        Some(self)
    }
}

impl Bus for InProcessStore {
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()> {
        self.call("publish", move |_| {
            self.0.subscribers.publish(channel, &message);
        })
    }

    fn subscribe<'a>(&'a self, channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>> {
        self.call("subscribe", move |_| {
            Box::new(self.0.subscribers.subscribe(channel)) as Box<dyn Subscription>
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

/// Values with their times of expiry.
#[derive(Default)]
struct Map {
    clock: Clock,
    values: Mutex<BTreeMap<String, (Bytes, Timestamp)>>,
}

impl Map {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            values: Mutex::default(),
        }
    }

    /// Returns the time at which a value with this timeout expires.
    fn expiry(&self, timeout: Duration) -> Timestamp {
        self.clock.now().after(timeout)
    }

    /// Locks the map and removes what has expired.
    fn lock(&self) -> Entries<'_> {
        let mut values = lock(&self.values);
        let now = self.clock.now();
        values.retain(|_, (_, expires_at)| *expires_at > now);
        Entries { now, values }
    }
}

/// Locked map without expired values.
struct Entries<'a> {
    now: Timestamp,
    values: MutexGuard<'a, BTreeMap<String, (Bytes, Timestamp)>>,
}

impl Entries<'_> {
    fn get(&self, name: &str, limit: usize) -> Option<StoredValue> {
        let (bytes, expires_at) = self.values.get(name)?;
        let bytes = bytes.slice(..bytes.len().min(limit));
        Some(StoredValue::new(bytes, expires_at.since(self.now)))
    }

    fn get_many(&self, names: &[String]) -> Vec<Option<Bytes>> {
        let get = |name: &String| self.values.get(name).map(|(bytes, _)| bytes.clone());
        names.iter().map(get).collect()
    }

    fn insert(&mut self, name: &str, bytes: Bytes, expires_at: Timestamp) {
        if expires_at > self.now {
            self.values.insert(name.to_owned(), (bytes, expires_at));
        } else {
            self.values.remove(name);
        }
    }

    fn add(&mut self, name: &str, bytes: Bytes, expires_at: Timestamp) -> Bytes {
        if let Some((stored, _)) = self.values.get(name) {
            return stored.clone();
        }
        self.insert(name, bytes.clone(), expires_at);
        bytes
    }

    /// Returns the stored value, or stores this one; extends its lifetime to `extended` if it expires
    /// before `minimum`.
    fn ensure(
        &mut self,
        name: &str,
        bytes: &Bytes,
        (minimum, extended): (Timestamp, Timestamp),
    ) -> Bytes {
        let stored = self.add(name, bytes.clone(), extended);
        if let Some((_, expires_at)) = self.values.get_mut(name)
            && *expires_at < minimum
        {
            *expires_at = extended;
        }
        stored
    }

    fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }
}

/// Subscriptions of all channels.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<All>);

#[derive(Default)]
struct All {
    queues: Vec<(String, Weak<Queue>)>,
    is_silent: bool,
}

impl Subscribers {
    pub(crate) fn subscribe(&self, channel: &str) -> QueueSubscription {
        let queue = Arc::<Queue>::default();
        let entry = (channel.to_owned(), Arc::downgrade(&queue));
        self.all().queues.push(entry);
        QueueSubscription(queue)
    }

    pub(crate) fn publish(&self, channel: &str, message: &Bytes) {
        let mut all = self.all();
        all.queues.retain(|(_, queue)| queue.strong_count() > 0);
        if all.is_silent {
            return;
        }
        let subscribed = all.queues.iter().filter(|(name, _)| name == channel);
        for queue in subscribed.filter_map(|(_, queue)| queue.upgrade()) {
            queue.change(|state| state.messages.push_back(message.clone()));
        }
    }

    pub(crate) fn silence(&self, is_silent: bool) {
        self.all().is_silent = is_silent;
    }

    /// Ends all subscriptions with an error.
    pub(crate) fn cut(&self) {
        for (_, queue) in self.all().queues.drain(..) {
            if let Some(queue) = queue.upgrade() {
                queue.change(|state| state.is_cut = true);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        lock(&self.0)
    }
}

/// Messages of one subscription.
#[derive(Default)]
struct Queue(Mutex<QueueState>);

#[derive(Default)]
struct QueueState {
    messages: VecDeque<Bytes>,
    is_cut: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn change(&self, change: impl FnOnce(&mut QueueState)) {
        let waker = {
            let mut state = self.state();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<Bytes, StoreError>> {
        let mut state = self.state();
        if let Some(message) = state.messages.pop_front() {
            return Poll::Ready(Ok(message));
        }
        if state.is_cut {
            let error = StoreError::new(StoreErrorKind::Unreachable, "the bus was cut");
            return Poll::Ready(Err(error));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        lock(&self.0)
    }
}

pub(crate) struct QueueSubscription(Arc<Queue>);

impl Subscription for QueueSubscription {
    fn next(&mut self) -> StoreFuture<'_, Bytes> {
        Box::pin(poll_fn(|cx| self.0.poll(cx)))
    }
}

#[cfg(test)]
mod tests;
