//! The policy of a route.

pub(crate) mod candidate;
pub(crate) mod mistakes;
pub(crate) mod stale;

use crate::{
    http::{
        fields,
        storable::{FromResponse, is_storable_status},
    },
    invalidation::tags::Tags,
    key::query::QueryFilter,
    policy::{
        candidate::ResponseView,
        mistakes::Mistakes,
        stale::{IntoTimeout, StaleRules, Timeout, stale_options},
    },
};
use actix_web::{
    HttpRequest,
    guard::Guard,
    http::{Method, StatusCode, header::HeaderName},
};
use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

/// The caching options of one handler: those of `#[cached_response]`, as methods of the same names.
///
/// An invalid option (a text that is not a header name, a status that is never stored) is a panic
/// where a route is built with the policy, that is when the application starts: in
/// [`cached`](crate::cached), [`CacheResponses::new`](crate::CacheResponses::new), or at the first
/// call of [`get_or_compute`](crate::ResponseCache::get_or_compute). The message names all invalid
/// words and what to write. In the attribute literals are compile errors.
///
/// ```
/// use actix_web::{App, web};
/// use cached_response::{Policy, cached};
/// use std::time::Duration;
///
/// let hourly = Policy::new(Duration::from_secs(3600)).ignore_query(["utm_*"]).status_for(404, 10);
/// let app = App::new().route("/time", web::get().to(cached(hourly, || async { "tea time" })));
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct Policy {
    pub(crate) timeout: Timeout,
    pub(crate) methods: Vec<Method>,
    pub(crate) names: QueryFilter,
    pub(crate) vary: Option<Vec<HeaderName>>,
    pub(crate) statuses: Vec<(StatusCode, Option<Duration>)>,
    pub(crate) max_body_bytes: Option<usize>,
    pub(crate) unless: Option<fn(&HttpRequest) -> bool>,
    pub(crate) store_if: Option<StoreIf>,
    pub(crate) purge: Option<PurgeGuard>,
    pub(crate) client: Option<Duration>,
    pub(crate) nocache: Nocache,
    pub(crate) cookies: Vec<Box<str>>,
    pub(crate) neutral: Vec<HeaderName>,
    pub(crate) not_replayed: Vec<Box<str>>,
    pub(crate) respect_client: bool,
    pub(crate) tags: Tags,
    pub(crate) stale: StaleRules,
    pub(crate) version: Option<Box<str>>,
    pub(crate) mistakes: Mistakes,
}

/// Decides whether a response may be stored.
pub(crate) type StoreIf = Arc<dyn Fn(&ResponseView<'_>) -> bool + Send + Sync>;

/// Admits requests that purge.
pub(crate) type PurgeGuard = Arc<dyn Guard + Send + Sync>;

/// The query flag that forces a refresh.
#[derive(Clone, Debug)]
pub(crate) struct Nocache {
    /// Name of the query pair, or `None` without a flag.
    pub(crate) name: Option<Box<str>>,
    pub(crate) only_if: Option<fn(&HttpRequest) -> bool>,
}

impl Default for Nocache {
    fn default() -> Self {
        Self {
            name: Some("nocache".into()),
            only_if: None,
        }
    }
}

impl Default for Policy {
    /// The timeout of the cache ([`ResponseCacheBuilder::default_timeout`](crate::ResponseCacheBuilder::default_timeout), five
    /// minutes unless set), and the safe rules.
    fn default() -> Self {
        Self::timeout(Timeout::OfCache)
    }
}

impl Policy {
    /// Responses stay fresh for `timeout`: a [`Duration`], or whole seconds. Zero stores nothing.
    pub fn new(timeout: impl IntoTimeout) -> Self {
        Self::timeout(Timeout::Fixed(timeout.into_timeout()))
    }

    /// Calls `timeout` after each run; zero means that this response is not stored.
    pub fn with_ttl_fn(timeout: fn() -> Duration) -> Self {
        Self::timeout(Timeout::Computed(timeout))
    }

    fn timeout(timeout: Timeout) -> Self {
        Self {
            timeout,
            methods: vec![Method::GET],
            names: QueryFilter::default(),
            vary: None,
            statuses: vec![(StatusCode::OK, None)],
            max_body_bytes: None,
            unless: None,
            store_if: None,
            purge: None,
            client: None,
            nocache: Nocache::default(),
            cookies: Vec::new(),
            neutral: Vec::new(),
            not_replayed: Vec::new(),
            respect_client: false,
            tags: Tags::default(),
            stale: StaleRules::default(),
            version: None,
            mistakes: Mistakes::default(),
        }
    }

    /// Responses to exactly these methods are cached; HEAD goes with GET. Each is the name of a method
    /// or a [`Method`].
    ///
    /// ```
    /// use actix_web::http::Method;
    /// use cached_response::Policy;
    ///
    /// let by_text = Policy::default().methods(["GET", "POST"]);
    /// let by_constant = Policy::default().methods([Method::GET, Method::POST]);
    /// assert_eq!(format!("{by_text:?}"), format!("{by_constant:?}"));
    /// ```
    ///
    /// # Panics
    /// When a route is built with it, if a name is not that of a method.
    #[must_use]
    pub fn methods<M>(mut self, methods: impl IntoIterator<Item = M>) -> Self
    where
        M: TryInto<Method> + Debug,
    {
        let what = "an HTTP method: write its name, such as \"POST\"";
        let methods = methods.into_iter();
        let methods = methods.filter_map(|name| self.mistakes.convert("methods", name, what));
        self.methods = methods.collect();
        self
    }

    /// Only these query arguments are in the key, in any order: the author declares that no other is
    /// read.
    ///
    /// Without this option, the part of the query that the handler's arguments can see is in the key: the
    /// fields of a `Query<T>` whose `T` is a plain struct, all of it, in its order, for an argument
    /// that sees all of it, and else nothing.
    #[must_use]
    pub fn query(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.names = QueryFilter::Only(names.into_iter().map(String::from).collect());
        self
    }

    /// Only the fields of the handler's `Query<T>` are in the key, whatever else it can see: the
    /// author declares that it reads the query through nothing else.
    ///
    /// [`cached`](crate::cached) refuses it for a handler without a `Query<T>`.
    #[must_use]
    pub fn query_typed(mut self) -> Self {
        self.names = QueryFilter::Typed;
        self
    }

    /// All query arguments are in the key, also those that the handler cannot see: the author
    /// declares that the order of differently named ones makes no difference.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let policy = Policy::new(60).query_all();
    /// let app = App::new().route("/", web::get().to(cached(policy, || async { "the same" })));
    /// let app = test::init_service(app).await;
    /// for (uri, hit) in [("/?a=1&b=2", false), ("/?b=2&a=1", true), ("/?a=1", false)] {
    ///     let response = test::call_service(&app, test::TestRequest::with_uri(uri).to_request()).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit, "{uri}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn query_all(mut self) -> Self {
        self.names = QueryFilter::All;
        self
    }

    /// The query is in the key byte for byte: the order of arguments matters.
    #[must_use]
    pub fn query_exact(mut self) -> Self {
        self.names = QueryFilter::Exact;
        self
    }

    /// These query arguments are not in the key, though the handler can see them. A trailing `*`
    /// stands for any rest of the name.
    #[must_use]
    pub fn ignore_query(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.names = QueryFilter::Except(names.into_iter().map(String::from).collect());
        self
    }

    /// Responses of this status are stored too, for the same timeout. It is a number, its text, or a
    /// [`StatusCode`].
    ///
    /// With a 3xx or 4xx this includes an `Err` of the handler, such as `Err(ErrorNotFound(..))`. The
    /// rejection of an argument by its extractor is never stored, and neither is a 400 to a request with
    /// `Range` or `If-*` where the handler or its answer can see them.
    ///
    /// ```
    /// use actix_web::http::StatusCode;
    /// use cached_response::Policy;
    ///
    /// let by_number = Policy::default().status(404);
    /// let by_constant = Policy::default().status(StatusCode::NOT_FOUND);
    /// assert_eq!(format!("{by_number:?}"), format!("{by_constant:?}"));
    /// ```
    ///
    /// # Panics
    /// When a route is built with it, if it is not a status, or one that is never stored (1xx, 206, 304,
    /// 412, 416).
    #[must_use]
    pub fn status(self, status: impl TryInto<StatusCode> + Debug) -> Self {
        self.with_status("status", status, None)
    }

    /// Responses of this status are stored too, for a timeout of their own; otherwise as
    /// [`status`](Self::status).
    ///
    /// # Panics
    /// When a route is built with it, if it is not a status, or one that is never stored (1xx, 206, 304,
    /// 412, 416).
    #[must_use]
    pub fn status_for(
        self,
        status: impl TryInto<StatusCode> + Debug,
        timeout: impl IntoTimeout,
    ) -> Self {
        self.with_status("status_for", status, Some(timeout.into_timeout()))
    }

    fn with_status(
        mut self,
        option: &str,
        status: impl TryInto<StatusCode> + Debug,
        timeout: Option<Duration>,
    ) -> Self {
        let what = "a status: write a number from 200 to 599";
        let Some(status) = self.mistakes.convert(option, status, what) else {
            return self;
        };
        if !is_storable_status(status) {
            self.mistakes.note(format_args!(
                "`{option}`: a {status} response is never stored, leave it out"
            ));
        }
        if self.statuses.is_empty() {
            self.statuses.push((StatusCode::OK, None));
        }
        self.statuses.retain(|(known, _)| *known != status);
        self.statuses.push((status, timeout));
        self
    }

    /// The values of these request headers are in the key, and the response's `Vary` names them. Each
    /// is the name of a header or a [`HeaderName`].
    ///
    /// ```
    /// use actix_web::http::header;
    /// use cached_response::Policy;
    ///
    /// let by_text = Policy::default().vary(["Accept-Language"]);
    /// let by_constant = Policy::default().vary([header::ACCEPT_LANGUAGE]);
    /// assert_eq!(format!("{by_text:?}"), format!("{by_constant:?}"));
    /// ```
    ///
    /// # Panics
    /// When a route is built with it, if a text is not the name of a header.
    #[must_use]
    pub fn vary<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName> + Debug,
    {
        let what = "the name of a header, such as \"accept-language\"";
        let names = names.into_iter();
        let names = names.filter_map(|name| self.mistakes.convert("vary", name, what));
        self.vary = Some(names.collect());
        self
    }

    /// The handler reads no request header, although it could.
    #[must_use]
    pub fn vary_none(mut self) -> Self {
        self.vary = Some(Vec::new());
        self
    }

    /// Bodies over this many bytes are not stored. The default is the cache's own limit, 1 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    /// Requests for which this is true bypass the cache.
    #[must_use]
    pub fn unless(mut self, unless: fn(&HttpRequest) -> bool) -> Self {
        self.unless = Some(unless);
        self
    }

    /// Only responses for which this is true are stored. What is forbidden stays forbidden.
    ///
    /// For a stream it is called twice: with the head and an empty [`body`](ResponseView::body), and at
    /// the end. A refusal without reading the body counts at the head, so that nothing is copied and no
    /// request waits for the end.
    ///
    /// ```
    /// use cached_response::Policy;
    ///
    /// let policy = Policy::new(60)
    ///     .store_if(|response| !response.headers().contains_key("x-partial-result"));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn store_if(
        mut self,
        store_if: impl Fn(&ResponseView<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.store_if = Some(Arc::new(store_if));
        self
    }

    /// Answers `PURGE` and `SOFTPURGE` where `guard` admits the request: the URL is invalidated, or expired,
    /// as by [`invalidate_url`](crate::ResponseCache::invalidate_url), and the handler does not run. Others are answered with 403. Without this option
    /// both are methods like any other.
    ///
    /// The answer is 200 when it has taken effect, and 202 when it has in this process and the remote store
    /// has not confirmed it yet. Its body is JSON with the path.
    ///
    /// **The guard must authenticate**, by a secret or by the network: anyone who can purge can make the
    /// handler run for each request. The route must receive the method: `#[get]` matches GET alone, so
    /// write `#[route("/news", method = "GET", method = "PURGE", method = "SOFTPURGE")]`, or have it behind
    /// [`CacheResponses`](crate::CacheResponses), which answers for all routes inside.
    ///
    /// ```
    /// use actix_web::{App, guard::GuardContext, http::Method, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// fn is_operator(context: &GuardContext<'_>) -> bool {
    ///     let secret = context.head().headers().get("x-purge-secret");
    ///     secret.is_some_and(|secret| secret == "rosebud-rosebud")
    /// }
    ///
    /// # #[actix_web::main] async fn main() {
    /// let policy = Policy::new(3600).purge(is_operator);
    /// let news = web::route().to(cached(policy, || async { "no news" }));
    /// let app = test::init_service(App::new().route("/news", news)).await;
    /// let purge = || test::TestRequest::with_uri("/news").method("PURGE".parse().unwrap());
    ///
    /// let refused = test::call_service(&app, purge().to_request()).await;
    /// assert_eq!(refused.status(), 403);
    /// let secret = ("x-purge-secret", "rosebud-rosebud");
    /// let purged = test::call_service(&app, purge().insert_header(secret).to_request()).await;
    /// assert_eq!(purged.status(), 200);
    /// # }
    /// ```
    #[must_use]
    pub fn purge(mut self, guard: impl Guard + Send + Sync + 'static) -> Self {
        self.purge = Some(Arc::new(guard));
        self
    }

    /// Response fields that belong to one request, besides those that are
    /// [known](crate::guide::what_is_cached), such as `X-Request-Id`: the answer of the run has them,
    /// and the stored response has not. A trailing `*` stands for any rest of the name.
    ///
    /// ```
    /// use cached_response::Policy;
    ///
    /// let policy = Policy::new(60).not_replayed(["x-served-by", "x-debug-*"]);
    /// # let _ = policy;
    /// ```
    ///
    /// # Panics
    /// When a route is built with it, if a text is not the name of a header, or the start of one with a
    /// `*`.
    #[must_use]
    pub fn not_replayed(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        for name in names {
            match fields::pattern(name) {
                Some(pattern) => self.not_replayed.push(pattern),
                None => self.mistakes.note(format_args!(
                    "`not_replayed`: {name:?} is not the name of a header, such as \"x-served-by\", or \
                     the start of one with a `*`, such as \"x-debug-*\""
                )),
            }
        }
        self
    }

    /// Lets browsers keep an answer for this long: adds `Cache-Control: max-age=..` to answers from
    /// stored responses that have no `Cache-Control`, counted from the response's creation as `Age`
    /// is, never past its lifetime. With `private`, so that no shared cache keeps it, where the key contains a
    /// user, a part of [`insert_key_part`](crate::insert_key_part), a cookie, `Authorization`, an extension or
    /// the address of the peer.
    /// The copy of a browser cannot be invalidated.
    ///
    /// # Panics
    /// When a route is built with it, under [`Policy::from_response`]: there the response states it.
    #[must_use]
    pub fn client_max_age(mut self, keep: impl IntoTimeout) -> Self {
        if self.timeout.response_stated().is_some() {
            self.mistakes.note(format_args!(
                "`client_max_age`: a response that states its own lifetime states the one of clients too, \
                 leave it out"
            ));
        }
        self.client = Some(keep.into_timeout());
        self
    }

    /// Gives each response these tags, for
    /// [`invalidate_tag`](crate::ResponseCache::invalidate_tag). `{id}` stands for the path parameter
    /// `id` as a handler's `Path` has it, `{{` and `}}` for braces.
    ///
    /// A response that cannot have them is sent and not stored: its route has no such parameter (behind
    /// [`CacheResponses`](crate::CacheResponses) for an app or a scope no route is matched yet), or the
    /// tag is longer than 256 bytes or begins with NUL.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let policy = Policy::new(3600).tags(["products", "product:{id}"]);
    /// let product = cached(policy, |id: web::Path<u32>| async move { format!("product {id}") });
    /// let cache = ResponseCache::builder().build();
    /// let app = App::new().app_data(cache.clone()).route("/products/{id}", web::get().to(product));
    /// let app = test::init_service(app).await;
    /// let ask = |uri| test::TestRequest::with_uri(uri).to_request();
    /// for uri in ["/products/7", "/products/8"] {
    ///     test::call_service(&app, ask(uri)).await;
    /// }
    ///
    /// cache.invalidate_tag("product:7").await?;
    ///
    /// for (uri, hit) in [("/products/7", false), ("/products/8", true)] {
    ///     let response = test::call_service(&app, ask(uri)).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When a route is built with it, if a brace in a tag is not closed, or closes nothing; if a tag is
    /// empty, or there are more than 64.
    #[must_use]
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        for tag in tags {
            let tag = tag.as_ref();
            if let Err(error) = self.tags.add(tag) {
                self.mistakes
                    .note(format_args!("`tags`: {tag:?} is not a tag: {error}"));
            }
        }
        self
    }

    /// Responses that were stored remotely under another version are not found. Those in memory end
    /// with the process.
    ///
    /// The identity of a handler with the attribute contains a hash of its source: after a deploy that
    /// changes the handler nothing old is found, after one that changes only functions that it calls
    /// everything is. In the attribute this text replaces the hash. A handler given to
    /// [`cached`](crate::cached), a [`CacheResponses`](crate::CacheResponses) and a value have no hash:
    /// change this text with every incompatible change of their responses.
    ///
    /// # Panics
    /// When a route is built with it, if it is empty.
    ///
    /// ```
    /// # use cached_response::{Policy, cached};
    /// let policy = Policy::new(3600).version("2");
    /// let page = cached(policy, || async { "page" });
    /// # let _ = actix_web::web::get().to(page);
    /// let empty = || cached(Policy::new(3600).version(""), || async { "page" });
    /// assert!(std::panic::catch_unwind(empty).is_err());
    /// ```
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        if version.is_empty() {
            self.mistakes.note(format_args!(
                "`version`: the text is empty, write \"2\" or leave it out"
            ));
        }
        self.version = Some(version.into());
        self
    }

    /// Cookies that no handler reads, besides those of analytics that are
    /// [known](crate::guide::middleware): requests with them need not bypass
    /// [`CacheResponses`](crate::CacheResponses). A trailing `*` stands for any rest of the name.
    ///
    /// Without effect on a handler that is cached by itself, whose arguments declare its inputs.
    #[must_use]
    pub fn ignore_cookies(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.cookies.extend(names.into_iter().map(Box::from));
        self
    }

    /// Headers that no response depends on, besides those that are
    /// [known](crate::guide::middleware): requests with them need not bypass
    /// [`CacheResponses`](crate::CacheResponses).
    ///
    /// Without effect on a handler that is cached by itself, whose arguments declare its inputs.
    ///
    /// # Panics
    /// When a route is built with it, if a text is not the name of a header.
    #[must_use]
    pub fn neutral_headers<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName> + Debug,
    {
        let what = "the name of a header, such as \"x-app-version\"";
        for name in names {
            let name = self.mistakes.convert("neutral_headers", name, what);
            self.neutral.extend(name);
        }
        self
    }

    /// No query argument forces a refresh.
    #[must_use]
    pub fn nocache_off(mut self) -> Self {
        self.nocache.name = None;
        self
    }

    /// `?<name>=1` forces a refresh, in place of `?nocache=1`.
    #[must_use]
    pub fn nocache(mut self, name: &str) -> Self {
        self.nocache.name = Some(name.into());
        self
    }

    /// Only requests for which this is true may force a refresh.
    #[must_use]
    pub fn force_refresh_if(mut self, only_if: fn(&HttpRequest) -> bool) -> Self {
        self.nocache.only_if = Some(only_if);
        self
    }
}

/// Conversion into a policy: a [`Policy`], or a timeout alone, which is a
/// [`Duration`](std::time::Duration) or whole seconds.
///
/// ```
/// use cached_response::{IntoPolicy, Policy};
/// use std::time::Duration;
///
/// let same = [3600.into_policy(), Duration::from_secs(3600).into_policy(), Policy::new(3600).into_policy()];
/// assert!(same.iter().all(|policy| format!("{policy:?}") == format!("{:?}", Policy::new(3600))));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a length of time nor a `Policy`",
    label = "expected whole seconds as `u64`, a `Duration`, or a `Policy`",
    note = "write whole seconds, such as `3600`, `Duration::from_secs(3600)`, or `Policy::new(3600)`",
    note = "`1h` and `\"1h 30m\"` are literals of the attribute: `#[cached_response(timeout = 1h)]`"
)]
pub trait IntoPolicy {
    /// Returns the policy.
    fn into_policy(self) -> Policy;
}

impl IntoPolicy for Policy {
    fn into_policy(self) -> Policy {
        self
    }
}

impl<T: IntoTimeout> IntoPolicy for T {
    /// [`Policy::new`].
    fn into_policy(self) -> Policy {
        Policy::new(self)
    }
}

impl<T: IntoTimeout> From<T> for Policy {
    /// [`Policy::new`].
    fn from(timeout: T) -> Self {
        Self::new(timeout)
    }
}

stale_options!(Policy);

impl Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("timeout", &self.timeout)
            .field("methods", &self.methods)
            .field("vary", &self.vary)
            .field("statuses", &self.statuses)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// Each response states its own lifetime, by the rules of RFC 9111 for a shared cache: `s-maxage`,
    /// else `max-age`, else `Expires`, less its age on arrival (`Age`, `Date` and the time of its run).
    /// A response without any is not stored.
    ///
    /// Responses of every final status are stored if they permit it, and `Date` stays that of the
    /// handler. A response that is stale on arrival is stored only if it has a validator, and reused
    /// only after validation. `set_cache_timeout` in the handler replaces the lifetime of the response.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// async fn page() -> HttpResponse {
    ///     let mut page = HttpResponse::NotFound();
    ///     page.insert_header(("cache-control", "max-age=60")).insert_header(("age", "20"));
    ///     page.finish()
    /// }
    /// # #[actix_web::main] async fn main() {
    /// let page = web::get().to(cached(Policy::from_response(), page));
    /// let app = test::init_service(App::new().route("/page", page)).await;
    /// let ask = || test::TestRequest::with_uri("/page").to_request();
    /// let refreshed = test::call_service(&app, ask()).await;
    /// assert_eq!(refreshed.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
    /// let stored = test::call_service(&app, ask()).await;
    /// let said = stored.headers().get("cache-status").unwrap().to_str().unwrap();
    /// assert!(["ttl=40", "ttl=39"].iter().any(|left| said.ends_with(left)));
    /// # }
    /// ```
    pub fn from_response() -> Self {
        Self {
            statuses: Vec::new(),
            ..Self::timeout(Timeout::Response(FromResponse::default()))
        }
    }

    /// The lifetime of a response without an explicit one is this fraction of the time since its
    /// `Last-Modified`, at most one day (RFC 9111 §4.2.2); 0.1 is usual. Only for the statuses that the
    /// RFC permits it for, or with `public`.
    ///
    /// # Panics
    /// When a route is built with it, if the fraction is not over 0 and up to 1, or without
    /// [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::{Policy, cached};
    /// let page = cached(Policy::from_response().heuristic_fraction(0.1), || async { "page" });
    /// # let _ = actix_web::web::get().to(page);
    /// let wrong = || cached(Policy::from_response().heuristic_fraction(1.1), || async { "page" });
    /// assert!(std::panic::catch_unwind(wrong).is_err());
    /// ```
    #[must_use]
    pub fn heuristic_fraction(mut self, fraction: f32) -> Self {
        if !(fraction > 0.0 && fraction <= 1.0) {
            self.mistakes.note(format_args!(
                "`heuristic_fraction`: {fraction} is not a fraction over 0 and up to 1, such as 0.1"
            ));
        }
        if let Some(stated) = self.response_stated("heuristic_fraction") {
            stated.heuristic_fraction = Some(fraction);
        }
        self
    }

    /// The response field of this name, such as `CDN-Cache-Control`, is for this cache (RFC 9213): where
    /// it is present and valid, it replaces `Cache-Control` and `Expires`, including their prohibitions.
    ///
    /// # Panics
    /// When a route is built with it, if it is not the name of a header, or without
    /// [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::{Policy, cached};
    /// let page = cached(Policy::from_response().targeted("CDN-Cache-Control"), || async { "page" });
    /// # let _ = actix_web::web::get().to(page);
    /// let wrong = || cached(Policy::new(60).targeted("CDN-Cache-Control"), || async { "page" });
    /// assert!(std::panic::catch_unwind(wrong).is_err());
    /// ```
    #[must_use]
    pub fn targeted(mut self, name: impl TryInto<HeaderName> + Debug) -> Self {
        let what = "the name of a header, such as \"CDN-Cache-Control\"";
        let name = self.mistakes.convert("targeted", name, what);
        if let Some(stated) = self.response_stated("targeted") {
            stated.targeted = name;
        }
        self
    }

    fn response_stated(&mut self, option: &str) -> Option<&mut FromResponse> {
        match &mut self.timeout {
            Timeout::Response(stated) => Some(stated),
            Timeout::OfCache | Timeout::Fixed(_) | Timeout::Computed(_) => {
                self.mistakes.note(format_args!(
                    "`{option}`: the route sets the timeout, begin with `Policy::from_response`"
                ));
                None
            }
        }
    }

    /// Follows the `Cache-Control` of requests (RFC 9111 §5.2.1), or else `Pragma: no-cache`: `no-cache`,
    /// `no-store`, `max-age`, `min-fresh`, `max-stale`, and `only-if-cached`, which is answered with 504
    /// without a suitable stored response. By default they are ignored.
    ///
    /// It lets every client cause runs; `no-cache` and `max-age=0` are bounded as
    /// `?nocache=1` is.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let page = web::get().to(cached(Policy::new(60).respect_client(), || async { "page" }));
    /// let app = test::init_service(App::new().route("/page", page)).await;
    /// let ask = test::TestRequest::with_uri("/page").insert_header(("cache-control", "only-if-cached"));
    /// let answer = test::call_service(&app, ask.to_request()).await;
    /// assert_eq!(answer.status(), 504);
    /// # }
    /// ```
    #[must_use]
    pub fn respect_client(mut self) -> Self {
        self.respect_client = true;
        self
    }
}
