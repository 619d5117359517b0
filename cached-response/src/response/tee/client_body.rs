//! The client's end of a copy: the body that its connection polls.

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
        channel::{Channel, End},
        source::{BodyError, SourceBody},
    },
    util::local_task::LocalBoxFuture,
};

/// A body whose bytes come from a copy under way, then, past a bound, from the handler's own body.
pub(crate) struct ClientBody {
    source: Source,
    size: BodySize,
}

enum Source {
    Copy {
        tail: Rc<RefCell<Channel>>,
        /// The copying itself, where no task could take it.
        driven: Option<LocalBoxFuture<()>>,
    },
    Body(SourceBody),
    Ended,
}

impl ClientBody {
    pub(crate) fn new(tail: Rc<RefCell<Channel>>, size: BodySize) -> Self {
        let driven = None;
        Self {
            source: Source::Copy { tail, driven },
            size,
        }
    }

    /// A reader of a body that is not copied.
    pub(crate) fn passing(live: SourceBody, size: BodySize) -> Self {
        Self {
            source: Source::Body(live),
            size,
        }
    }

    /// Copies at the pace of this reader's polls.
    pub(crate) fn drive(&mut self, copying: LocalBoxFuture<()>) {
        if let Source::Copy { driven, .. } = &mut self.source {
            *driven = Some(copying);
        }
    }

    fn poll_copy(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Source::Copy { tail, driven } = &mut self.source else {
            return Poll::Ready(None);
        };
        let mut next = tail.borrow_mut().next();
        if let (None, Some(copying)) = (&next, driven.as_mut()) {
            if copying.as_mut().poll(cx).is_ready() {
                *driven = None;
            }
            next = tail.borrow_mut().next();
        }
        if let Some(chunk) = next {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let end = tail.borrow_mut().take_end();
        match end {
            End::Open => {
                let before = tail.borrow_mut().wait(cx);
                drop(before);
                Poll::Pending
            }
            End::Passed(live) => {
                self.leave(Source::Body(live));
                self.poll_body(cx)
            }
            End::Clean => {
                self.leave(Source::Ended);
                Poll::Ready(None)
            }
            End::Broken(error) => {
                self.leave(Source::Ended);
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Source::Body(live) = &mut self.source else {
            return Poll::Ready(None);
        };
        let next = ready!(live.poll_next(cx));
        if next.is_none() {
            self.source = Source::Ended;
        }
        Poll::Ready(next)
    }

    /// Goes on with `source`, and tells a copy under way that its client has left.
    fn leave(&mut self, source: Source) {
        if let Source::Copy { tail, .. } = &self.source {
            let copier = tail.borrow_mut().leave();
            if let Some(copier) = copier {
                copier.wake();
            }
        }
        self.source = source;
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.leave(Source::Ended);
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
        let reader = self.get_mut();
        match reader.source {
            Source::Copy { .. } => reader.poll_copy(cx),
            Source::Body(_) => reader.poll_body(cx),
            Source::Ended => Poll::Ready(None),
        }
    }
}
