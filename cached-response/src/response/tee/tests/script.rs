//! A body that is fed by hand, and a copy of it that is polled by hand.

use crate::{
    context::run_context::{self, RunContext},
    response::tee::{
        self, BodyError, CopyBudget, SourceBody, TeeConfig, TeeOutcome, client_body::ClientBody,
        pair,
    },
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// A step of a body at a poll; without a step it is pending.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Chunk(&'static str),
    Wait,
    Error,
    Panic,
    End,
}

/// The feed of a [`Body`].
#[derive(Clone, Default)]
pub(super) struct Feed(Rc<RefCell<Fed>>);

#[derive(Default)]
struct Fed {
    steps: VecDeque<Step>,
    waiting: Option<Waker>,
    /// The context of each poll.
    contexts: Vec<Option<Arc<RunContext>>>,
}

impl Feed {
    pub(super) fn of(steps: &[Step]) -> Self {
        let feed = Self::default();
        for step in steps {
            feed.add(step.clone());
        }
        feed
    }

    pub(super) fn add(&self, step: Step) {
        let mut fed = self.0.borrow_mut();
        fed.steps.push_back(step);
        if let Some(waker) = fed.waiting.take() {
            waker.wake();
        }
    }

    pub(super) fn polls(&self) -> usize {
        self.0.borrow().contexts.len()
    }

    pub(super) fn body(&self, size: BodySize) -> BoxBody {
        BoxBody::new(Body {
            feed: self.clone(),
            size,
        })
    }

    /// Returns true while the body exists.
    pub(super) fn has_body(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }
}

struct Body {
    feed: Feed,
    size: BodySize,
}

impl MessageBody for Body {
    type Error = BodyError;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut fed = self.feed.0.borrow_mut();
        fed.contexts.push(run_context::current());
        let step = fed.steps.pop_front();
        match step {
            Some(Step::Chunk(chunk)) => Poll::Ready(Some(Ok(Bytes::from_static(chunk.as_bytes())))),
            Some(Step::Error) => Poll::Ready(Some(Err("the body failed".into()))),
            Some(Step::End) => Poll::Ready(None),
            Some(Step::Panic) => {
                drop(fed);
                panic!("the body panicked, as the test wants")
            }
            Some(Step::Wait) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                fed.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The result of one poll of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Chunk(String),
    Pending,
    Error(String),
    End,
}

impl Read {
    pub(super) fn chunk(chunk: &str) -> Self {
        Self::Chunk(chunk.to_owned())
    }
}

/// Polls a body once, as a client's connection does.
pub(super) fn read(body: &mut (impl MessageBody + Unpin)) -> Read {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_next(&mut cx) {
        Poll::Ready(Some(Ok(chunk))) => Read::Chunk(String::from_utf8(chunk.to_vec()).unwrap()),
        Poll::Ready(Some(Err(error))) => Read::Error(error.into().to_string()),
        Poll::Ready(None) => Read::End,
        Poll::Pending => Read::Pending,
    }
}

/// Reads all chunks, and returns the result that ended it.
pub(super) fn read_all(body: &mut (impl MessageBody + Unpin)) -> (String, Read) {
    let mut text = String::new();
    loop {
        match read(body) {
            Read::Chunk(chunk) => text.push_str(&chunk),
            stop => return (text, stop),
        }
    }
}

/// The outcomes, in order.
pub(super) type Log = Rc<RefCell<Vec<TeeOutcome>>>;

pub(super) fn log(log: &Log) -> impl FnOnce(TeeOutcome) + 'static {
    let log = Rc::clone(log);
    move |copied| log.borrow_mut().push(copied)
}

pub(super) fn whole(text: &str) -> TeeOutcome {
    TeeOutcome::Whole(Bytes::copy_from_slice(text.as_bytes()))
}

/// Copies a body in the context of some run.
pub(super) fn copy(
    body: BoxBody,
    config: TeeConfig,
    on_finish: impl FnOnce(TeeOutcome) + 'static,
) -> BoxBody {
    tee::copy(body, config, Arc::default(), on_finish)
}

/// Bounds that no small body reaches.
pub(super) fn generous() -> TeeConfig {
    TeeConfig {
        cap: 1024 * 1024,
        declared: None,
        budget: Arc::new(CopyBudget::new(1024 * 1024)),
        limit: Box::pin(std::future::pending()),
    }
}

/// A copy whose two halves are polled by hand.
pub(super) struct Copying {
    pub(super) feed: Feed,
    pub(super) reader: Option<ClientBody>,
    copier: Option<LocalBoxFuture<()>>,
    run_context: Arc<RunContext>,
    budget: Arc<CopyBudget>,
    landed: Log,
}

impl Copying {
    pub(super) fn new(steps: &[Step]) -> Self {
        Self::under(generous(), BodySize::Stream, steps)
    }

    pub(super) fn under(terms: TeeConfig, size: BodySize, steps: &[Step]) -> Self {
        let (feed, landed) = (Feed::of(steps), Log::default());
        let budget = Arc::clone(&terms.budget);
        let run_context = Arc::<RunContext>::default();
        let source = SourceBody::new(feed.body(size), run_context.clone());
        let (reader, copier) = pair(source, size, terms.declaring(size), log(&landed));
        Self {
            feed,
            reader: Some(reader),
            copier: Some(Box::pin(copier.run())),
            run_context,
            budget,
            landed,
        }
    }

    /// Polls the task once; returns true while it is pending.
    pub(super) fn copy(&mut self) -> bool {
        self.copy_with(Waker::noop())
    }

    pub(super) fn copy_with(&mut self, waker: &Waker) -> bool {
        let mut cx = Context::from_waker(waker);
        let Some(copier) = &mut self.copier else {
            return false;
        };
        if copier.as_mut().poll(&mut cx).is_ready() {
            self.copier = None;
        }
        self.copier.is_some()
    }

    pub(super) fn copy_to_end(&mut self) {
        for _ in 0..1000 {
            if !self.copy() {
                return;
            }
        }
        panic!("the copy has no end");
    }

    pub(super) fn read(&mut self) -> Read {
        read(self.reader.as_mut().unwrap())
    }

    pub(super) fn read_all(&mut self) -> (String, Read) {
        read_all(self.reader.as_mut().unwrap())
    }

    /// The outcomes so far.
    pub(super) fn landed(&self) -> Option<TeeOutcome> {
        assert!(self.landed.borrow().len() <= 1);
        self.landed.borrow_mut().pop()
    }

    pub(super) fn used(&self) -> usize {
        self.budget.used()
    }

    pub(super) fn end_copier(&mut self) {
        self.copier = None;
    }

    /// The polls of the body in the context of its run.
    pub(super) fn polls_in_context(&self) -> usize {
        let fed = self.feed.0.borrow();
        let contexts = fed.contexts.iter().flatten();
        contexts
            .filter(|it| Arc::ptr_eq(it, &self.run_context))
            .count()
    }

    /// Drops both halves, and returns the outcomes; no memory may be held afterwards.
    pub(super) fn finish(mut self) -> TeeOutcome {
        self.copier = None;
        self.reader = None;
        assert_eq!(self.budget.used(), 0, "something holds on to the budget");
        assert!(!self.feed.has_body(), "something holds on to the body");
        let mut landed = self.landed.take();
        assert_eq!(landed.len(), 1, "{landed:?}");
        landed.remove(0)
    }
}

/// A limit that is over when the switch is on, and the number of its polls.
pub(super) fn limit(over: &Rc<Cell<bool>>, asked: &Rc<Cell<usize>>) -> LocalBoxFuture<()> {
    let (over, asked) = (Rc::clone(over), Rc::clone(asked));
    Box::pin(poll_fn(move |_| {
        asked.set(asked.get() + 1);
        if over.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }))
}
