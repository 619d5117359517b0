//! Functions that a handler calls about its own response while it runs.

pub(crate) mod control;
mod tag;
pub(crate) mod validator;

pub use crate::context::{tag::tag, validator::StaleResponse};

use crate::{
    context::control::{RunContext, tell},
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
/// It speaks for this one response: others that wait for the same one run the handler themselves, from
/// the moment at which its head is there, or, where a stream says it, at which that has ended.
/// In tasks that the handler spawns, and in `web::block`, use [`CacheHandle`]; outside a cached
/// handler it does nothing, and says so once in the log.
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
    tell("disable_cache()", |control| control.disable());
}

/// Sets how long the response of the handler that is running stays fresh: a
/// [`Duration`](std::time::Duration), or whole seconds.
///
/// It beats the route's timeout and the response's `s-maxage`. Zero means that the response is
/// not stored. Called twice, the last word counts; but where it is zero when the head of a stream goes
/// out, what the stream says later comes too late.
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
    tell("set_cache_timeout()", |control| {
        control.set_timeout(timeout);
    });
}

/// Says that what the handler that is running makes is a failure, whatever its status: it is not
/// stored, and under `stale_if_error` a stale response answers in its place.
///
/// For an answer that is a makeshift: an empty list because the database did not answer, say. Where
/// nothing can stand in for it, the client gets it. One with status 401, 403, 404 or 410 goes out in
/// any case. Said of a stream while it is being sent, it comes too late for its client.
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
    tell("mark_failed()", |control| control.fail());
}

/// Why the handler runs; [`RunReason::Bypass`] outside a cached handler.
///
/// A handler that has much time when nobody waits for it, asks:
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
    tell("reason()", |control| found = control.reason());
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
    tell("stale_response()", |control| {
        found = StaleResponse::of(control);
    });
    found
}

/// The same words as [`disable_cache`], [`set_cache_timeout`] and [`tag`](tag()), as a value that
/// can be moved into spawned tasks and to other threads. An argument of the handler; it needs no
/// key.
///
/// What is said after the response is complete comes too late.
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
        self.0.fail();
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
