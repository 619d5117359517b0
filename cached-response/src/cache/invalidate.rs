//! Invalidation: by whoever knows that something has changed, and by requests that change it.

mod tag;

use crate::{
    cache::{Inner, ResponseCache},
    http::unsafe_methods::{self, UnsafeRequest},
    invalidation::{
        error::InvalidationError, generation::Bump, scope::Scope, tags::mistake, target,
    },
    metrics::counters::Event,
    remote::bus::Sent,
};

use actix_web::http::{StatusCode, header::HeaderMap};
use std::{
    future::{Future, IntoFuture, ready},
    pin::Pin,
};

impl ResponseCache {
    /// Invalidates a path: of every handler, with every query, in every variant.
    ///
    /// No request that arrives afterwards is answered by a response whose run began before. A run
    /// that is under way answers those who asked for it before, and is not stored.
    ///
    /// The path is compared percent-decoded, with and without a slash at its end and with several
    /// slashes in a row as one, as `NormalizePath` may have made it. Of a URL it is the path.
    ///
    /// # Errors
    /// [`InvalidationError::Nameless`] when awaited, if the text names no path. It is in the log in
    /// any case.
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test, web};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response};
    ///
    /// #[get("/products/{id}")]
    /// #[cached_response(timeout = 3600, query("page"))]
    /// async fn product(id: web::Path<u32>) -> impl Responder {
    ///     format!("product {id}")
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(product)).await;
    /// for uri in ["/products/42", "/products/42?page=2", "/products/7"] {
    ///     test::call_service(&app, test::TestRequest::with_uri(uri).to_request()).await;
    /// }
    ///
    /// cache.invalidate_path("/products/42").await?;
    ///
    /// for (uri, hit) in [("/products/42", false), ("/products/42?page=2", false), ("/products/7", true)] {
    ///     let request = test::TestRequest::with_uri(uri).to_request();
    ///     let response = test::call_service(&app, request).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_path(&self, path: &str) -> Invalidation {
        self.shared()
            .raise(Bump::Invalidate, vec![Scope::Path(path.to_owned())])
    }

    /// Invalidates one URL, that is a path with one query: of every handler, in every variant.
    ///
    /// The order of differently named query pairs makes no difference. On a route that leaves
    /// something of the query out of its key (`query(..)`, `ignore_query(..)`, `?nocache=1`), the
    /// URLs that it does not tell apart are invalidated together.
    ///
    /// # Errors
    /// [`InvalidationError::Nameless`] when awaited, if the text has no path.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.invalidate_url("/products/42?page=2").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_url(&self, url: &str) -> Invalidation {
        self.shared()
            .raise(Bump::Invalidate, vec![Scope::Url(url.to_owned())])
    }

    /// Invalidates everything.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.invalidate_all().await?;
    /// assert_eq!(cache.stats().entries, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_all(&self) -> Invalidation {
        let invalidated = self.shared().raise(Bump::Invalidate, vec![Scope::All]);
        self.shared().shelf.clear();
        invalidated
    }
}

impl Inner {
    /// Raises these, here and elsewhere.
    pub(crate) fn raise(&self, raise: Bump, named: Vec<Scope>) -> Invalidation {
        let (scopes, nameless) = split(named);
        let raising = self.remote.as_ref().map(|remote| &remote.bus);
        let raising = raising.filter(|_| !scopes.is_empty());
        // First of all: whoever sees that it is raised knows that the store may not.
        let noted = raising.map(|raising| (raising, raising.note(raise, &scopes)));
        for scope in &scopes {
            self.raise_here(raise, scope);
            self.counters.count(Event::Invalidation);
        }
        Invalidation {
            sent: noted.map(|(raising, noted)| raising.send(noted)),
            nameless,
        }
    }

    fn raise_here(&self, raise: Bump, scope: &Scope) {
        let generations = &self.generations;
        match scope {
            Scope::All => generations.raise_all(raise),
            Scope::Path(path) => generations.raise_path(path, raise),
            Scope::Url(url) => generations.raise_url(url, raise),
            Scope::Tag(tag) => generations.raise_tag(tag, raise),
        }
    }
}

/// Invalidates what a request has changed that was answered so (RFC 9111 §4.4): the paths of its
/// target, `Location` and `Content-Location`, unless its method is safe or the answer an error.
#[must_use = "it is on its way, and whoever can should wait for it"]
pub(crate) fn invalidate_after(
    shared: &Inner,
    asked: &UnsafeRequest,
    status: StatusCode,
    answered: &HeaderMap,
) -> Invalidation {
    let paths = unsafe_methods::paths(asked, status, answered);
    let scopes: Vec<_> = paths.into_iter().map(Scope::Path).collect();
    shared.raise(Bump::Invalidate, scopes)
}

/// The scopes that name something, and the mistake in the first of the others, which is logged:
/// nobody need await what comes of an invalidation.
fn split(named: Vec<Scope>) -> (Vec<Scope>, Option<&'static str>) {
    let mut nameless = None;
    let scopes = named.into_iter().filter(|scope| {
        let mistake = match scope {
            Scope::All => None,
            Scope::Path(text) | Scope::Url(text) => target::mistake(text),
            Scope::Tag(tag) => mistake(tag),
        };
        if let Some(mistake) = mistake {
            tracing::error!("{}", InvalidationError::Nameless(mistake));
            nameless.get_or_insert(mistake);
        }
        mistake.is_none()
    });
    (scopes.collect(), nameless)
}

/// An invalidation or an expiry, which has taken effect in this process and is on its way to the
/// others.
///
/// Awaiting it tells whether it has taken effect everywhere; in a cache that is in this process only,
/// that is so at once. With a remote store it takes as long as the store does, and no longer than the
/// cache's [`invalidation_timeout`](crate::Builder). Nothing is lost by not awaiting it.
///
/// ```
/// # #[actix_web::main] async fn main() {
/// let cache = cached_response::ResponseCache::builder().build();
/// cache.invalidate_path("/products/42");
/// assert!(cache.invalidate_path("/products/7").await.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct Invalidation {
    sent: Option<Sent>,
    nameless: Option<&'static str>,
}

impl IntoFuture for Invalidation {
    type Output = Result<(), InvalidationError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { sent, nameless } = self;
        let named = nameless.map_or(Ok(()), |why| Err(InvalidationError::Nameless(why)));
        match sent {
            None => Box::pin(ready(named)),
            Some(sent) => Box::pin(async move { sent.outcome().await.and(named) }),
        }
    }
}

#[cfg(test)]
mod tests;
