//! Functions that a handler calls about its own response while it runs.

pub(crate) mod control;
mod tag;
pub(crate) mod validator;

pub use crate::context::{tag::tag, validator::StaleResponse};

use crate::{
    context::control::{RunContext, with_current},
    metrics::reason::RunReason,
    policy::ttl::IntoTimeout,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

/// Keeps the response of the handler that is running from being stored.
///
/// It holds for this one response: requests that wait for it run the handler themselves, as soon as its
/// head is sent, or, where its stream makes the call, at the end of the stream. In tasks that the
/// handler spawns, and in `web::block`, use [`CacheHandle`]; outside a cached handler it has no effect,
/// and logs one warning.
///
/// ```
/// use actix_web::{Responder, get};
/// use cached_response::{cached_response, disable_cache};
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
/// # let _ = news;
/// ```
pub fn disable_cache() {
    with_current("disable_cache()", |run_context| run_context.disable());
}

/// Sets how long the response of the handler that is running stays fresh: a
/// [`Duration`](std::time::Duration), or whole seconds.
///
/// It takes precedence over the route's timeout and the response's `s-maxage`. With zero the response
/// is not stored. The last call counts; but after a zero at the time the head of a stream is sent, a
/// later call of the stream has no effect.
///
/// ```
/// use actix_web::{Responder, get};
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
/// # let _ = stock;
/// ```
pub fn set_cache_timeout(timeout: impl IntoTimeout) {
    let timeout = timeout.into_timeout();
    with_current("set_cache_timeout()", |run_context| {
        run_context.set_timeout(timeout);
    });
}

/// Marks the response of the handler that is running as a failure, whatever its status: it is not
/// stored, and under `stale_if_error` a stale response answers in its place.
///
/// For a makeshift answer, such as an empty list because the database did not answer. The client gets
/// it where there is no stale response, and in any case with status 401, 403, 404 or 410. Called by a
/// stream that is being sent, it comes too late for its client.
///
/// ```
/// use actix_web::{Responder, get};
/// use cached_response::{cached_response, context::mark_failed};
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
/// # let _ = rates;
/// ```
pub fn mark_failed() {
    with_current("mark_failed()", |run_context| run_context.mark_failed());
}

/// The reason of the run; [`RunReason::Bypass`] outside a cached handler.
///
/// A handler may do more work when no client waits for it:
///
/// ```
/// use actix_web::{Responder, get};
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
/// # let _ = visitors;
/// ```
pub fn run_reason() -> RunReason {
    let mut found = RunReason::default();
    with_current("run_reason()", |run_context| found = run_context.reason());
    found
}

/// The stale response that the response of the handler that is running would replace, if there is
/// one that it can validate (RFC 9111 §4.3).
///
/// `None` on a first run, after an invalidation, where the stored response has neither `ETag` nor
/// `Last-Modified` of the handler's, and outside a cached handler. A stale response is kept for
/// another lifetime, at least 10 s and at most 1 h.
///
/// ```
/// use actix_web::{HttpResponse, get, http::header};
/// use cached_response::{cached_response, context::stale_response};
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
/// # let _ = catalogue;
/// ```
pub fn stale_response() -> Option<StaleResponse> {
    let mut found = None;
    with_current("stale_response()", |run_context| {
        found = StaleResponse::of(run_context);
    });
    found
}

/// The calls [`disable_cache`], [`set_cache_timeout`] and [`tag`](tag()), on a value that can be moved
/// into spawned tasks and to other threads. An argument of the handler; it adds nothing to the key.
///
/// A call after the response is complete has no effect.
///
/// ```
/// use actix_web::{Responder, get, web};
/// use cached_response::{CacheHandle, cached_response};
///
/// #[get("/report")]
/// #[cached_response]
/// async fn report(cache: CacheHandle) -> impl Responder {
///     web::block(move || cache.set_cache_timeout(60)).await.map(|()| "done")
/// }
/// # let _ = report;
/// ```
#[derive(Clone, Debug)]
pub struct CacheHandle(Arc<RunContext>);

impl CacheHandle {
    /// See [`disable_cache`].
    pub fn disable_cache(&self) {
        self.0.disable();
    }

    /// See [`mark_failed`].
    pub fn mark_failed(&self) {
        self.0.mark_failed();
    }

    /// See [`run_reason`].
    pub fn run_reason(&self) -> RunReason {
        self.0.reason()
    }

    /// See [`stale_response`].
    pub fn stale_response(&self) -> Option<StaleResponse> {
        StaleResponse::of(&self.0)
    }

    /// See [`set_cache_timeout`].
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
