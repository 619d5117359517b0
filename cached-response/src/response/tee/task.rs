//! The task that polls a handler's body and keeps its chunks.

use std::{
    cell::RefCell,
    error::Error,
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::web::Bytes;
use tokio::task;

use crate::{
    response::tee::{
        TeeConfig, TeeOutcome,
        channel::{Channel, End},
        source::{BodyError, SourceBody},
    },
    util::local_task::{DetachedPermit, Kind},
};

/// What is told of the copy, once.
type Landed = Box<dyn FnOnce(TeeOutcome)>;

/// A copy under way. Dropping it lands `Failed`, and the client's body ends with an error: so it
/// is when the body panics, and when the runtime ends.
pub(crate) struct TeeTask {
    live: Option<SourceBody>,
    tail: Rc<RefCell<Channel>>,
    terms: TeeConfig,
    landed: Option<Landed>,
    length: usize,
    /// Held from the moment the client has left.
    place: Option<DetachedPermit>,
}

/// What the body, or the lack of anyone to wait for it, came up with.
enum Event {
    Chunk(Bytes),
    End,
    Error(BodyError),
    Abandoned,
}

impl TeeTask {
    pub(crate) fn new(
        live: SourceBody,
        tail: Rc<RefCell<Channel>>,
        terms: TeeConfig,
        landed: Landed,
    ) -> Self {
        Self {
            live: Some(live),
            tail,
            terms,
            landed: Some(landed),
            length: 0,
            place: None,
        }
    }

    /// Copies to the end, or to the first thing that makes it pointless.
    pub(crate) async fn run(mut self) {
        let mut batch = Batch::default();
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Event::Chunk(chunk) => {
                    batch.count(&chunk);
                    let bytes = chunk.len();
                    if !self.keep(chunk) {
                        return self.pass_on();
                    }
                    // With the last byte that was declared a client has all it waits for, so that
                    // the end behind it is looked for before the client's turn.
                    let last = bytes > 0 && self.is_complete();
                    if batch.is_full() && !last {
                        batch = Batch::default();
                        task::yield_now().await;
                    }
                }
                Event::End => return self.end(),
                Event::Error(error) => return self.close(TeeOutcome::Failed, End::Broken(error)),
                Event::Abandoned => return,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let has_client = self.tail.borrow_mut().has_client(cx);
        if !has_client && self.is_abandoned(cx) {
            return Poll::Ready(Event::Abandoned);
        }
        let Some(live) = &mut self.live else {
            return Poll::Ready(Event::Abandoned);
        };
        live.poll_next(cx).map(|next| match next {
            Some(Ok(chunk)) => Event::Chunk(chunk),
            Some(Err(error)) => Event::Error(error),
            None => Event::End,
        })
    }

    /// Whether a copy without a client has found no place, or has used up its time.
    fn is_abandoned(&mut self, cx: &mut Context<'_>) -> bool {
        self.place = self
            .place
            .take()
            .or_else(|| DetachedPermit::claim(Kind::HandOver));
        self.place.is_none() || self.terms.limit.as_mut().poll(cx).is_ready()
    }

    /// Shows a chunk to the client. Whether it could be kept for the copy, too.
    fn keep(&mut self, chunk: Bytes) -> bool {
        // On a connection an empty chunk would be the end of the body.
        if chunk.is_empty() {
            return true;
        }
        self.length = self.length.saturating_add(chunk.len());
        let counted = self.tail.borrow_mut().push(chunk);
        self.wake();
        counted && self.length <= self.terms.cap
    }

    fn is_complete(&self) -> bool {
        self.terms.declared == Some(self.length as u64)
    }

    fn end(mut self) {
        if self.terms.forbids(self.length) {
            return self.close(TeeOutcome::Failed, End::Clean);
        }
        let whole = self.tail.borrow().whole(self.length);
        self.close(TeeOutcome::Whole(whole), End::Clean);
    }

    fn pass_on(mut self) {
        if let Some(live) = self.live.take() {
            let over = self.length > self.terms.cap;
            let why = if over {
                TeeOutcome::TooLarge
            } else {
                TeeOutcome::NoRoom
            };
            self.close(why, End::Passed(live));
        }
    }

    /// Lands, and only then lets the client see how the body goes on.
    fn close(&mut self, copied: TeeOutcome, end: End) {
        if let Some(landed) = self.landed.take() {
            landed(copied);
        }
        self.tail.borrow_mut().close(end);
        self.wake();
    }

    fn wake(&self) {
        let waiting = self.tail.borrow_mut().waiting();
        if let Some(client) = waiting {
            client.wake();
        }
    }
}

impl Drop for TeeTask {
    fn drop(&mut self) {
        let open = self.tail.borrow().is_open();
        if open {
            self.close(TeeOutcome::Failed, End::Broken(Box::new(CutShort)));
        }
    }
}

/// How much is copied before others have their turn: no more than what a connection of actix-web
/// collects before it writes, so that the client's first byte is not later than without a copy.
#[derive(Default)]
struct Batch {
    chunks: usize,
    bytes: usize,
}

impl Batch {
    fn count(&mut self, chunk: &Bytes) {
        self.chunks += 1;
        self.bytes += chunk.len();
    }

    fn is_full(&self) -> bool {
        self.chunks >= 64 || self.bytes >= 32 * 1024
    }
}

/// The copy was dropped before the body's end.
#[derive(Debug)]
struct CutShort;

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response body was cut short: it panicked, or its worker stopped")
    }
}

impl Error for CutShort {}
