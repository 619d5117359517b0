//! What the author of a route says about caching it.

pub(crate) mod candidate;
pub(crate) mod middleware;
pub(crate) mod rfc9111;
pub(crate) mod stale;
pub(crate) mod tagged;
pub(crate) mod ttl;
pub(crate) mod vary;
pub(crate) mod version;

use crate::{
    http::{replay, storable::is_storable_status},
    invalidation::tags::Tags,
    key::query::QueryFilter,
    policy::{
        candidate::ResponseView,
        stale::{StaleRules, stale_options},
        ttl::{IntoTimeout, Timeout},
    },
};
use actix_web::{
    HttpRequest,
    http::{Method, StatusCode, header::HeaderName},
};
use std::{fmt, sync::Arc, time::Duration};

/// How the responses of one handler are cached: the options of `#[cached_response]`, as methods
/// of the same names.
///
/// A literal mistake (a header name that is none, a status that is never stored) panics when the
/// policy is built, that is when the application starts; in the attribute it is a compile error.
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
    pub(crate) client: Option<Duration>,
    pub(crate) nocache: Nocache,
    pub(crate) cookies: Vec<Box<str>>,
    pub(crate) neutral: Vec<HeaderName>,
    pub(crate) not_replayed: Vec<Box<str>>,
    pub(crate) respect_client: bool,
    pub(crate) tags: Tags,
    pub(crate) stale: StaleRules,
    pub(crate) version: Option<Box<str>>,
}

/// The route's word on whether a response may be stored.
pub(crate) type StoreIf = Arc<dyn Fn(&ResponseView<'_>) -> bool + Send + Sync>;

/// How a request asks for a live answer.
#[derive(Clone, Debug)]
pub(crate) struct Nocache {
    /// The name of the query pair, or `None` where there is no such flag.
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
        Self::timeout(Timeout::Unsaid)
    }
}

impl Policy {
    /// Responses stay fresh for `timeout`: a [`Duration`], or whole seconds. Zero stores nothing.
    pub fn new(timeout: impl IntoTimeout) -> Self {
        Self::timeout(Timeout::Fixed(timeout.into_timeout()))
    }

    /// Asks `timeout` after each run; zero means that this response is not stored.
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
            client: None,
            nocache: Nocache::default(),
            cookies: Vec::new(),
            neutral: Vec::new(),
            not_replayed: Vec::new(),
            respect_client: false,
            tags: Tags::default(),
            stale: StaleRules::default(),
            version: None,
        }
    }

    /// Exactly these methods are answered from stored responses; HEAD goes with GET.
    ///
    /// # Panics
    /// If a name is not a method's.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.methods = methods
            .into_iter()
            .map(|name| {
                Method::from_bytes(name.as_bytes())
                    .expect("`methods` takes names of HTTP methods, such as \"POST\"")
            })
            .collect();
        self
    }

    /// Only these query arguments are in the key, in any order: the author's word that no other is
    /// read.
    ///
    /// Without a word on the query, what the handler's arguments can see of it is in the key: the
    /// fields of a `Query<T>` whose `T` is a plain struct, all of it, in its order, for an argument
    /// that sees all of it, and else nothing.
    #[must_use]
    pub fn query(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.names = QueryFilter::Only(names.into_iter().map(String::from).collect());
        self
    }

    /// Only the fields of the handler's `Query<T>` are in the key, whatever else it can see: the
    /// author's word that it reads the query through nothing else.
    ///
    /// [`cached`](crate::cached) refuses it for a handler without a `Query<T>`.
    #[must_use]
    pub fn query_typed(mut self) -> Self {
        self.names = QueryFilter::Typed;
        self
    }

    /// All query arguments are in the key, also those that the handler cannot see: the author's word
    /// that the order of differently named ones makes no difference.
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

    /// Responses of this status are stored too, for the same timeout.
    ///
    /// With a 3xx or 4xx that is so also for an `Err` of the handler's, `Err(ErrorNotFound(..))`. One
    /// that an extractor has refused its argument with is never stored, and neither is a 400 to a request
    /// with `Range` or `If-*` where the handler or its answer can see them.
    ///
    /// # Panics
    /// If it is no status, or one that is never stored (1xx, 206, 304, 412, 416).
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.with_status(status, None)
    }

    /// Responses of this status are stored too, for a timeout of their own; as for
    /// [`status`](Self::status), an `Err` of the handler's included.
    ///
    /// # Panics
    /// If it is no status, or one that is never stored (1xx, 206, 304, 412, 416).
    #[must_use]
    pub fn status_for(self, status: u16, timeout: impl IntoTimeout) -> Self {
        self.with_status(status, Some(timeout.into_timeout()))
    }

    fn with_status(mut self, status: u16, timeout: Option<Duration>) -> Self {
        let status = StatusCode::from_u16(status).expect("`status` takes a number from 200 to 599");
        assert!(
            is_storable_status(status),
            "a {status} response is never stored: leave it out of `status`"
        );
        if self.statuses.is_empty() {
            self.statuses.push((StatusCode::OK, None));
        }
        self.statuses.retain(|(known, _)| *known != status);
        self.statuses.push((status, timeout));
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
    /// Of a stream it is asked twice: when its head is there, with an empty
    /// [`body`](Candidate::body), and when it has ended. A refusal that comes without asking for the
    /// body counts at the head, so that nothing is copied and nobody waits for the end.
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

    /// Response fields that belong to one request, beside those that are
    /// [known](crate::guide::what_is_cached), such as `X-Request-Id`: the answer of the run has them,
    /// and what is stored of it has not. A trailing `*` stands for any rest of the name.
    ///
    /// ```
    /// use cached_response::Policy;
    ///
    /// let policy = Policy::new(60).not_replayed(["x-served-by", "x-debug-*"]);
    /// # let _ = policy;
    /// ```
    ///
    /// # Panics
    /// If a name is not a header's, or the beginning of one with a `*`.
    #[must_use]
    pub fn not_replayed(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.not_replayed.extend(names.into_iter().map(|name| {
            replay::pattern(name).expect(
                "`not_replayed` takes names of headers, such as \"x-served-by\", or their beginning \
                 with a `*`, such as \"x-debug-*\"",
            )
        }));
        self
    }

    /// Lets browsers keep an answer for this long: adds `Cache-Control: max-age=..` to answers from
    /// stored responses that have no `Cache-Control`, counted from the response's birth as `Age`
    /// is, never past its lifetime, and with `private` where the route knows of users.
    /// What a browser keeps cannot be invalidated.
    ///
    /// # Panics
    /// Under [`Policy::from_response`]: there the response says it.
    #[must_use]
    pub fn client_max_age(mut self, keep: impl IntoTimeout) -> Self {
        assert!(
            self.timeout.response_stated().is_none(),
            "under `Policy::from_response` the response sets what clients may store: leave out `client_max_age`"
        );
        self.client = Some(keep.into_timeout());
        self
    }

    /// No query argument asks for a live answer.
    #[must_use]
    pub fn nocache_off(mut self) -> Self {
        self.nocache.name = None;
        self
    }

    /// `?<name>=1` asks for a live answer, in place of `?nocache=1`.
    #[must_use]
    pub fn nocache(mut self, name: &str) -> Self {
        self.nocache.name = Some(name.into());
        self
    }

    /// Only requests for which this is true may ask for a live answer.
    #[must_use]
    pub fn force_refresh_if(mut self, only_if: fn(&HttpRequest) -> bool) -> Self {
        self.nocache.only_if = Some(only_if);
        self
    }
}

/// What may be written where a policy is expected: a [`Policy`], or a timeout alone, which is a
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
    /// The policy.
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

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("timeout", &self.timeout)
            .field("methods", &self.methods)
            .field("vary", &self.vary)
            .field("statuses", &self.statuses)
            .finish_non_exhaustive()
    }
}
