//! Validation of the stale response that a run would replace (RFC 9111 §4.3).

use crate::{context::control::RunContext, entry::StoredResponse, http::conditional};
use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use std::sync::Arc;

/// The validators of the stale response that the handler's own would replace; from
/// [`stale_response`](crate::context::stale_response).
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
    /// [`stale_response`](crate::context::stale_response), has the same effect, unless the client has sent
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
