//! The start of a run: it takes the request, and gives it back with the response.

use crate::machinery::local::LocalBoxFuture;
use actix_web::{Error, HttpRequest, HttpResponse};

/// One run, not yet started.
pub(crate) enum Run {
    /// Of a handler, which has a handle of the request already: its remaining extractors, its body,
    /// its responder.
    Handler(LocalBoxFuture<HttpResponse>),
}

/// What a request comes to: it comes back with its response.
pub(crate) type Done = Result<(HttpRequest, HttpResponse), Error>;

impl Run {
    pub(crate) async fn start(self, request: HttpRequest) -> Done {
        match self {
            Self::Handler(run) => Ok((request, run.await)),
        }
    }
}
