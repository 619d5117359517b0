//! Functions for a running handler: about its own response, and about the reason of its run.

pub(crate) mod run_context;

use crate::{
    context::run_context::{RunContext, with_current},
    entry::StoredResponse,
    http::conditional,
    metrics::{event::TARGET, reason::RunReason},
    policy::stale::IntoTimeout,
    util::sync::lock,
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::{Ready, ready},
    panic::Location,
    sync::{Arc, Mutex},
};

/// Prevents the response of the running handler from being stored.
///
/// It applies to this response alone. Requests that wait for the run start runs of their own: as soon as
/// the head of the response is complete, or, where a stream calls this, when the stream has ended.
///
/// In a spawned task and in `web::block` use [`CacheHandle`]; outside a cached handler the call has no
/// effect, and the first one logs a warning.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{ResponseCache, Skip, cached_response, disable_cache};
///
/// #[get("/news")]
/// #[cached_response]
/// async fn news() -> impl Responder {
///     let found: Vec<String> = Vec::new();
///     if found.is_empty() {
///         disable_cache();
///     }
///     found.join("\n")
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(news)).await;
/// test::call_service(&app, test::TestRequest::with_uri("/news").to_request()).await;
/// assert_eq!(cache.stats().skipped(Skip::Disabled), 1);
/// # }
/// ```
pub fn disable_cache() {
    with_current("disable_cache()", |context| context.disable());
}

/// Sets the lifetime of the response of the running handler: a [`Duration`](std::time::Duration), or whole
/// seconds. Zero means that the response is not stored.
///
/// It overrides the route's timeout and the response's `s-maxage`. The last call counts; a stream whose
/// timeout is zero when its head is complete is not stored, whatever it sets later.
///
/// In a spawned task and in `web::block` use [`CacheHandle`]; outside a cached handler the call has no
/// effect, and the first one logs a warning.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{cached_response, set_cache_timeout};
///
/// #[get("/stock")]
/// #[cached_response(timeout = 1h)]
/// async fn stock() -> impl Responder {
///     let market_is_open = true;
///     if market_is_open {
///         set_cache_timeout(5);
///     }
///     "42.00"
/// }
///
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(stock)).await;
/// let request = || test::TestRequest::with_uri("/stock").to_request();
/// test::call_service(&app, request()).await;
/// let hit = test::call_service(&app, request()).await;
/// let status = hit.headers().get("cache-status").unwrap().to_str().unwrap();
/// assert!(["cached-response; hit; ttl=5", "cached-response; hit; ttl=4"].contains(&status));
/// # }
/// ```
pub fn set_cache_timeout(timeout: impl IntoTimeout) {
    let timeout = timeout.into_timeout();
    with_current("set_cache_timeout()", |context| {
        context.set_timeout(timeout);
    });
}

/// Marks the run of the handler as failed, whatever its status: its response is not stored, and under
/// `stale_if_error` a stale response is served in its place.
///
/// For a substitute response, such as an empty list because the database did not respond. The client
/// receives it where no stale response can be served, and always where its status is 401, 403, 404 or
/// 410. A stream that calls this while it is sent is too late for its own client.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{ResponseCache, Skip, cached_response, context::mark_failed};
///
/// # async fn ask_upstream() -> Option<String> { None }
/// #[get("/rates")]
/// #[cached_response(timeout = 60, stale_if_error = "1h")]
/// async fn rates() -> impl Responder {
///     ask_upstream().await.unwrap_or_else(|| {
///         mark_failed();
///         "no rates at the moment".into()
///     })
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(rates)).await;
/// test::call_service(&app, test::TestRequest::with_uri("/rates").to_request()).await;
/// assert_eq!(cache.stats().skipped(Skip::Failed), 1);
/// # }
/// ```
pub fn mark_failed() {
    with_current("mark_failed()", |context| context.mark_failed());
}

/// Returns the reason why the handler runs; [`RunReason::Bypass`] outside a cached handler.
///
/// A handler can take more time for a refresh in the background, where no client waits:
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{RunReason, cached_response, context::run_reason};
///
/// # async fn count_exactly() -> u64 { 7 }
/// # async fn estimate() -> u64 { 8 }
/// #[get("/visitors")]
/// #[cached_response(timeout = 60, stale_while_revalidate = "1h")]
/// async fn visitors() -> impl Responder {
///     let count = match run_reason() {
///         RunReason::Refresh => count_exactly().await,
///         _ => estimate().await,
///     };
///     count.to_string()
/// }
///
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(visitors)).await;
/// let request = test::TestRequest::with_uri("/visitors").to_request();
/// assert_eq!(test::call_and_read_body(&app, request).await, "8");
/// # }
/// ```
pub fn run_reason() -> RunReason {
    let mut found = RunReason::default();
    with_current("run_reason()", |context| found = context.reason());
    found
}

/// Returns the stale response that the running handler can validate (RFC 9111 §4.3): the one that its
/// response would replace.
///
/// `None` on a first run, after an invalidation, where the handler's stored response had neither `ETag`
/// nor `Last-Modified`, and outside a cached handler. A stale response is retained for one more
/// lifetime, at least 10 s and at most 1 h.
///
/// ```
/// use actix_web::{App, HttpResponse, get, http::header, test};
/// use cached_response::{ResponseCache, cached_response, context::stale_response};
///
/// # async fn version() -> String { "7".into() }
/// # async fn render() -> String { "a long page".into() }
/// #[get("/catalogue")]
/// #[cached_response(timeout = 10)]
/// async fn catalogue() -> HttpResponse {
///     let etag = format!("\"{}\"", version().await);
///     if let Some(previous) = stale_response()
///         && previous.etag().is_some_and(|known| *known == etag)
///     {
///         return previous.not_modified();
///     }
///     HttpResponse::Ok().insert_header((header::ETAG, etag)).body(render().await)
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(catalogue)).await;
/// for _ in 0..2 {
///     let request = test::TestRequest::with_uri("/catalogue").to_request();
///     assert_eq!(test::call_and_read_body(&app, request).await, "a long page");
///     cache.expire_path("/catalogue").await.unwrap();
/// }
/// assert_eq!(cache.stats().validated, 1);
/// # }
/// ```
pub fn stale_response() -> Option<StaleResponse> {
    let mut found = None;
    with_current("stale_response()", |context| {
        found = StaleResponse::of(context);
    });
    found
}

/// The functions of this module as methods of a value, for spawned tasks and other threads. It is an
/// argument of the handler, and needs no option.
///
/// A call after the response is complete has no effect.
///
/// ```
/// use actix_web::{App, Responder, get, test, web};
/// use cached_response::{CacheHandle, ResponseCache, Skip, cached_response};
///
/// #[get("/report")]
/// #[cached_response]
/// async fn report(cache: CacheHandle) -> impl Responder {
///     web::block(move || cache.disable_cache()).await.map(|()| "done")
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(report)).await;
/// let request = test::TestRequest::with_uri("/report").to_request();
/// assert_eq!(test::call_and_read_body(&app, request).await, "done");
/// assert_eq!(cache.stats().skipped(Skip::Disabled), 1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CacheHandle(Arc<RunContext>);

impl CacheHandle {
    /// Prevents the response from being stored, as [`disable_cache`].
    pub fn disable_cache(&self) {
        self.0.disable();
    }

    /// Marks the run as failed, as [`mark_failed`].
    pub fn mark_failed(&self) {
        self.0.mark_failed();
    }

    /// Returns the reason of the run, as [`run_reason`].
    pub fn run_reason(&self) -> RunReason {
        self.0.reason()
    }

    /// Returns the stale response to validate, as [`stale_response`].
    pub fn stale_response(&self) -> Option<StaleResponse> {
        StaleResponse::of(&self.0)
    }

    /// Sets the lifetime of the response, as [`set_cache_timeout`].
    pub fn set_cache_timeout(&self, timeout: impl IntoTimeout) {
        self.0.set_timeout(timeout.into_timeout());
    }
}

impl FromRequest for CacheHandle {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(RunContext::of(request))))
    }
}

/// Adds a tag to the response of the running handler, by which
/// [`invalidate_tag`](crate::ResponseCache::invalidate_tag) finds it.
///
/// An invalidation between the start of the run and this call covers the response, too. At most 64 tags
/// of at most 256 bytes, none of which begins with NUL: else the response is answered and not stored. For
/// tags that follow from the path alone, use the route's `tags(..)`.
///
/// In tasks that the handler spawns, and in `web::block`, use [`CacheHandle::tag`]. A tag that is added
/// outside a cached handler, or after the response is complete, is lost, and so are its invalidations:
/// each place of such a call logs one warning.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{ResponseCache, cached_response, tag};
///
/// #[get("/offers")]
/// #[cached_response(timeout = 3600)]
/// async fn offers() -> impl Responder {
///     let found = [7, 8];
///     for id in found {
///         tag(format!("product:{id}"));
///     }
///     format!("{found:?}")
/// }
///
/// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache.clone()).service(offers)).await;
/// let ask = || test::TestRequest::with_uri("/offers").to_request();
/// test::call_service(&app, ask()).await;
/// assert!(test::call_service(&app, ask()).await.headers().contains_key("age"));
///
/// cache.invalidate_tag("product:8").await?;
///
/// assert!(!test::call_service(&app, ask()).await.headers().contains_key("age"));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn tag(tag: impl AsRef<str>) {
    let (tag, caller) = (tag.as_ref(), Location::caller());
    match run_context::current() {
        Some(run_context) if run_context.tag(tag) => {}
        Some(_) => too_late(tag, caller),
        None if is_first(caller) => tracing::warn!(
            target: TARGET,
            tag,
            %caller,
            "`tag()` was called outside a cached handler: the tag is lost, and so are its invalidations; in a spawned task or in `web::block`, take a `CacheHandle` as an argument of the handler and use its method of that name"
        ),
        None => {}
    }
}

impl CacheHandle {
    /// See [`tag`](tag()).
    #[track_caller]
    pub fn tag(&self, tag: impl AsRef<str>) {
        let tag = tag.as_ref();
        if !self.0.tag(tag) {
            too_late(tag, Location::caller());
        }
    }
}

fn too_late(tag: &str, caller: &'static Location<'static>) {
    if is_first(caller) {
        tracing::warn!(
            target: TARGET,
            tag,
            %caller,
            "a tag was added after the response was complete: the tag is lost, and so are its invalidations"
        );
    }
}

/// Returns true for the first warning of this place.
fn is_first(caller: &'static Location<'static>) -> bool {
    static WARNED: Mutex<BTreeSet<&Location<'static>>> = Mutex::new(BTreeSet::new());
    lock(&WARNED).insert(caller)
}

/// The validators of the stale response that the handler's own would replace; from
/// [`stale_response`].
#[derive(Clone, Debug)]
pub struct StaleResponse {
    run_context: Arc<RunContext>,
    stored: Arc<StoredResponse>,
}

impl StaleResponse {
    pub(crate) fn of(run_context: &Arc<RunContext>) -> Option<Self> {
        Some(Self {
            stored: run_context.read_previous()?,
            run_context: run_context.clone(),
        })
    }

    /// The `ETag` that the handler gave it. `None` for one that this crate has generated.
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.stored.handler_etag()
    }

    /// Its `Last-Modified`.
    pub fn last_modified(&self) -> Option<&HeaderValue> {
        self.stored.last_modified.as_ref()
    }

    /// The answer of a handler that validates the stored response, which is freshened and sent to the
    /// client.
    ///
    /// Fields of this answer replace those of the stored response, except `Content-Length`,
    /// `Content-Encoding` and `Content-Range` (RFC 9111 §3.2). The client gets the whole response, unless its
    /// own validators match. With a strong `ETag` that is not the stored response's, the client is answered
    /// in the same way, and the response is not stored.
    ///
    /// A 304 that the handler makes by hand, after it has called
    /// [`stale_response`], has the same effect, unless the client has sent
    /// `If-None-Match` or `If-Modified-Since`: it may be the answer to those.
    pub fn not_modified(self) -> HttpResponse {
        self.run_context.set_unchanged();
        HttpResponse::with_body(StatusCode::NOT_MODIFIED, BoxBody::new(()))
    }
}

/// The conditional fields that validate a stored response (RFC 9111 §4.3.1); none where the request has
/// conditions or a range of its own.
pub(crate) fn conditions(
    stored: &StoredResponse,
    asked: &HeaderMap,
) -> Vec<(HeaderName, HeaderValue)> {
    if conditional::is_conditional(asked) {
        return Vec::new();
    }
    let etag = stored.handler_etag().cloned();
    let etag = etag.map(|etag| (header::IF_NONE_MATCH, etag));
    let since = stored.last_modified.clone();
    let since = since.map(|since| (header::IF_MODIFIED_SINCE, since));
    etag.into_iter().chain(since).collect()
}
