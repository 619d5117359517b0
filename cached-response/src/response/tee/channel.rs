//! What lies between the task that copies a body and the client that reads it.

use std::{
    collections::VecDeque,
    mem,
    task::{Context, Waker},
};

use actix_web::web::Bytes;

use crate::response::tee::{
    budget::Share,
    source::{BodyError, SourceBody},
};

/// What a chunk costs beside its bytes: its handle, the room to spare beside that, and what was
/// allocated for it. Without it a body of single bytes holds a hundred times what is counted.
const CHUNK: usize = 128;

/// How the body goes on after the chunks that are here.
pub(crate) enum End {
    /// The task is still at it.
    Open,
    /// Past a bound: the reader polls the body itself from here.
    Passed(SourceBody),
    Clean,
    Broken(BodyError),
}

/// Who reads the chunks.
enum Client {
    Busy,
    Waiting(Waker),
    Gone,
}

/// The chunks of a body, which serve the client and, while the copy is under way, also the copy.
pub(crate) struct Channel {
    chunks: VecDeque<Bytes>,
    /// How many of `chunks` the client has had; they are kept for the copy.
    read: usize,
    share: Share,
    end: End,
    client: Client,
    /// The task's, which must learn that the client has left.
    copier: Option<Waker>,
}

impl Channel {
    pub(crate) fn new(share: Share) -> Self {
        Self {
            chunks: VecDeque::new(),
            read: 0,
            share,
            end: End::Open,
            client: Client::Busy,
            copier: None,
        }
    }

    /// Adds a chunk for the client. Whether the budget had room for it, too.
    pub(crate) fn push(&mut self, chunk: Bytes) -> bool {
        let counted = self.share.grow(cost(&chunk));
        self.chunks.push_back(chunk);
        counted
    }

    /// The copy: an allocation of its own, since a chunk may be a small part of a large one.
    pub(crate) fn whole(&self, length: usize) -> Bytes {
        let mut whole = Vec::with_capacity(length);
        for chunk in &self.chunks {
            whole.extend_from_slice(chunk);
        }
        whole.into()
    }

    /// Ends the copy: from here on only what the client has not read is kept.
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

    /// How the body goes on, now that all chunks are read; it is open or clean afterwards.
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
        if !matches!(self.client, Client::Waiting(_)) {
            return None;
        }
        match mem::replace(&mut self.client, Client::Busy) {
            Client::Waiting(waker) => Some(waker),
            Client::Busy | Client::Gone => None,
        }
    }

    /// Returns the waker that was there before, to be dropped where the tail is not borrowed.
    pub(crate) fn wait(&mut self, cx: &Context<'_>) -> Option<Waker> {
        let before = self.waiting();
        self.client = Client::Waiting(cx.waker().clone());
        before
    }

    /// Whether there is a client to copy for; if so, the task is woken when it leaves.
    pub(crate) fn has_client(&mut self, cx: &Context<'_>) -> bool {
        if matches!(self.client, Client::Gone) {
            return false;
        }
        match &mut self.copier {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.copier = Some(cx.waker().clone()),
        }
        true
    }

    /// The client has left. Returns the task to wake.
    pub(crate) fn leave(&mut self) -> Option<Waker> {
        self.client = Client::Gone;
        self.copier.take()
    }
}

fn cost(chunk: &Bytes) -> usize {
    chunk.len() + CHUNK
}
