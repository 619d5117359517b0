//! The handler's body, with what must be around each of its polls.

use crate::context::control::Scope;
use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BoxBody, MessageBody},
    web::Bytes,
};

/// Why a body ended before its end, as actix-web passes it on.
pub(crate) type BodyError = Box<dyn Error>;

/// A handler's body inside its scope, whoever polls it.
pub(crate) struct SourceBody {
    body: BoxBody,
    scope: Box<dyn Scope>,
}

impl SourceBody {
    pub(crate) fn new(body: BoxBody, scope: impl Scope + 'static) -> Self {
        Self {
            body,
            scope: Box::new(scope),
        }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut polled = Poll::Pending;
        self.scope
            .enter(&mut || polled = Pin::new(&mut self.body).poll_next(cx));
        polled
    }
}
