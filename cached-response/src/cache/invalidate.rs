//! Invalidation and expiry, by the application and by requests with unsafe methods.

use crate::{
    cache::{Inner, ResponseCache, report::report_invalidation},
    http::unsafe_methods::{self, UnsafeRequest},
    invalidation::{
        InvalidationError, path,
        route_name::{self, RouteName},
        scope::{Bump, Scope},
        tags::mistake,
    },
    metrics::event::{Observers, TARGET},
    remote::bus::Sent,
};

use actix_web::http::{StatusCode, header::HeaderMap};
use std::{
    future::{Future, IntoFuture, ready},
    pin::Pin,
};

/// Invalidation: what is stored is not reused any more.
///
/// It takes effect in this process at the call, before it is awaited. A request that arrives later is
/// not answered by a response whose run began before. A run in progress answers the client that it was
/// started for, and its response is not stored; the requests that wait for it share one new run.
impl ResponseCache {
    /// Invalidates a path: of every handler, with every query, in every variant.
    ///
    /// Paths are compared percent-decoded, without a slash at the end, and with several slashes in a
    /// row as one, as `NormalizePath` may have changed them. The query of a URL is ignored.
    ///
    /// # Errors
    /// When awaited: [`InvalidationError::Nameless`] if the text is no path, which is logged in any
    /// case; other errors where a remote store has not confirmed it.
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
        self.bump(Bump::Invalidate, Scope::Path(path.to_owned()))
    }

    /// Invalidates one URL, a path with one query: of every handler, in every variant.
    ///
    /// The order of query fields with different names does not matter. URLs that a route does not
    /// distinguish in its key (`query(..)`, `ignore_query(..)`, `?nocache=1`) are invalidated together.
    ///
    /// # Errors
    /// As [`invalidate_path`](Self::invalidate_path).
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
        self.bump(Bump::Invalidate, Scope::Url(url.to_owned()))
    }

    /// Invalidates all paths with a prefix of whole segments: of every handler, with every query, in every
    /// variant.
    ///
    /// `/catalogue` and `/catalogue/` both reach `/catalogue`, `/catalogue/` and `/catalogue/1/prices`,
    /// and not `/catalogues`. Paths are compared as for [`invalidate_path`](Self::invalidate_path). The
    /// first six segments count: a longer prefix reaches what its first six do. `/` is everything.
    ///
    /// The cost does not depend on the number of responses.
    ///
    /// # Errors
    /// As [`invalidate_path`](Self::invalidate_path).
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test, web};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response};
    ///
    /// #[get("/{shop}/prices/{id}")]
    /// #[cached_response(timeout = 3600)]
    /// async fn price(at: web::Path<(String, u32)>) -> impl Responder {
    ///     format!("{}: {} euros", at.0, at.1)
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(price)).await;
    /// let request = |uri| test::TestRequest::with_uri(uri).to_request();
    /// for uri in ["/tea/prices/1", "/teapots/prices/1"] {
    ///     test::call_service(&app, request(uri)).await;
    /// }
    ///
    /// cache.invalidate_prefix("/tea").await?;
    ///
    /// for (uri, hit) in [("/tea/prices/1", false), ("/teapots/prices/1", true)] {
    ///     let response = test::call_service(&app, request(uri)).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_prefix(&self, prefix: &str) -> Invalidation {
        self.bump(Bump::Invalidate, Scope::Prefix(prefix.to_owned()))
    }

    /// Invalidates all responses of a route: with every path and query, in every variant.
    ///
    /// A route is its handler, or its pattern with those of its scopes. A handler is reached under the
    /// attribute and in [`cached`](crate::cached), at all of its patterns; a response that
    /// [`CacheResponses`](crate::CacheResponses) has stored is reached by its pattern alone. The names of
    /// parameters and their expressions do not count: `/list/{id:[0-9]+}` is `/list/{page}`.
    ///
    /// The cost does not depend on the number of responses. A route without a stored response is no
    /// error: another process may have one.
    ///
    /// # Errors
    /// When awaited: [`InvalidationError::Nameless`] for a text that is neither a pattern nor the path of
    /// a handler; other errors where a remote store has not confirmed it.
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test, web};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response};
    ///
    /// #[get("/products/{id}")]
    /// #[cached_response(timeout = 3600)]
    /// async fn product(id: web::Path<u32>) -> impl Responder {
    ///     format!("product {id}")
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let shop = web::scope("/shop").service(product);
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(shop)).await;
    /// let request = || test::TestRequest::with_uri("/shop/products/7").to_request();
    /// test::call_service(&app, request()).await;
    ///
    /// cache.invalidate_route(product).await?;
    /// assert!(!test::call_service(&app, request()).await.headers().contains_key("age"));
    ///
    /// cache.invalidate_route("/shop/products/{id}").await?;
    /// assert!(!test::call_service(&app, request()).await.headers().contains_key("age"));
    /// # Ok(())
    /// # }
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a function or a literal, as `web::get().to(..)` takes it"
    )]
    pub fn invalidate_route<Kind>(&self, route: impl RouteName<Kind>) -> Invalidation {
        self.bump(Bump::Invalidate, Scope::Route(route.route_name()))
    }

    /// Invalidates everything.
    ///
    /// # Errors
    /// When awaited, where a remote store has not confirmed it.
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
        self.bump(Bump::Invalidate, Scope::All)
    }

    /// Invalidates the responses with this tag, from the route's `tags(..)` or from
    /// [`tag`](crate::tag) in the handler: of every handler, in every variant.
    ///
    /// A run in progress counts whether or not it has set the tag yet. The cost does not depend on the
    /// number of responses with the tag. Tags are compared byte by byte.
    ///
    /// # Errors
    /// When awaited: [`InvalidationError::Nameless`] if the tag is empty, longer than 256 bytes or begins with NUL, which
    /// no response can have; other errors where a remote store has not confirmed it.
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test, web};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response};
    ///
    /// #[get("/products/{id}")]
    /// #[cached_response(timeout = 3600, tags("products", "product:{id}"))]
    /// async fn product(id: web::Path<u32>) -> impl Responder {
    ///     format!("product {id}")
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(product)).await;
    /// let request = |uri| test::TestRequest::with_uri(uri).to_request();
    /// for uri in ["/products/7", "/products/8"] {
    ///     test::call_service(&app, request(uri)).await;
    /// }
    ///
    /// cache.invalidate_tag("product:7").await?;
    ///
    /// for (uri, hit) in [("/products/7", false), ("/products/8", true)] {
    ///     let response = test::call_service(&app, request(uri)).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> Invalidation {
        self.invalidate_tags([tag])
    }

    /// Invalidates the responses with any of these tags, as [`invalidate_tag`](Self::invalidate_tag).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.invalidate_tags(["products", "product:7"]).await?;
    /// assert_eq!(cache.stats().invalidations, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Invalidation {
        self.bump_tags(tags, Bump::Invalidate)
    }
}

/// Expiry: what is stored becomes stale, and may be validated or served stale.
///
/// For requests that arrive later, the lifetime of a response whose run began before is over: it is
/// reused only where a stale response may be, and never for a request with `max-stale` alone. The next
/// run may find it unchanged ([`stale_response`](crate::context::stale_response)). A run in progress
/// answers the requests that wait for it, and its response is stored as stale. Where it has named the
/// expired tag itself, those requests share one new run.
impl ResponseCache {
    /// Expires a path: of every handler, with every query, in every variant. Paths and errors are those
    /// of [`invalidate_path`](Self::invalidate_path).
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, get, http::header::ETAG, test};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response, context::stale_response};
    ///
    /// #[get("/news")]
    /// #[cached_response(timeout = 3600)]
    /// async fn news() -> HttpResponse {
    ///     match stale_response() {
    ///         Some(previous) => previous.not_modified(),
    ///         None => HttpResponse::Ok().insert_header((ETAG, "\"1\"")).body("no news"),
    ///     }
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(news)).await;
    /// for _ in 0..2 {
    ///     let request = test::TestRequest::with_uri("/news").to_request();
    ///     assert_eq!(test::call_and_read_body(&app, request).await, "no news");
    ///     cache.expire_path("/news").await?;
    /// }
    /// assert_eq!(cache.stats().validated, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_path(&self, path: &str) -> Invalidation {
        self.bump(Bump::Expire, Scope::Path(path.to_owned()))
    }

    /// Expires one URL. URLs and errors are those of [`invalidate_url`](Self::invalidate_url).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_url("/products/42?page=2").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_url(&self, url: &str) -> Invalidation {
        self.bump(Bump::Expire, Scope::Url(url.to_owned()))
    }

    /// Expires all paths with a prefix. Prefixes and errors are those of
    /// [`invalidate_prefix`](Self::invalidate_prefix).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_prefix("/products").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_prefix(&self, prefix: &str) -> Invalidation {
        self.bump(Bump::Expire, Scope::Prefix(prefix.to_owned()))
    }

    /// Expires all responses of a route. Routes and errors are those of
    /// [`invalidate_route`](Self::invalidate_route).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_route("/products/{id}").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a function or a literal, as `web::get().to(..)` takes it"
    )]
    pub fn expire_route<Kind>(&self, route: impl RouteName<Kind>) -> Invalidation {
        self.bump(Bump::Expire, Scope::Route(route.route_name()))
    }

    /// Expires everything.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_all().await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_all(&self) -> Invalidation {
        self.bump(Bump::Expire, Scope::All)
    }

    /// Expires the responses with this tag. Tags and errors are those of
    /// [`invalidate_tag`](Self::invalidate_tag).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_tag("products").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_tag(&self, tag: &str) -> Invalidation {
        self.expire_tags([tag])
    }

    /// Expires the responses with any of these tags.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_tags(vec!["products".to_owned(), format!("product:{}", 7)]).await?;
    /// assert_eq!(cache.stats().invalidations, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Invalidation {
        self.bump_tags(tags, Bump::Expire)
    }

    /// Invalidates or expires what one name of the application names.
    pub(crate) fn bump(&self, bump: Bump, scope: Scope) -> Invalidation {
        let shared = self.shared();
        let scope = match scope {
            Scope::Prefix(text) if is_root(&text) => Scope::All,
            scope => scope,
        };
        if let Scope::Tag(tag) = &scope {
            shared.advisor.invalidated(tag);
        }
        let is_all = bump == Bump::Invalidate && scope == Scope::All;
        let invalidation = shared.bump(bump, vec![scope]);
        if is_all {
            shared.memory.clear();
        }
        invalidation
    }

    fn bump_tags(
        &self,
        tags: impl IntoIterator<Item = impl AsRef<str>>,
        bump: Bump,
    ) -> Invalidation {
        let tags = tags.into_iter();
        let shared = self.shared();
        let tags = tags.map(|tag| {
            shared.advisor.invalidated(tag.as_ref());
            Scope::Tag(tag.as_ref().to_owned())
        });
        let tags: Vec<_> = tags.collect();
        shared.bump(bump, tags)
    }
}

impl Inner {
    /// Bumps the generations of these scopes, here and in the other processes.
    pub(crate) fn bump(&self, bump: Bump, scopes: Vec<Scope>) -> Invalidation {
        let (scopes, nameless) = split_nameless(&self.observers, scopes);
        let publisher = self.remote.as_ref().map(|remote| remote.bus());
        let publisher = publisher.filter(|_| !scopes.is_empty());
        // Before the local generations: a thread that sees a new one knows that the store may be behind.
        let noted = publisher.map(|publisher| (publisher, publisher.note(bump, &scopes)));
        for scope in &scopes {
            self.bump_local(bump, scope);
            report_invalidation(self);
        }
        let sent = noted.map(|(publisher, noted)| publisher.send(noted));
        // After the message to the other processes, which is to be handled first.
        if let Some(notifier) = &self.notifier {
            notifier.queue(bump, scopes);
        }
        Invalidation { sent, nameless }
    }

    fn bump_local(&self, bump: Bump, scope: &Scope) {
        let generations = &self.generations;
        match scope {
            Scope::All => generations.bump_all(bump),
            Scope::Path(path) => generations.bump_path(path, bump),
            Scope::Url(url) => generations.bump_url(url, bump),
            Scope::Tag(tag) => generations.bump_tag(tag, bump),
            Scope::Prefix(prefix) => generations.bump_prefix(prefix, bump),
            Scope::Route(name) => generations.bump_route(name, bump),
        }
    }
}

/// Returns true for the prefix of all paths.
fn is_root(prefix: &str) -> bool {
    path::mistake(prefix).is_none() && path::prefix_name(prefix).is_empty()
}

/// Invalidates after a request with an unsafe method (RFC 9111 §4.4): the paths of its target, of
/// `Location` and of `Content-Location`, unless the response is an error.
#[must_use = "await it before the response is sent, so that the next request sees the change"]
pub(crate) fn invalidate_after(
    shared: &Inner,
    request: &UnsafeRequest,
    status: StatusCode,
    response: &HeaderMap,
) -> Invalidation {
    let paths = unsafe_methods::paths(request, status, response);
    let scopes: Vec<_> = paths.into_iter().map(Scope::Path).collect();
    shared.bump(Bump::Invalidate, scopes)
}

/// Separates the valid scopes from the first error of the others, which is logged: an invalidation
/// need not be awaited.
fn split_nameless(observers: &Observers, scopes: Vec<Scope>) -> (Vec<Scope>, Option<&'static str>) {
    let mut nameless = None;
    let scopes = scopes.into_iter().filter(|scope| {
        let mistake = match scope {
            Scope::All => None,
            Scope::Path(text) | Scope::Url(text) | Scope::Prefix(text) => path::mistake(text),
            Scope::Tag(tag) => mistake(tag),
            Scope::Route(name) => route_name::mistake(name),
        };
        if let Some(mistake) = mistake {
            if observers.nameless_invalidations.admits() {
                tracing::error!(target: TARGET, "{}", InvalidationError::Nameless(mistake));
            }
            nameless.get_or_insert(mistake);
        }
        mistake.is_none()
    });
    (scopes.collect(), nameless)
}

/// A started invalidation or expiry: it has taken effect in this process, and is being sent to the
/// others.
///
/// Awaiting it returns when the remote store has confirmed it and the other processes were sent a notification:
/// at once for a cache without a remote store, and otherwise within the
/// [`invalidation_timeout`](crate::ResponseCacheBuilder::invalidation_timeout). The memory of another process
/// follows when it receives that, at the latest after
/// [`max_unverified`](crate::ResponseCacheBuilder::max_unverified). Not awaiting it loses nothing but that
/// knowledge.
///
/// # Errors
/// [`InvalidationError`] where a name is not valid, or where the remote store has not confirmed it in
/// time; it is then retried in the background.
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
