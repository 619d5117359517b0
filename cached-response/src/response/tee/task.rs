//! The task that polls a handler's body and keeps its chunks.

use crate::{
    response::tee::{
        BodyError, SourceBody, TeeConfig, TeeOutcome,
        client_body::{Channel, End},
    },
    util::local_task::{DetachedPermit, Kind},
};
use actix_web::web::Bytes;
use std::{
    cell::RefCell,
    error::Error,
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::task;

/// Called once with the outcome of the copy.
type OnFinish = Box<dyn FnOnce(TeeOutcome)>;

/// A copy in progress. Dropped unfinished, because the body panics or the runtime ends, it finishes as
/// `Failed`, and the client's body ends with an error.
pub(crate) struct TeeTask {
    source: Option<SourceBody>,
    channel: Rc<RefCell<Channel>>,
    config: TeeConfig,
    on_finish: Option<OnFinish>,
    length: usize,
    /// The permit of a detached copy, from the moment its client has left.
    place: Option<DetachedPermit>,
}

/// The next step of a copy.
enum Step {
    Chunk(Bytes),
    End,
    Error(BodyError),
    Abandoned,
}

impl TeeTask {
    pub(crate) fn new(
        source: SourceBody,
        channel: Rc<RefCell<Channel>>,
        config: TeeConfig,
        on_finish: OnFinish,
    ) -> Self {
        Self {
            source: Some(source),
            channel,
            config,
            on_finish: Some(on_finish),
            length: 0,
            place: None,
        }
    }

    /// Copies until the end, a bound, an error, or the limit of a detached copy.
    pub(crate) async fn run(mut self) {
        let mut batch = ChunkBatch::default();
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Step::Chunk(chunk) => {
                    batch.count(&chunk);
                    let bytes = chunk.len();
                    if !self.keep(chunk) {
                        return self.pass_on();
                    }
                    // A client stops reading at the last declared byte, so the end after it is polled
                    // before the client runs.
                    let last = bytes > 0 && self.is_complete();
                    if batch.is_full() && !last {
                        batch = ChunkBatch::default();
                        task::yield_now().await;
                    }
                }
                Step::End => return self.end(),
                Step::Error(error) => return self.close(TeeOutcome::Failed, End::Broken(error)),
                Step::Abandoned => return,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let has_client = self.channel.borrow_mut().has_client(cx);
        if !has_client && self.is_abandoned(cx) {
            return Poll::Ready(Step::Abandoned);
        }
        let Some(source) = &mut self.source else {
            return Poll::Ready(Step::Abandoned);
        };
        source.poll_next(cx).map(|next| match next {
            Some(Ok(chunk)) => Step::Chunk(chunk),
            Some(Err(error)) => Step::Error(error),
            None => Step::End,
        })
    }

    /// Returns true for a copy without a client that has no permit, or has reached its limit.
    fn is_abandoned(&mut self, cx: &mut Context<'_>) -> bool {
        self.place = self
            .place
            .take()
            .or_else(|| DetachedPermit::claim(Kind::HandOver));
        self.place.is_none() || self.config.limit.as_mut().poll(cx).is_ready()
    }

    /// Sends a chunk to the client; returns false where it exceeds a bound of the copy.
    fn keep(&mut self, chunk: Bytes) -> bool {
        // In chunked coding an empty chunk is the end of the body.
        if chunk.is_empty() {
            return true;
        }
        self.length = self.length.saturating_add(chunk.len());
        let counted = self.channel.borrow_mut().push(chunk);
        self.wake();
        counted && self.length <= self.config.cap
    }

    fn is_complete(&self) -> bool {
        self.config.declared == Some(self.length as u64)
    }

    fn end(mut self) {
        if self.config.forbids(self.length) {
            return self.close(TeeOutcome::Failed, End::Clean);
        }
        let whole = self.channel.borrow().whole(self.length);
        self.close(TeeOutcome::Whole(whole), End::Clean);
    }

    fn pass_on(mut self) {
        if let Some(source) = self.source.take() {
            let over = self.length > self.config.cap;
            let why = if over {
                TeeOutcome::TooLarge
            } else {
                TeeOutcome::NoRoom
            };
            self.close(why, End::PassedOn(source));
        }
    }

    /// Finishes the copy, and only then lets the client go on.
    fn close(&mut self, copied: TeeOutcome, end: End) {
        if let Some(on_finish) = self.on_finish.take() {
            on_finish(copied);
        }
        self.channel.borrow_mut().close(end);
        self.wake();
    }

    fn wake(&self) {
        let waiting = self.channel.borrow_mut().waiting();
        if let Some(client) = waiting {
            client.wake();
        }
    }
}

impl Drop for TeeTask {
    fn drop(&mut self) {
        let open = self.channel.borrow().is_open();
        if open {
            self.close(TeeOutcome::Failed, End::Broken(Box::new(CutShort)));
        }
    }
}

/// The chunks that are copied before the task yields: no more than a connection of actix-web collects before
/// it writes, so that the client's first byte is as early as without a copy.
#[derive(Default)]
struct ChunkBatch {
    chunks: usize,
    bytes: usize,
}

impl ChunkBatch {
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
