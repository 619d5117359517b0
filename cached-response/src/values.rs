//! `get_or_compute`: values that are not responses, cached by the same engine.

use crate::{
    cache::ResponseCache,
    engine::{
        lookup::MAX_KEY_BYTES,
        subject::RouteContext,
        value::{Computation, ValueSubject},
    },
    entry::StoredResponse,
    key::{Key, KeyRef, KeyWriter, handler_id::HandlerType, part::KeyPart},
    metrics::reason::Skip,
    policy::IntoPolicy,
    route::{Route, RouteRef, config::RouteConfig},
    util::sync::{Mutex, lock},
};
use actix_web::web::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::{TypeId, type_name},
    future::Future,
    marker::PhantomData,
    sync::Arc,
};

/// A computed value that may be stored, or not; see [`ResponseCache::get_or_compute_if`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a value is stored, or it is not")]
pub enum Cacheable<T> {
    /// It is stored, and shared with other callers.
    Store(T),
    /// It is returned to its caller alone.
    DoNotStore(T),
}

impl<T> Cacheable<T> {
    fn into_inner(self) -> T {
        match self {
            Self::Store(value) | Self::DoNotStore(value) => value,
        }
    }
}

impl ResponseCache {
    /// The value under `key`, computed once for all who ask for it at the same time and kept for
    /// `timeout`: a [`Duration`](std::time::Duration), whole seconds, or a [`Policy`](crate::Policy), of which
    /// `timeout`, `max_body_bytes`, `tags` and the options of stale responses count.
    ///
    /// A value is stored as JSON, and a key belongs to one type: the same key with another `T` is another
    /// value. In a remote store a type is identified by its name: two types that are local to two blocks of
    /// one function, or of two versions of a crate, read each other's values there, and so does a type
    /// that a deploy has changed. Where fields have defaults that is no error: add a word for the type and
    /// a version number to the key.
    ///
    /// A value that cannot be read back, such as NaN, is returned and not stored. Data that serde leaves
    /// out (`#[serde(skip)]`), or that JSON cannot distinguish (`Some(NAN)` and `None`), is lost to callers
    /// that share the value. A value under a key over 8 KiB is computed for its caller alone. An `Err` is
    /// returned to the caller that computed it, and never stored or shared.
    ///
    /// [`disable_cache`](crate::disable_cache), [`set_cache_timeout`](crate::set_cache_timeout),
    /// [`tag`](crate::tag()), [`mark_failed`](crate::context::mark_failed) and
    /// [`run_reason`](crate::context::run_reason) work inside, and are about the value: a page that is made
    /// with it needs the tag, too.
    ///
    /// The computation owns its data, since it goes on when its caller leaves, or in the background of a
    /// stale value. `run_timeout` ends it only where a stale value may answer in its place.
    ///
    /// The future is `Send` where key, computation and value are, so that a task of `tokio::spawn` may
    /// call it, such as one that warms the cache: of any Tokio runtime with `enable_time`, which a second
    /// caller of a value in progress needs. On a worker of actix-web neither need be. A
    /// computation goes on without its caller on the same thread: on a worker, or in a `LocalSet`. On a
    /// runtime of several threads it cannot: there the caller waits for the refresh of a stale value, and
    /// a computation whose caller leaves is dropped, and one of the waiters starts its own.
    ///
    /// ```
    /// use cached_response::{Policy, ResponseCache};
    /// use std::convert::Infallible;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), Infallible> {
    /// let cache = ResponseCache::builder().build();
    /// let rate = |computed: f64| cache.get_or_compute("rate:eur", 60, move || async move {
    ///     Ok::<_, Infallible>(computed)
    /// });
    /// assert_eq!(rate(1.08).await?, 1.08);
    /// assert_eq!(rate(9.99).await?, 1.08);
    ///
    /// let warming = cache.clone();
    /// let warm = async move { warming.get_or_compute("rate:usd", 60, || async { Ok::<_, Infallible>(1.0) }).await };
    /// assert_eq!(tokio::spawn(warm).await.expect("it does not panic")?, 1.0);
    ///
    /// let policy = Policy::new(60).stale_if_error(3600).tags(["rates"]);
    /// let all: Vec<u32> = cache.get_or_compute("all", policy, || async { Ok::<_, Infallible>(vec![7]) }).await?;
    /// assert_eq!(all, [7]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the computation, where no stale value answers in its place.
    ///
    /// # Panics
    /// Where another caller computes the value and this one, which waits for it, is in no Tokio runtime
    /// with its timer enabled.
    pub async fn get_or_compute<T, E, F>(
        &self,
        key: impl KeyPart,
        timeout: impl IntoPolicy,
        compute: impl FnOnce() -> F + 'static,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + 'static,
        E: 'static,
        F: Future<Output = Result<T, E>> + 'static,
    {
        let compute = || async { compute().await.map(Cacheable::Store) };
        self.get_or_compute_if(key, timeout, compute).await
    }

    /// Like [`get_or_compute`](Self::get_or_compute), with a computation that decides if its value is stored.
    ///
    /// ```
    /// use cached_response::{Cacheable, ResponseCache};
    /// use std::convert::Infallible;
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), Infallible> {
    /// let cache = ResponseCache::builder().build();
    /// let found = |found: Vec<u32>| cache.get_or_compute_if("found", 60, move || async move {
    ///     let computed = if found.is_empty() { Cacheable::DoNotStore(found) } else { Cacheable::Store(found) };
    ///     Ok::<_, Infallible>(computed)
    /// });
    /// assert!(found(vec![]).await?.is_empty());
    /// assert_eq!(found(vec![7]).await?, [7]);
    /// assert_eq!(found(vec![]).await?, [7]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the computation, where no stale value answers in its place.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a value is decoded, or it is computed"
    )]
    pub async fn get_or_compute_if<T, E, F>(
        &self,
        key: impl KeyPart,
        timeout: impl IntoPolicy,
        compute: impl FnOnce() -> F + 'static,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + 'static,
        E: 'static,
        F: Future<Output = Result<Cacheable<T>, E>> + 'static,
    {
        let values = HandlerType::named(TypeId::of::<ValueTag<T>>(), type_name::<T>);
        let key = value_key(values, &key).filter(|_| !self.shared().is_off());
        let Some(key) = key else {
            return compute().await.map(Cacheable::into_inner);
        };
        let policy = timeout.into_policy();
        // A tag with a path parameter has no value here: such a value is not stored.
        let tags = policy.tags.fill(|_| None);
        let route = Route::unlogged("get_or_compute", values, RouteConfig::new(policy, &[]));
        // The value that was decoded or computed last: a stale one that is decoded may be refreshed first,
        // and decoded again where that fails.
        let answer = Arc::new(Mutex::new(None));
        let context = RouteContext {
            route: RouteRef::Shared(Arc::new(route)),
            cache: self.clone(),
        };
        let decoded = answer.clone();
        let decode = move |stored: &StoredResponse| {
            let value = serde_json::from_slice(&stored.body).ok();
            let is_valid = value.is_some();
            if let Some(value) = value {
                *lock(&decoded) = Some(Ok(value));
            }
            is_valid
        };
        let tags = tags.ok().map(Arc::from);
        let subject = ValueSubject::new(context, key, tags, decode);
        subject.serve(computation(compute, answer.clone())).await;
        let answer = lock(&answer).take();
        answer.expect("a value is decoded or computed")
    }
}

/// The key of a value; `None` where a part of it failed, or it is too long: the value is not shared then.
fn value_key(values: HandlerType, key: &impl KeyPart) -> Option<Key> {
    let mut writer = KeyWriter::reuse(Vec::new());
    key.write(&mut writer);
    let is_valid = writer.refused().is_none() && writer.len() <= MAX_KEY_BYTES;
    is_valid.then(|| KeyRef::new(values.id, writer.as_bytes()).to_key())
}

/// Distinguishes the values of one type from those of others, and from responses.
struct ValueTag<T>(PhantomData<T>);

/// Computes a value, puts it into `computed`, and returns its text for the store.
fn computation<T, E, F>(
    compute: impl FnOnce() -> F + 'static,
    computed: Arc<Mutex<Option<Result<T, E>>>>,
) -> Computation<impl Future<Output = Result<Bytes, Skip>>>
where
    T: Serialize + DeserializeOwned + 'static,
    E: 'static,
    F: Future<Output = Result<Cacheable<T>, E>> + 'static,
{
    Box::pin(async move {
        let (value, text) = match compute().await {
            Ok(Cacheable::Store(value)) => {
                let text = text(&value);
                (Ok(value), text)
            }
            Ok(Cacheable::DoNotStore(value)) => (Ok(value), Err(Skip::Disabled)),
            Err(error) => (Err(error), Err(Skip::Error)),
        };
        *lock(&computed) = Some(value);
        text
    })
}

/// The text of a value, if the value can be read back from it.
fn text<T: Serialize + DeserializeOwned>(value: &T) -> Result<Bytes, Skip> {
    let text = serde_json::to_vec(value).map_err(|_| Skip::Value)?;
    serde_json::from_slice::<T>(&text).map_err(|_| Skip::Value)?;
    Ok(text.into())
}
