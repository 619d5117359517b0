//! What is to be sent on a connection, and who waits for an answer.

use std::{collections::VecDeque, mem, sync::Mutex, task::Waker};
use tokio::{sync::oneshot, time::Instant};

use crate::ground::{
    redis::command::{Answer, Commands, Shape},
    store::{StoreError, StoreErrorKind},
    sync::lock,
};

/// The most bytes that wait to be sent, unless a single question has more.
const ROOM: usize = 8 << 20;

pub(super) type Told = oneshot::Receiver<Result<Vec<Answer>, StoreError>>;

/// Where those who ask put their questions, and the driver of the connection finds them.
#[derive(Default)]
pub(super) struct Mailbox(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    asked: VecDeque<Asked>,
    /// Of the driver, while it waits for something to send.
    driver: Option<Waker>,
    /// Why nothing is sent any more.
    closed: Option<StoreError>,
}

/// A question that was put.
pub(super) struct Asked {
    shapes: Vec<Shape>,
    answers: Vec<Answer>,
    /// When it was put.
    pub(super) since: Instant,
    tell: oneshot::Sender<Result<Vec<Answer>, StoreError>>,
}

impl Mailbox {
    /// Has these sent, and their answers told.
    pub(super) fn post(&self, commands: &Commands) -> Result<Told, StoreError> {
        let (tell, told) = oneshot::channel();
        let asked = Asked {
            shapes: commands.shapes().collect(),
            answers: Vec::with_capacity(commands.len()),
            since: Instant::now(),
            tell,
        };
        let mut state = lock(&self.0);
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        let bytes = commands.as_bytes();
        if !state.bytes.is_empty() && state.bytes.len().saturating_add(bytes.len()) > ROOM {
            let slow = "the server takes nothing, and too much waits to be sent to it";
            return Err(StoreError::new(StoreErrorKind::Slow, slow));
        }
        state.bytes.extend_from_slice(bytes);
        state.asked.push_back(asked);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(told)
    }

    /// Takes out what was put in, `bytes` to be sent where it is empty, and wakes `driver` when there is more.
    pub(super) fn collect(
        &self,
        bytes: &mut Vec<u8>,
        waiting: &mut VecDeque<Asked>,
        driver: &Waker,
    ) {
        let mut state = lock(&self.0);
        if bytes.is_empty() {
            mem::swap(bytes, &mut state.bytes);
            waiting.append(&mut state.asked);
        }
        match &mut state.driver {
            Some(known) => known.clone_from(driver),
            unknown => *unknown = Some(driver.clone()),
        }
    }

    /// Nothing is sent any more: whoever waits, and whoever comes, is told why.
    pub(super) fn close(&self, why: &StoreError) {
        let mut state = lock(&self.0);
        state.closed.get_or_insert_with(|| why.clone());
        let asked = mem::take(&mut state.asked);
        state.bytes = Vec::new();
        drop(state);
        for asked in asked {
            asked.fail(why);
        }
    }
}

impl Asked {
    /// The shape of the answer that comes next; `None` if all are there.
    pub(super) fn next(&self) -> Option<Shape> {
        self.shapes.get(self.answers.len()).copied()
    }

    pub(super) fn take(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// All answers are there.
    pub(super) fn answered(self) {
        // Nobody may want to know any more.
        drop(self.tell.send(Ok(self.answers)));
    }

    pub(super) fn fail(self, why: &StoreError) {
        drop(self.tell.send(Err(why.clone())));
    }
}
