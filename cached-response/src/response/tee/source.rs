//! The handler's body, polled inside the context of its run.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use crate::context::control::Scope;
use actix_web::{
    body::{BoxBody, MessageBody},
    web::Bytes,
};

/// The error of a body that was cut short.
pub(crate) type BodyError = Box<dyn Error>;

/// A handler's body in its context, for any task that polls it.
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
