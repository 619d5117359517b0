//! The client's half of a copy: the body that its connection polls, and the channel from the task that
//! copies.

use crate::{
    response::tee::{BodyError, Share, SourceBody},
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use std::{
    cell::RefCell,
    collections::VecDeque,
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
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

/// The overhead of a chunk, in bytes: its handle, spare capacity, and its allocation. Without it a body of
/// single bytes would use a hundred times of what is counted.
const CHUNK_OVERHEAD: usize = 128;

/// The continuation of the body after the chunks of the channel.
pub(crate) enum End {
    /// The task goes on.
    Open,
    /// Past a bound: the client polls the body itself from here.
    PassedOn(SourceBody),
    Clean,
    Broken(BodyError),
}

/// The state of the client that reads the chunks.
enum ReaderState {
    Busy,
    Waiting(Waker),
    Gone,
}

/// The chunks of a body, for the client and, while it is in progress, for the copy.
pub(crate) struct Channel {
    chunks: VecDeque<Bytes>,
    /// The number of chunks that the client has read; they are kept for the copy.
    read: usize,
    share: Share,
    end: End,
    client: ReaderState,
    /// The waker of the task, for when the client leaves.
    task: Option<Waker>,
}

impl Channel {
    pub(crate) fn new(share: Share) -> Self {
        Self {
            chunks: VecDeque::new(),
            read: 0,
            share,
            end: End::Open,
            client: ReaderState::Busy,
            task: None,
        }
    }

    /// Adds a chunk for the client; returns false where the budget has no room for it.
    pub(crate) fn push(&mut self, chunk: Bytes) -> bool {
        let counted = self.share.grow(cost(&chunk));
        self.chunks.push_back(chunk);
        counted
    }

    /// The copy, in an allocation of its own: a chunk may be a small part of a large one.
    pub(crate) fn whole(&self, length: usize) -> Bytes {
        let mut whole = Vec::with_capacity(length);
        for chunk in &self.chunks {
            whole.extend_from_slice(chunk);
        }
        whole.into()
    }

    /// Ends the copy: from here on only unread chunks are kept.
    pub(crate) fn close(&mut self, end: End) {
        self.end = end;
        let read = mem::take(&mut self.read);
        for chunk in self.chunks.drain(..read) {
            self.share.shrink(cost(&chunk));
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.end, End::Open)
    }

    /// The client's next chunk, if there is one.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        if self.is_open() {
            let chunk = self.chunks.get(self.read).cloned()?;
            self.read += 1;
            return Some(chunk);
        }
        let chunk = self.chunks.pop_front()?;
        self.share.shrink(cost(&chunk));
        Some(chunk)
    }

    /// Takes the continuation, once all chunks are read; it is open or clean afterwards.
    pub(crate) fn take_end(&mut self) -> End {
        let next = if self.is_open() {
            End::Open
        } else {
            End::Clean
        };
        mem::replace(&mut self.end, next)
    }

    /// The client's task, if it waits for a chunk or the end.
    pub(crate) fn waiting(&mut self) -> Option<Waker> {
        if !matches!(self.client, ReaderState::Waiting(_)) {
            return None;
        }
        match mem::replace(&mut self.client, ReaderState::Busy) {
            ReaderState::Waiting(waker) => Some(waker),
            ReaderState::Busy | ReaderState::Gone => None,
        }
    }

    /// Returns the former waker, which the caller drops while the channel is not borrowed.
    pub(crate) fn wait(&mut self, cx: &Context<'_>) -> Option<Waker> {
        let before = self.waiting();
        self.client = ReaderState::Waiting(cx.waker().clone());
        before
    }

    /// Returns true while there is a client; the task is woken when it leaves.
    pub(crate) fn has_client(&mut self, cx: &Context<'_>) -> bool {
        if matches!(self.client, ReaderState::Gone) {
            return false;
        }
        match &mut self.task {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.task = Some(cx.waker().clone()),
        }
        true
    }

    /// Notes that the client has left. Returns the task to wake.
    pub(crate) fn leave(&mut self) -> Option<Waker> {
        self.client = ReaderState::Gone;
        self.task.take()
    }
}

fn cost(chunk: &Bytes) -> usize {
    chunk.len() + CHUNK_OVERHEAD
}
