//! The upstream of the cache: a handler, or the service behind a middleware.

use crate::{
    context::{self, run_context::RunContext},
    engine::subject::ShownTags,
    http::conditional::CONDITIONS,
    invalidation::route_name,
    key::{InsertedParts, vary::Selector},
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode, Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use std::{fmt, net::SocketAddr, sync::Arc};

/// The source of a response, not started yet.
pub(crate) enum Upstream {
    /// A handler with its remaining extractors and its responder. It has a handle of the request.
    Handler(LocalBoxFuture<HttpResponse>),
    /// A service, which must own the request.
    Service(Box<dyn FnOnce(HttpRequest, Conditions) -> LocalBoxFuture<Done>>),
}

/// Conditional request fields that a service is sent beside those of the client.
pub(crate) type Conditions = Vec<(HeaderName, HeaderValue)>;

/// A response with its request.
pub(crate) type Done = Result<(HttpRequest, HttpResponse), Error>;

/// Returns an error whose response has the tags. It is made by the server, and only once.
pub(crate) fn tagged(
    error: Error,
    tags: Option<ShownTags>,
    run_context: &Arc<RunContext>,
) -> Error {
    match tags.filter(|_| !run_context.is_taken_over()) {
        Some(tags) => Error::from(TaggedError {
            error,
            tags,
            run_context: run_context.clone(),
        }),
        None => error,
    }
}

struct TaggedError {
    error: Error,
    tags: ShownTags,
    run_context: Arc<RunContext>,
}

impl fmt::Debug for TaggedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for TaggedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for TaggedError {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.error_response();
        self.tags.add(&self.run_context, response.headers_mut());
        response
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

impl Upstream {
    /// Runs it, and returns the response with its request.
    pub(crate) async fn start(self, run_context: Arc<RunContext>, request: HttpRequest) -> Done {
        match self {
            Self::Handler(run) => Ok((request, run.await)),
            Self::Service(call) => {
                run_context.attach(&request);
                let previous = run_context.previous();
                let conditions = previous.map_or_else(Vec::new, |previous| {
                    context::conditions(&previous, request.headers())
                });
                let conditional = !conditions.is_empty();
                let path = request.uri().path().to_owned();
                let expected = route_name::pattern_tag(&request, &path);
                let (request, response) = call(request, conditions).await?;
                // Before the routing the pattern was found by the path alone, without guards.
                let routed = route_name::pattern_tag(&request, &path);
                if let Some(tag) = routed.filter(|tag| expected.as_ref() != Some(tag)) {
                    run_context.tag_route(&tag);
                }
                if conditional && response.status() == StatusCode::NOT_MODIFIED {
                    run_context.set_unchanged();
                }
                Ok((request, response))
            }
        }
    }

    pub(crate) fn is_handler(&self) -> bool {
        matches!(self, Self::Handler(_))
    }

    /// A snapshot of the request, where the run may change it.
    pub(crate) fn snapshot(&self, request: &HttpRequest) -> Option<RequestSnapshot> {
        match self {
            Self::Handler(_) => None,
            Self::Service(_) => Some(RequestSnapshot {
                headers: request.headers().clone(),
                uri: request.uri().clone(),
                peer: request.peer_addr(),
                parts: InsertedParts::count(request),
            }),
        }
    }
}

/// A request as it was received. The middlewares inside a service may change theirs.
#[derive(Debug)]
pub(crate) struct RequestSnapshot {
    headers: HeaderMap,
    uri: Uri,
    peer: Option<SocketAddr>,
    parts: usize,
}

impl RequestSnapshot {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns true where `request` has the conditions and accepted codings of its client.
    pub(crate) fn asks_like(&self, request: &HttpRequest) -> bool {
        CONDITIONS
            .iter()
            .chain([&header::ACCEPT_ENCODING])
            .all(|name| self.has_like(request, name))
    }

    fn has_like(&self, request: &HttpRequest, name: &HeaderName) -> bool {
        let before = self.headers.get_all(name);
        before.eq(request.headers().get_all(name))
    }

    /// Returns true where `request` still has the same key, and selects the same variant by `names`.
    pub(crate) fn is_like(&self, request: &HttpRequest, names: &[Selector]) -> bool {
        InsertedParts::count(request) == self.parts
            && names.iter().all(|name| self.is_same(request, name))
    }

    fn is_same(&self, request: &HttpRequest, name: &Selector) -> bool {
        let name = match name {
            Selector::Header(name) | Selector::Lines(name) => name,
            Selector::Cookie(_) => &header::COOKIE,
            Selector::Host => {
                if self.uri.authority() != request.uri().authority() {
                    return false;
                }
                &header::HOST
            }
            Selector::PeerIp => return self.peer == request.peer_addr(),
            // Its former value is not known.
            Selector::Extension(_) => return false,
        };
        self.has_like(request, name)
    }
}
