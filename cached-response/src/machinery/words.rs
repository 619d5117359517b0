//! What a handler may say of its own response while it runs.

use super::{
    control::{Control, tell},
    previous::Previous,
};
use crate::judgement::timeout::IntoTimeout;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

/// Keeps the response of the handler that is running from being stored.
///
/// It speaks for this one response: others that wait for the same one run the handler themselves.
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
/// not stored. Called twice, the last word counts.
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

/// The stale response that the response of the handler that is running would replace, if there is
/// one that it can validate (RFC 9111 §4.3).
///
/// `None` on a first run, after an invalidation, where the stored response has neither `ETag` nor
/// `Last-Modified` of the handler's, and outside a cached handler. A stale response is kept for
/// another lifetime, at least 10 s and at most 1 h.
///
/// ```
/// use actix_web::{HttpResponse, get, http::header};
/// use cached_response::{cached_response, previous};
///
/// # async fn version() -> String { "7".into() }
/// # async fn render() -> String { "a long page".into() }
/// #[get("/catalogue")]
/// #[cached_response(timeout = 10)]
/// async fn catalogue() -> HttpResponse {
///     let etag = format!("\"{}\"", version().await);
///     if let Some(previous) = previous()
///         && previous.etag().is_some_and(|known| *known == etag)
///     {
///         return previous.not_modified();
///     }
///     HttpResponse::Ok().insert_header((header::ETAG, etag)).body(render().await)
/// }
/// # let _ = catalogue;
/// ```
pub fn previous() -> Option<Previous> {
    let mut found = None;
    tell("previous()", |control| found = Previous::of(control));
    found
}

/// The same words as [`disable_cache`] and [`set_cache_timeout`], as a value that can be moved
/// into spawned tasks and to other threads. An argument of the handler; it needs no key.
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
pub struct CacheHandle(Arc<Control>);

impl CacheHandle {
    /// See [`disable_cache`].
    pub fn disable_cache(&self) {
        self.0.disable();
    }

    /// See [`previous`](previous()).
    pub fn previous(&self) -> Option<Previous> {
        Previous::of(&self.0)
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
        ready(Ok(Self(Control::of(request))))
    }
}
