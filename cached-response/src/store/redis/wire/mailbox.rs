//! What is to be sent on a connection, and who waits for an answer.

use actix_web::web::Bytes;
use std::{
    cell::RefCell,
    collections::VecDeque,
    mem,
    sync::{Arc, Weak},
    task::Waker,
};
use tokio::{runtime::Handle, time::Instant};

use crate::{
    store::{
        error::{StoreError, StoreErrorKind},
        redis::{answer::Shape, command::Shapes, error},
    },
    util::{
        batch::BatchStart,
        buffer_pool,
        shared_oneshot::{SharedReceiver, SharedSender, later},
        sync::{Mutex, lock},
    },
};

/// The most bytes that wait to be sent, unless a single question has more.
const ROOM: usize = 8 << 20;

/// So many questions go at once: the server answers them while the others are made.
const ENOUGH: usize = 8;

/// What those are told who have asked: all answers, one after the other as they came.
pub(crate) type Answers = SharedReceiver<Result<Bytes, StoreError>>;

/// Where those who ask put their questions, and the driver of the connection finds them.
#[derive(Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// The driver, where it is on the thread of those who ask.
    here: Option<Weak<dyn Push>>,
}

/// A driver that can be had send without its task.
pub(crate) trait Push: Send + Sync {
    /// Sends what it finds. Where more is to do, `task` is woken for it.
    fn push(&self, task: &Waker);
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    asked: VecDeque<Asked>,
    /// What has not begun, of which something is in `bytes`.
    batches: Vec<BatchStart>,
    /// Of the driver, while it waits for something to send.
    driver: Option<Waker>,
    /// Why nothing is sent any more.
    closed: Option<StoreError>,
}

/// What is to come for a question.
pub(crate) struct Wanted {
    shapes: Shapes,
    /// Whether it is soon gone.
    pub(crate) in_passing: bool,
}

impl Wanted {
    pub(crate) fn of(shapes: &Shapes) -> Self {
        Self {
            shapes: Arc::clone(shapes),
            in_passing: false,
        }
    }
}

/// A question that was put.
pub(crate) struct Asked {
    wanted: Wanted,
    /// How many of its answers are there, and how long they are.
    pub(crate) there: usize,
    pub(crate) length: usize,
    /// When it was taken out, to be sent.
    pub(crate) since: Option<Instant>,
    tell: SharedSender<Result<Bytes, StoreError>>,
}

impl Mailbox {
    /// For a driver on the thread of those who ask.
    pub(crate) fn here(driver: Weak<dyn Push>) -> Self {
        Self {
            state: Mutex::default(),
            here: Some(driver),
        }
    }

    /// Has these sent, together with what else this thread posts until it has nothing else to do or there
    /// is enough, and their answers told. Outside of a runtime, at once.
    pub(crate) fn post(
        self: &Arc<Self>,
        bytes: &[u8],
        mut wanted: Wanted,
    ) -> Result<(Answers, BatchStart), StoreError> {
        // Only on one thread do buffers go round.
        wanted.in_passing &= self.here.is_some();
        let (tell, told) = later();
        let asked = Asked {
            wanted,
            there: 0,
            length: 0,
            since: None,
            tell,
        };
        let begun = batch(self);
        let waiting = self.put(bytes, asked, &begun)?;
        if waiting >= ENOUGH {
            begun.go();
        }
        if begun.when().is_some() {
            // It may have gone before this was put.
            self.go();
        }
        Ok((told, begun))
    }

    fn put(&self, bytes: &[u8], asked: Asked, begun: &BatchStart) -> Result<usize, StoreError> {
        let mut state = lock(&self.state);
        if let Some(why) = &state.closed {
            // Those who had asked were told why. A new one may do better.
            return Err(error::unreachable(why));
        }
        if !state.bytes.is_empty() && state.bytes.len().saturating_add(bytes.len()) > ROOM {
            let slow = "the server takes nothing, and too much waits to be sent to it";
            return Err(StoreError::new(StoreErrorKind::Timeout, slow));
        }
        state.bytes.extend_from_slice(bytes);
        state.asked.push_back(asked);
        if !state.batches.iter().any(|known| known.is(begun)) {
            state.batches.push(begun.clone());
        }
        Ok(state.asked.len())
    }

    /// Takes out what was put in, where `bytes` are empty, and has `driver` woken when there is more.
    ///
    /// What is taken has begun: who comes from now on may not have what it finds.
    pub(crate) fn collect(
        &self,
        bytes: &mut Vec<u8>,
        waiting: &mut VecDeque<Asked>,
        driver: &Waker,
    ) {
        let mut state = lock(&self.state);
        if bytes.is_empty() {
            mem::swap(bytes, &mut state.bytes);
            // The server had no time to answer before.
            let now = Instant::now();
            state
                .asked
                .iter_mut()
                .for_each(|asked| asked.since = Some(now));
            waiting.append(&mut state.asked);
            for begun in state.batches.drain(..) {
                begun.begin();
            }
        }
        match &mut state.driver {
            Some(known) => known.clone_from(driver),
            unknown => *unknown = Some(driver.clone()),
        }
    }

    /// Has the driver send what is there.
    fn go(&self) {
        let Some(task) = lock(&self.state).driver.take() else {
            return;
        };
        match self.here.as_ref().and_then(Weak::upgrade) {
            Some(driver) => driver.push(&task),
            None => task.wake(),
        }
    }

    /// Why nothing is waited for any longer. A thread that was kept busy may have read nothing of what is
    /// there, so that its questions are asked again elsewhere.
    pub(crate) fn out_of_patience(&self) -> StoreError {
        let slow = "an answer has taken too long";
        match self.here {
            Some(_) => error::unreachable(slow),
            None => StoreError::new(StoreErrorKind::Timeout, slow),
        }
    }

    /// Nothing is sent any more: whoever waits, and whoever comes, is told why.
    pub(crate) fn close(&self, why: &StoreError) {
        let mut state = lock(&self.state);
        state.closed.get_or_insert_with(|| why.clone());
        let asked = mem::take(&mut state.asked);
        state.bytes = Vec::new();
        state.batches = Vec::new();
        drop(state);
        for asked in asked {
            asked.fail(why);
        }
    }
}

impl Asked {
    /// The shape of the answer that comes next; `None` if all are there.
    pub(crate) fn next(&self) -> Option<Shape> {
        self.wanted.shapes.get(self.there).copied()
    }

    /// All answers are there. What nobody wants to know any more is not copied.
    pub(crate) fn answered(self, answers: &[u8]) {
        if !self.tell.is_unheard() {
            // A copy: what is kept of it must not keep what lies around it.
            let copy = if self.wanted.in_passing {
                buffer_pool::copy(answers)
            } else {
                Bytes::copy_from_slice(answers)
            };
            self.tell.tell(Ok(copy));
        }
    }

    pub(crate) fn fail(self, why: &StoreError) {
        self.tell.tell(Err(why.clone()));
    }
}

thread_local! {
    /// What this thread has put last, and may not have sent yet.
    static BATCH: RefCell<Option<(Weak<Mailbox>, BatchStart)>> = const { RefCell::new(None) };
}

/// What this thread puts into a mailbox until it has looked at all that is ready.
fn batch(mailbox: &Arc<Mailbox>) -> BatchStart {
    let known = BATCH.try_with(|batch| {
        let batch = batch.borrow();
        let (of, begun) = batch.as_ref()?;
        let waits = Weak::as_ptr(of) == Arc::as_ptr(mailbox) && begun.when().is_none();
        waits.then(|| begun.clone())
    });
    if let Ok(Some(begun)) = known {
        return begun;
    }
    let of = Arc::clone(mailbox);
    let begun = BatchStart::by(move || of.go());
    let Ok(runtime) = Handle::try_current() else {
        begun.go();
        return begun;
    };
    // A thread that ends keeps none any more.
    let _ = BATCH.try_with(|batch| batch.replace(Some((Arc::downgrade(mailbox), begun.clone()))));
    let guard = begun.guard();
    // Behind all tasks that are ready; or at once, where the runtime ends.
    drop(runtime.spawn(async move { drop(guard) }));
    begun
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::command::Commands;

    fn post(mailbox: &Arc<Mailbox>) -> Result<(Answers, BatchStart), StoreError> {
        let mut commands = Commands::default();
        commands.left("name");
        mailbox.post(commands.as_bytes(), Wanted::of(&commands.shapes()))
    }

    fn collect(mailbox: &Mailbox) -> usize {
        let (mut bytes, mut waiting) = (Vec::new(), VecDeque::new());
        mailbox.collect(&mut bytes, &mut waiting, Waker::noop());
        waiting.len()
    }

    #[tokio::test]
    async fn what_one_thread_posts_in_one_go_begins_together() {
        let mailbox = Arc::new(Mailbox::default());
        let begun = [(); 3].map(|()| post(&mailbox).unwrap().1);
        assert!(begun.iter().all(|begun| begun.when().is_none()));
        tokio::task::yield_now().await;
        let when = begun[0].when().unwrap();
        assert!(begun.iter().all(|begun| begun.when() == Some(when)));
        let (_, next) = post(&mailbox).unwrap();
        assert_eq!(next.when(), None);
        assert_eq!(collect(&mailbox), 4);
    }

    #[tokio::test]
    async fn as_many_as_are_enough_go_at_once() {
        let mailbox = Arc::new(Mailbox::default());
        let begun = [(); ENOUGH].map(|()| post(&mailbox).unwrap().1);
        assert!(begun.iter().all(|begun| begun.when().is_some()));
        assert_eq!(collect(&mailbox), ENOUGH);
        let (_told, next) = post(&mailbox).unwrap();
        assert_eq!(next.when(), None);
    }

    /// Nobody who comes after that may have what is found.
    #[tokio::test]
    async fn what_is_taken_out_has_begun_whoever_has_yet_to_send_it() {
        let mailbox = Arc::new(Mailbox::default());
        let (_told, begun) = post(&mailbox).unwrap();
        assert_eq!(begun.when(), None);
        assert_eq!(collect(&mailbox), 1);
        assert!(begun.when().is_some());
        let (_told, next) = post(&mailbox).unwrap();
        assert_eq!(next.when(), None, "it is of another batch");
    }

    /// A runtime may be left alone with a task in it, and its thread go on with another.
    #[test]
    fn who_has_waited_for_too_long_has_it_go() {
        let mailbox = Arc::new(Mailbox::default());
        let left_alone = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let entered = left_alone.enter();
        let (_told, begun) = post(&mailbox).unwrap();
        drop(entered);
        begun.go();
        assert!(begun.when().is_some());
        // What is posted from now on waits for nobody.
        let (_told, next) = post(&mailbox).unwrap();
        assert!(next.when().is_some());
    }

    #[test]
    fn outside_of_a_runtime_it_goes_at_once() {
        let mailbox = Arc::new(Mailbox::default());
        let (_told, begun) = post(&mailbox).unwrap();
        assert!(begun.when().is_some());
    }

    #[test]
    fn what_was_posted_goes_though_its_runtime_ends() {
        let mailbox = Arc::new(Mailbox::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let (_told, begun) = post(&mailbox).unwrap();
        assert_eq!(begun.when(), None);
        drop(entered);
        drop(runtime);
        assert!(begun.when().is_some());
    }
}
