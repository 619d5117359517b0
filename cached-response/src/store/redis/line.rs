//! A way to a server that is there when it is needed: opened when it is first used, and again when
//! it was lost.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::runtime::Handle;

use crate::{
    store::{
        error::{StoreError, StoreErrorKind},
        redis::{
            answer::Answer,
            command::{Commands, Prepared},
            joint::Joint,
            primary::Primary,
            target::Target,
            wire::{Posted, Read, Side},
        },
    },
    util::{batch::BatchStart, shared_oneshot::Place, sync::lock},
};

/// How often a server was seen to be no primary any more. All connections to it that were made
/// before are left then: what is read from a replica may be what was invalidated.
pub(crate) type Turns = Arc<AtomicU64>;

/// One connection at a time.
pub(crate) struct Line {
    side: Side,
    target: Arc<Target>,
    turns: Turns,
    open: Arc<Mutex<Option<Open>>>,
    /// Nobody needs it any more. Written and read under the lock of `open`.
    closed: Arc<AtomicBool>,
    opening: Joint<Open>,
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Open {
    primary: Arc<Primary>,
    turn: u64,
}

/// What is sent.
pub(crate) struct Sent<'a> {
    commands: Cow<'a, Commands>,
    known_for: Option<Duration>,
}

impl<'a> Sent<'a> {
    /// These; and what is known of the server, where it is older than `known_for`, is asked along
    /// with them.
    pub(crate) fn new(commands: Cow<'a, Commands>, known_for: Option<Duration>) -> Self {
        Self {
            commands,
            known_for,
        }
    }
}

impl Line {
    pub(crate) fn new(side: Side, target: Arc<Target>, turns: Turns) -> Self {
        Self {
            side,
            target,
            turns,
            open: Arc::default(),
            closed: Arc::default(),
            opening: Joint::default(),
        }
    }

    /// Sends what `build` makes for the connection, and gives the answers.
    ///
    /// A connection that was open may have been closed from the other side long since, which is seen
    /// when it is used. So what was sent on one such is sent once more on a new one.
    pub(crate) async fn send<'a>(
        &self,
        build: impl Fn(&Primary) -> Sent<'a>,
    ) -> Result<Vec<Answer>, StoreError> {
        if let Some(open) = self.at_hand() {
            let answers = self.send_on(&open, build(&open.primary)).await;
            let closed = |error: &StoreError| error.kind() == StoreErrorKind::Unreachable;
            if !answers.as_ref().is_err_and(closed) {
                return answers;
            }
        }
        // Boxed: there is no room for it in each question.
        let open = Box::pin(self.opened()).await?;
        self.send_on(&open, build(&open.primary)).await
    }

    /// Sends what must not be sent twice.
    pub(crate) async fn send_once(&self, sent: Sent<'_>) -> Result<Vec<Answer>, StoreError> {
        let open = self.opened().await?;
        self.send_on(&open, sent).await
    }

    async fn send_on(&self, open: &Open, sent: Sent<'_>) -> Result<Vec<Answer>, StoreError> {
        let answers = open.primary.ask(sent.commands, sent.known_for).await;
        self.heed(open, &answers);
        answers
    }

    /// Sees in the answers whether the connection is of no use any more.
    fn heed(&self, open: &Open, answers: &Result<Vec<Answer>, StoreError>) {
        self.heed_what(open, answers, |answers| answers.iter().any(is_read_only));
    }

    /// The same of whatever was answered, of which `refuses` tells whether it is that of a replica.
    fn heed_what<T>(
        &self,
        open: &Open,
        answered: &Result<T, StoreError>,
        refuses: impl FnOnce(&T) -> bool,
    ) {
        match answered {
            Err(_) => self.leave(open),
            Ok(answered) => {
                if open.primary.is_replica() || refuses(answered) {
                    self.turns.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// The connection, made where there is none.
    async fn opened(&self) -> Result<Open, StoreError> {
        if let Some(open) = self.at_hand() {
            return Ok(open);
        }
        self.opening.outcome(self.work()).await
    }

    fn work(&self) -> impl Future<Output = Result<Open, StoreError>> + Send + use<> {
        let (target, slot) = (Arc::clone(&self.target), Arc::clone(&self.open));
        let closed = Arc::clone(&self.closed);
        let (turn, side) = (self.turns.load(Ordering::Relaxed), self.side);
        async move {
            let primary = Arc::new(target.open(side).await?);
            let open = Open { primary, turn };
            let mut slot = lock(&slot);
            if !closed.load(Ordering::Relaxed) {
                *slot = Some(open.clone());
            }
            Ok(open)
        }
    }

    /// Opens a connection in the background, on this runtime, unless that is under way.
    pub(crate) fn open_behind(&self) {
        let _ = self.opening.begin(self.work());
    }

    /// Has no connection any more, and gets none.
    pub(crate) fn close(&self) {
        let mut slot = lock(&self.open);
        self.closed.store(true, Ordering::Relaxed);
        slot.take();
    }

    /// Asks in the background, on this runtime, whether the server that is connected is a primary still.
    pub(crate) fn learn_behind(self: &Arc<Self>, known_for: Duration) {
        let (Some(open), Ok(runtime)) = (self.at_hand(), Handle::try_current()) else {
            return;
        };
        let line = Arc::clone(self);
        drop(runtime.spawn(async move {
            let nothing_more = Cow::Owned(Commands::default());
            let answers = open.primary.ask(nothing_more, Some(known_for)).await;
            line.heed(&open, &answers);
        }));
    }

    /// The open connection, if there is one of which something may be expected.
    fn at_hand(&self) -> Option<Open> {
        let turn = self.turns.load(Ordering::Relaxed);
        let mut slot = lock(&self.open);
        slot.take_if(|open| open.turn != turn || open.primary.is_lost());
        slot.clone()
    }

    /// Ends this connection for all who come later.
    fn leave(&self, left: &Open) {
        lock(&self.open).take_if(|open| Arc::ptr_eq(&open.primary, &left.primary));
    }
}

/// A question on a connection that was at hand, which changes nothing.
pub(crate) struct Asked {
    line: Arc<Line>,
    open: Open,
    posted: Posted,
}

impl Asked {
    /// Has these sent on the connection that `line` has at hand, if it has one.
    pub(crate) fn on(line: &Arc<Line>, prepared: &Prepared) -> Option<Self> {
        let open = line.at_hand()?;
        let posted = open.primary.post(prepared);
        let lost = |error: &StoreError| error.kind() == StoreErrorKind::Unreachable;
        if posted.as_ref().is_err_and(lost) {
            line.leave(&open);
        }
        let posted = posted.ok()?;
        Some(Self {
            line: Arc::clone(line),
            open,
            posted,
        })
    }

    pub(crate) fn begun(&self) -> &BatchStart {
        &self.posted.begun
    }

    /// What was read, for somebody who waits at this place; and whether others do.
    pub(crate) fn poll(
        &self,
        place: &mut Place,
        cx: &Context<'_>,
    ) -> Poll<(Result<Read, StoreError>, bool)> {
        let (read, others) = ready!(self.posted.poll(place, cx));
        // What changes nothing is refused by no replica.
        self.line.heed_what(&self.open, &read, |_| false);
        Poll::Ready((read, others))
    }
}

fn is_read_only(answer: &Answer) -> bool {
    let refusal = answer.refusal();
    refusal.is_some_and(|refusal| refusal.code() == "READONLY")
}
