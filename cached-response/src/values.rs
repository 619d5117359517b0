//! Values that are not responses: the bare helper underneath.

use crate::{
    cache::ResponseCache,
    engine::{
        context::RouteContext, lookup::LONGEST_KEY, value_lookup::Asking, value_store::Computation,
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

/// A value that was computed, and whether it may be stored; see
/// [`ResponseCache::get_or_compute_if`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a value is stored, or it is not")]
pub enum Cacheable<T> {
    /// Others may have it.
    Store(T),
    /// It is for this caller alone.
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
    /// It is kept as JSON, and a key is of one type: the same key with another `T` is another
    /// value. In a remote store a type is known by its name: two that are local to two blocks of one
    /// function, or of two versions of a crate, read each other's values there, and so does a type
    /// that a deploy has changed. Where fields have defaults that is no error: put a word of the type's
    /// own into the key, and a number to raise. What cannot be read back, a NaN say, is returned and not stored; what the type's own
    /// serde leaves out (`#[serde(skip)]`), or JSON has the same word for (`Some(NAN)` and `None`), is
    /// lost to those who share it. A key over 8 KiB is computed for its caller alone. An `Err` is returned
    /// to whoever computed it, and never stored or shared. [`disable_cache`](crate::disable_cache),
    /// [`set_cache_timeout`](crate::set_cache_timeout), [`tag`](crate::tag()),
    /// [`mark_failed`](crate::context::mark_failed) and [`run_reason`](crate::context::run_reason) work inside, and are about the value: a
    /// page that is made with it needs the tag, too.
    ///
    /// The computation takes what it needs by value, since it goes on where its caller leaves, or
    /// behind a stale value. `run_timeout` ends it only where a stale value may stand in.
    ///
    /// The future is `Send` where key, computation and value are, so that a task of any runtime may ask,
    /// such as one of `tokio::spawn` that warms the cache. On a worker of actix-web neither need be. What
    /// goes on without its caller does so on the same thread: on a worker, or in a `LocalSet`. A runtime of
    /// several threads has no place for it: there a stale value is computed anew before it would answer, and
    /// a computation whose caller leaves is dropped, for one of those who wait to begin its own.
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
    /// Those of the computation, where no stale value stands in.
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

    /// As [`get_or_compute`](Self::get_or_compute), where the computation says whether its value may
    /// be stored.
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
    /// Those of the computation, where no stale value stands in.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a value is accepted, or it is computed"
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
        // A tag with a path parameter cannot be made here: such a value is not stored.
        let tags = policy.tags.fill(|_| None);
        let site = Route::unlogged("get_or_compute", values, RouteConfig::new(policy, &[]));
        // What was accepted or computed last: a stale value that would do is computed anew where that
        // is waited for, and stands in where that fails.
        let answer = Arc::new(Mutex::new(None));
        let asking = Asking {
            station: RouteContext {
                site: RouteRef::Shared(Arc::new(site)),
                cache: self.clone(),
            },
            key,
            tags: tags.ok().map(Arc::from),
            accept: |stored: &StoredResponse| {
                let accepted = serde_json::from_slice(&stored.body).ok();
                let accepts = accepted.is_some();
                if let Some(value) = accepted {
                    *lock(&answer) = Some(Ok(value));
                }
                accepts
            },
        };
        asking.serve(computation(compute, answer.clone())).await;
        let answer = lock(&answer).take();
        answer.expect("a value is accepted or computed")
    }
}

/// The key of a value; `None` where it cannot be told from others, or is too long, so that the value is
/// nobody else's.
fn value_key(values: HandlerType, key: &impl KeyPart) -> Option<Key> {
    let mut writer = KeyWriter::reuse(Vec::new());
    key.write(&mut writer);
    let is_one = writer.refused().is_none() && writer.len() <= LONGEST_KEY;
    is_one.then(|| KeyRef::new(values.id, writer.as_bytes()).to_key())
}

/// Tells the values of one type from those of all others, and from responses.
struct ValueTag<T>(PhantomData<T>);

/// Computes, leaves what comes of it in `computed`, and gives the text of it that is stored.
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

/// A value as it is stored, if it can be read again.
fn text<T: Serialize + DeserializeOwned>(value: &T) -> Result<Bytes, Skip> {
    let text = serde_json::to_vec(value).map_err(|_| Skip::Value)?;
    serde_json::from_slice::<T>(&text).map_err(|_| Skip::Value)?;
    Ok(text.into())
}
