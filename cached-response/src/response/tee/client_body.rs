//! The client's half of a copy: the body that its connection polls.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};

use crate::{
    response::tee::{
        BodyError, SourceBody,
        channel::{Channel, End},
    },
    util::local_task::LocalBoxFuture,
};

/// A body whose bytes come from a copy in progress, then, past a bound, from the handler's own body.
pub(crate) struct ClientBody {
    source: BodySource,
    size: BodySize,
}

enum BodySource {
    Copy {
        channel: Rc<RefCell<Channel>>,
        /// The task itself, where it could not be spawned.
        driven: Option<LocalBoxFuture<()>>,
    },
    Body(SourceBody),
    Ended,
}

impl ClientBody {
    pub(crate) fn new(channel: Rc<RefCell<Channel>>, size: BodySize) -> Self {
        let driven = None;
        Self {
            source: BodySource::Copy { channel, driven },
            size,
        }
    }

    /// A body that is not copied.
    pub(crate) fn passing(source: SourceBody, size: BodySize) -> Self {
        Self {
            source: BodySource::Body(source),
            size,
        }
    }

    /// Copies at the pace of this body's polls.
    pub(crate) fn drive(&mut self, task: LocalBoxFuture<()>) {
        if let BodySource::Copy { driven, .. } = &mut self.source {
            *driven = Some(task);
        }
    }

    fn poll_copy(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let BodySource::Copy { channel, driven } = &mut self.source else {
            return Poll::Ready(None);
        };
        let mut next = channel.borrow_mut().next();
        if let (None, Some(task)) = (&next, driven.as_mut()) {
            if task.as_mut().poll(cx).is_ready() {
                *driven = None;
            }
            next = channel.borrow_mut().next();
        }
        if let Some(chunk) = next {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let end = channel.borrow_mut().take_end();
        match end {
            End::Open => {
                let before = channel.borrow_mut().wait(cx);
                drop(before);
                Poll::Pending
            }
            End::PassedOn(source) => {
                self.leave(BodySource::Body(source));
                self.poll_body(cx)
            }
            End::Clean => {
                self.leave(BodySource::Ended);
                Poll::Ready(None)
            }
            End::Broken(error) => {
                self.leave(BodySource::Ended);
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let BodySource::Body(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let next = ready!(source.poll_next(cx));
        if next.is_none() {
            self.source = BodySource::Ended;
        }
        Poll::Ready(next)
    }

    /// Continues with `source`, and notifies a copy in progress that its client has left.
    fn leave(&mut self, source: BodySource) {
        if let BodySource::Copy { channel, .. } = &self.source {
            let task = channel.borrow_mut().leave();
            if let Some(task) = task {
                task.wake();
            }
        }
        self.source = source;
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.leave(BodySource::Ended);
    }
}

impl MessageBody for ClientBody {
    type Error = BodyError;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        match this.source {
            BodySource::Copy { .. } => this.poll_copy(cx),
            BodySource::Body(_) => this.poll_body(cx),
            BodySource::Ended => Poll::Ready(None),
        }
    }
}
