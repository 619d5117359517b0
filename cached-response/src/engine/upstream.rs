//! The start of a run: it takes the request, and gives it back with the response.

use crate::{
    context::{control::RunContext, validator},
    http::conditional::CONDITIONS,
    key::{inserted::InsertedParts, vary::Selector},
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::{
        StatusCode, Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use std::{fmt, net::SocketAddr, sync::Arc};

/// One run, not yet started.
pub(crate) enum Upstream {
    /// Of a handler, which has a handle of the request already: its remaining extractors, its body,
    /// its responder.
    Handler(LocalBoxFuture<HttpResponse>),
    /// Of a service, which wants the request for itself.
    Service(Box<dyn FnOnce(HttpRequest, Conditions) -> LocalBoxFuture<Done>>),
}

/// Fields that a service is asked with beside those of the request.
pub(crate) type Conditions = Vec<(HeaderName, HeaderValue)>;

/// What a request comes to: it comes back with its response.
pub(crate) type Done = Result<(HttpRequest, HttpResponse), Error>;

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl Upstream {
    pub(crate) async fn start(self, control: Arc<RunContext>, request: HttpRequest) -> Done {
        match self {
            Self::Handler(run) => Ok((request, run.await)),
            Self::Service(call) => {
                control.show(&request);
                let previous = control.previous();
                let conditions = previous.map_or_else(Vec::new, |previous| {
                    validator::conditions(&previous, request.headers())
                });
                let conditional = !conditions.is_empty();
                let (request, response) = call(request, conditions).await?;
                if conditional && response.status() == StatusCode::NOT_MODIFIED {
                    control.set_unchanged();
                }
                Ok((request, response))
            }
        }
    }

    pub(crate) fn is_of_handler(&self) -> bool {
        matches!(self, Self::Handler(_))
    }

    /// What the run may change in the request and must not, if its response is to be stored.
    pub(crate) fn exposes(&self, request: &HttpRequest) -> Option<RequestSnapshot> {
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

/// A request as it was looked up. The middlewares inside a service may change theirs.
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

    /// Whether what `request` asks for of a response, its client has asked for.
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

    /// Whether `request` has the same key still, and selects the same variant by `names`.
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
            // Nobody can say what it was before.
            Selector::Extension(_) => return false,
        };
        self.has_like(request, name)
    }
}
