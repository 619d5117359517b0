//! The caches in front of the application, such as a CDN: tags in a response header, by which they
//! invalidate, and notification of the application about invalidations.
//!
//! An invalidation is queued when it holds in this process. A thread hands the queue to the application,
//! and again what failed, until it succeeds. The queue has each name once, and has a bound.

use crate::{
    invalidation::{
        registry::RESERVED,
        scope::{Bump, Scope},
    },
    metrics::event::{LogLimit, TARGET},
    util::sync::{Mutex, lock},
};
use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue},
    rt::Runtime,
};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, select},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// Names that were invalidated, or expired: an argument of
/// [`on_invalidate`](crate::ResponseCacheBuilder::on_invalidate).
///
/// ```
/// use cached_response::{InvalidatedNames, ResponseCache};
///
/// async fn purge(names: InvalidatedNames) -> Result<(), std::io::Error> {
///     if names.is_all() {
///         println!("purge everything");
///     }
///     for key in names.surrogate_keys() {
///         println!("purge the key {key}");
///     }
///     for path in names.paths() {
///         println!("purge {path}");
///     }
///     Ok(())
/// }
///
/// let cache = ResponseCache::builder().on_invalidate(purge).build();
/// # let _ = cache;
/// ```
#[derive(Clone, Debug)]
pub struct InvalidatedNames {
    scopes: Arc<[Scope]>,
    soft: bool,
}

impl InvalidatedNames {
    /// Returns true where everything was invalidated. It is also true in place of a thousand names.
    pub fn is_all(&self) -> bool {
        self.scopes.contains(&Scope::All)
    }

    /// Returns true where the responses have expired, and may be validated or served stale.
    pub fn is_soft(&self) -> bool {
        self.soft
    }

    /// The tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.of(|scope| matches!(scope, Scope::Tag(_)))
    }

    /// The tags as they are in the header of
    /// [`surrogate_keys`](crate::ResponseCacheBuilder::surrogate_keys).
    pub fn surrogate_keys(&self) -> impl Iterator<Item = String> {
        self.tags().map(surrogate_key)
    }

    /// The paths, as the caller of the invalidation wrote them: each with all its queries.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.of(|scope| matches!(scope, Scope::Path(_)))
    }

    /// The URLs, as the caller of the invalidation wrote them.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.of(|scope| matches!(scope, Scope::Url(_)))
    }

    /// The prefixes of paths, as the caller of the invalidation wrote them.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.of(|scope| matches!(scope, Scope::Prefix(_)))
    }

    /// The routes: patterns, which begin with a slash, and paths of handlers.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.of(|scope| matches!(scope, Scope::Route(_)))
    }

    fn of(&self, is_kind: fn(&Scope) -> bool) -> impl Iterator<Item = &str> {
        let scopes = self.scopes.iter().filter(move |scope| is_kind(scope));
        scopes.map(Scope::text)
    }
}

/// The function of the application.
#[derive(Clone)]
pub(crate) struct OnInvalidate(Arc<Callback>);

type Callback =
    dyn Fn(InvalidatedNames) -> LocalBoxFuture<'static, Result<(), String>> + Send + Sync;

impl OnInvalidate {
    pub(crate) fn new<F, Fut, E>(call: F) -> Self
    where
        F: Fn(InvalidatedNames) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
        E: fmt::Display,
    {
        Self(Arc::new(move |names| {
            let done = call(names);
            Box::pin(async move { done.await.map_err(|error| error.to_string()) })
        }))
    }

    /// Calls it. A panic is a failure.
    async fn call(&self, names: InvalidatedNames) -> Result<(), String> {
        let call = AssertUnwindSafe(async { (self.0)(names).await }).catch_unwind();
        match timeout(MAX_CALL, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err("it has not returned in time".to_owned()),
        }
    }
}

impl fmt::Debug for OnInvalidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnInvalidate").finish_non_exhaustive()
    }
}

/// Bounds on the names that are queued. Beyond them they become one invalidation of everything.
const MAX_NAMES: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// Time that a call may take.
const MAX_CALL: Duration = Duration::from_secs(30);

/// Delay before a failed call is repeated, doubled each time.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The queue of one cache. Its thread ends when it is dropped, after one last call for what is queued.
#[derive(Debug)]
pub(crate) struct Notifier(Arc<NameQueue>);

#[derive(Debug, Default)]
struct NameQueue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<Scope, Bump>,
    bytes: usize,
    is_closed: bool,
}

impl Notifier {
    /// Starts the thread. `before` is awaited before each call.
    pub(crate) fn start<B: Future>(
        call: OnInvalidate,
        before: impl Fn() -> B + Send + 'static,
    ) -> Self {
        let queue = Arc::<NameQueue>::default();
        let own = Arc::clone(&queue);
        let run = move || match Runtime::new() {
            Ok(runtime) => runtime.block_on(own.deliver(&call, before)),
            Err(error) => failed_to_start(&error),
        };
        let thread = thread::Builder::new().name("cache-on-invalidate".to_owned());
        if let Err(error) = thread.spawn(run) {
            failed_to_start(&error);
        }
        Self(queue)
    }

    /// Queues names that were invalidated.
    pub(crate) fn queue(&self, bump: Bump, scopes: Vec<Scope>) {
        self.0.add(scopes.into_iter().map(|scope| (scope, bump)));
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        lock(&self.0.state).is_closed = true;
        self.0.changed.notify_one();
    }
}

fn failed_to_start(error: &std::io::Error) {
    tracing::error!(target: TARGET, %error, "`on_invalidate` is never called: its thread has not started");
}

impl State {
    fn add(&mut self, scope: Scope, bump: Bump) {
        if let Some(known) = self.names.get_mut(&scope) {
            *known = known.or(bump);
            return;
        }
        self.bytes += scope.text().len();
        self.names.insert(scope, bump);
        if self.names.len() > MAX_NAMES || self.bytes > MAX_BYTES {
            let all = self.names.values().copied().fold(Bump::Expire, Bump::or);
            self.names.clear();
            self.names.insert(Scope::All, all);
            self.bytes = 0;
        }
    }

    /// Takes the names: those that were invalidated, and those that have expired.
    fn take(&mut self) -> Vec<InvalidatedNames> {
        self.bytes = 0;
        let (mut hard, mut soft) = (Vec::new(), Vec::new());
        for (scope, bump) in self.names.drain() {
            match bump {
                Bump::Invalidate => hard.push(scope),
                Bump::Expire => soft.push(scope),
            }
        }
        let batches = [(hard, false), (soft, true)];
        let batches = batches.into_iter().filter(|(scopes, _)| !scopes.is_empty());
        let batches = batches.map(|(scopes, soft)| InvalidatedNames {
            scopes: scopes.into(),
            soft,
        });
        batches.collect()
    }
}

impl NameQueue {
    fn add(&self, names: impl Iterator<Item = (Scope, Bump)>) {
        let mut state = lock(&self.state);
        for (scope, bump) in names {
            state.add(scope, bump);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Returns the next names; `None` when the queue is closed and empty.
    async fn next(&self) -> Option<Vec<InvalidatedNames>> {
        loop {
            if let Some(batches) = self.take() {
                return Some(batches);
            }
            if lock(&self.state).is_closed {
                // A name may have come between the two.
                return self.take();
            }
            self.changed.notified().await;
        }
    }

    /// Takes the names, unless there are none.
    fn take(&self) -> Option<Vec<InvalidatedNames>> {
        let mut state = lock(&self.state);
        (!state.names.is_empty()).then(|| state.take())
    }

    async fn deliver<B: Future>(&self, call: &OnInvalidate, before: impl Fn() -> B) {
        let mut delay = FIRST_DELAY;
        while let Some(batches) = self.next().await {
            before().await;
            if self.call_each(call, batches).await {
                delay = FIRST_DELAY;
            } else if self.is_closed_after(delay).await {
                if let Some(batches) = self.take() {
                    before().await;
                    self.call_each(call, batches).await;
                }
                return;
            } else {
                delay = (delay * 2).min(MAX_DELAY);
            }
        }
    }

    /// Calls with each of the batches, and puts back those that fail. Returns true where none does.
    async fn call_each(&self, call: &OnInvalidate, batches: Vec<InvalidatedNames>) -> bool {
        let mut succeeded = true;
        for names in batches {
            if let Err(error) = call.call(names.clone()).await {
                succeeded = false;
                self.put_back(&names, &error);
            }
        }
        succeeded
    }

    fn put_back(&self, names: &InvalidatedNames, error: &str) {
        let bump = if names.soft {
            Bump::Expire
        } else {
            Bump::Invalidate
        };
        let scopes = names.scopes.iter();
        tracing::warn!(
            target: TARGET,
            error,
            names = scopes.len(),
            "`on_invalidate` has failed, and is called again with these names, unless this was the last call of a \
             dropped cache"
        );
        let mut state = lock(&self.state);
        for scope in scopes {
            state.add(scope.clone(), bump);
        }
    }

    /// Waits before the next call; returns true where there is none.
    async fn is_closed_after(&self, delay: Duration) -> bool {
        let is_closed = || lock(&self.state).is_closed;
        let closed = async {
            while !is_closed() {
                self.changed.notified().await;
            }
        };
        select(pin!(sleep(delay)), pin!(closed)).await;
        is_closed()
    }
}

/// The header that has the tags of a response.
#[derive(Clone, Debug)]
pub(crate) struct SurrogateKeys {
    header: HeaderName,
    separator: &'static str,
    logged: Arc<Logged>,
}

/// The log lines about the tags of a cache.
#[derive(Debug, Default)]
struct Logged {
    encoded: AtomicBool,
    refused: LogLimit,
}

/// Everything that separates keys in one of the headers, and the sign of an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// Longest value in bytes, as CDNs accept it.
const MAX_VALUE_BYTES: usize = 16 << 10;

/// Headers that keep a response out of a CDN's cache: without its keys it could not be invalidated there.
const NO_STORE: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// Returns the key of a tag: the tag, with spaces, commas, percent signs and what is not printable ASCII
/// percent-encoded.
fn surrogate_key(tag: &str) -> String {
    utf8_percent_encode(tag, ESCAPED).to_string()
}

impl SurrogateKeys {
    pub(crate) fn new(header: HeaderName) -> Self {
        // `Cache-Tag` and `Edge-Cache-Tag`.
        let is_list = header.as_str().ends_with("-tag");
        Self {
            header,
            separator: if is_list { "," } else { " " },
            logged: Arc::default(),
        }
    }

    /// Adds the keys of these tags to those that the handler has set.
    pub(crate) fn add<'a>(&self, tags: impl Iterator<Item = &'a String>, headers: &mut HeaderMap) {
        let own = headers.get_all(&self.header);
        let own = own.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        let mut keys: Vec<_> = own.collect();
        let own = keys.len();
        for tag in tags.filter(|tag| !tag.starts_with(RESERVED)) {
            let key = surrogate_key(tag);
            if key != *tag {
                self.warn_of_encoded(tag, &key);
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.len() == own {
            return;
        }
        let value = Some(keys.join(self.separator));
        let value = value.filter(|value| value.len() <= MAX_VALUE_BYTES);
        match value.and_then(|value| HeaderValue::try_from(value).ok()) {
            Some(value) => _ = headers.insert(self.header.clone(), value),
            None => self.refuse(headers),
        }
    }

    /// Logs once that a tag is not sent as it is written.
    fn warn_of_encoded(&self, tag: &str, key: &str) {
        if !self.logged.encoded.swap(true, Relaxed) {
            tracing::warn!(
                target: TARGET,
                tag,
                key,
                header = self.header.as_str(),
                "a tag is sent to the CDN percent-encoded (logged once): write tags without spaces, commas, \
                 percent signs and all but printable ASCII, or purge the CDN by \
                 `InvalidatedNames::surrogate_keys()`, which has the same text"
            );
        }
    }

    /// Keeps a response out of the caches in front, which could not invalidate it there.
    pub(crate) fn refuse(&self, headers: &mut HeaderMap) {
        if self.logged.refused.admits() {
            tracing::warn!(
                target: TARGET,
                header = self.header.as_str(),
                "a response is kept out of the CDN: it has more than 16 KiB of tags, more than 64, one of more \
                 than 256 bytes or that begins with NUL, or a path parameter in a tag is not one of its route"
            );
        }
        headers.remove(&self.header);
        for name in NO_STORE {
            let value = HeaderValue::from_static("no-store");
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_queued_once_with_its_strongest_kind() {
        let mut state = State::default();
        for bump in [Bump::Expire, Bump::Invalidate, Bump::Expire] {
            state.add(Scope::Tag("a".into()), bump);
        }
        state.add(Scope::Path("/a".into()), Bump::Expire);
        let batches = state.take();
        let [hard, soft] = &*batches else {
            panic!("{batches:?}");
        };
        assert_eq!(hard.tags().collect::<Vec<_>>(), ["a"]);
        assert_eq!(soft.paths().collect::<Vec<_>>(), ["/a"]);
        assert!(soft.is_soft() && !hard.is_soft());
    }

    #[test]
    fn too_many_names_become_everything() {
        for (count, length) in [(MAX_NAMES + 1, 1), (3, MAX_BYTES / 2)] {
            let mut state = State::default();
            for n in 0..count {
                let url = format!("/{n}{}", "x".repeat(length));
                state.add(Scope::Url(url), Bump::Expire);
            }
            assert!(state.names.len() <= 2 && state.bytes <= MAX_BYTES);
            assert!(state.take()[0].is_all());
        }
    }

    fn value(header: &str, tags: &[String], own: Option<&str>) -> HeaderMap {
        let header: HeaderName = header.parse().unwrap();
        let mut headers = HeaderMap::new();
        if let Some(own) = own {
            headers.insert(header.clone(), HeaderValue::from_str(own).unwrap());
        }
        SurrogateKeys::new(header).add(tags.iter(), &mut headers);
        headers
    }

    fn strings(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn keys_are_separated_as_their_header_has_them() {
        let tags = strings(&[
            "products",
            "product:7",
            "a b,c%",
            "\0/list",
            "products",
            "ü",
        ]);
        let keys = value("Surrogate-Key", &tags, None);
        assert_eq!(
            keys.get("surrogate-key").unwrap(),
            "products product:7 a%20b%2Cc%25 %C3%BC"
        );
        let keys = value("Cache-Tag", &tags, Some("own"));
        assert_eq!(
            keys.get("cache-tag").unwrap(),
            "own,products,product:7,a%20b%2Cc%25,%C3%BC"
        );
        assert!(value("Cache-Tag", &strings(&["\0/list"]), None).is_empty());
    }

    #[test]
    fn a_response_with_too_many_keys_is_kept_out_of_the_cdn() {
        let tags: Vec<_> = (0..64).map(|n| format!("{n}{}", " ".repeat(250))).collect();
        let headers = value("Surrogate-Key", &tags, Some("own"));
        assert!(!headers.contains_key("surrogate-key"));
        for name in NO_STORE {
            assert_eq!(headers.get(name).unwrap(), "no-store");
        }
    }

    proptest! {
        #[test]
        fn no_tag_is_two_keys_and_no_two_tags_are_one(tags in proptest::collection::hash_set(".{1,9}", 1..9)) {
            let tags: Vec<_> = tags.into_iter().filter(|tag| !tag.starts_with(RESERVED)).collect();
            for (header, separator) in [("surrogate-key", ' '), ("cache-tag", ',')] {
                let headers = value(header, &tags, None);
                let keys = headers.get(header).map_or("", |keys| keys.to_str().unwrap());
                let keys: Vec<_> = keys.split(separator).filter(|key| !key.is_empty()).collect();
                prop_assert_eq!(&keys, &tags.iter().map(|tag| surrogate_key(tag)).collect::<Vec<_>>());
            }
        }
    }
}
