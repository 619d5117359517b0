//! One connection to one server, on which many may ask at a time.

pub(crate) mod driver;
pub(crate) mod mailbox;

use actix_web::web::Bytes;
use redis::aio::PubSub;
use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::task::AbortHandle;

use self::{
    driver::{Driver, Here},
    mailbox::{Answers, Mailbox, Wanted},
};
use crate::{
    store::{
        error::StoreError,
        redis::{
            address::Address,
            answer::{Answer, Shape},
            command::{Commands, Prepared, Shapes},
            error,
            pulse::Pulse,
            resp,
            socket::Felt,
        },
        small_values::SmallValues,
    },
    util::{batch::BatchStart, shared_oneshot::Place},
};

/// On which thread a connection is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// On that of those who ask.
    Here,
    /// On another.
    There,
}

/// An open connection, which ends when nobody holds it any more.
///
/// A question that is dropped leaves the others as they are: its answer is thrown away when it
/// comes.
pub(crate) struct Wire {
    mailbox: Arc<Mailbox>,
    driver: AbortHandle,
    pulse: Arc<Pulse>,
}

impl Wire {
    /// Connects, and says who we are. On a tokio runtime only, which goes on with it: that of those
    /// who ask, or of the I/O thread.
    pub(crate) async fn open(address: &Address, side: Side) -> Result<Self, StoreError> {
        let pulse = Arc::new(Pulse::new());
        let socket = Felt::new(address.connect().await?, Arc::clone(&pulse));
        let (mailbox, driver) = match side {
            Side::Here => {
                let (driver, mailbox) = Here::new(socket);
                (mailbox, tokio::spawn(driver).abort_handle())
            }
            Side::There => {
                let mailbox = Arc::new(Mailbox::default());
                let driver = Driver::new(socket, Arc::clone(&mailbox));
                (mailbox, tokio::spawn(driver).abort_handle())
            }
        };
        let wire = Self {
            mailbox,
            driver,
            pulse,
        };
        wire.log_in(address).await?;
        Ok(wire)
    }

    async fn log_in(&self, address: &Address) -> Result<(), StoreError> {
        let login = address.login();
        let mut commands = Commands::default();
        if let Some(password) = login.password() {
            commands.login(login.username(), password);
        }
        if let Ok(database @ 1..) = u64::try_from(login.db()) {
            commands.select(database);
        }
        let answers = self.ask(&commands).await?;
        let refusal = answers.iter().find_map(Answer::refusal);
        refusal.map_or(Ok(()), |refusal| Err(error::refusal(refusal)))
    }

    /// Connects, and listens on `channel`.
    pub(crate) async fn listen(address: &Address, channel: &str) -> Result<PubSub, StoreError> {
        let socket = address.connect().await?;
        let listening = async {
            let mut listener = PubSub::new(address.login(), socket).await?;
            listener.subscribe(channel).await?;
            Ok(listener)
        };
        listening.await.map_err(|error| error::of(&error))
    }

    /// Sends these commands in one go, and gives the answer to each. An `Err` means that the
    /// connection is of no use any more.
    pub(crate) async fn ask(&self, commands: &Commands) -> Result<Vec<Answer>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let posted = self.put(commands.as_bytes(), commands.shapes(), false)?;
        posted.answers().await
    }

    /// Has these commands sent, for somebody to await their answers wherever it is.
    pub(crate) fn post(&self, prepared: &Prepared) -> Result<Posted, StoreError> {
        let shapes = Arc::clone(&prepared.shapes);
        self.put(&prepared.bytes, shapes, prepared.in_passing)
    }

    fn put(&self, bytes: &[u8], shapes: Shapes, in_passing: bool) -> Result<Posted, StoreError> {
        let mut wanted = Wanted::of(&shapes);
        wanted.in_passing = in_passing;
        let (told, begun) = self.mailbox.post(bytes, wanted)?;
        Ok(Posted {
            told,
            begun,
            shapes,
        })
    }

    /// Whether it has said nothing to a question for too long.
    pub(crate) fn is_lost(&self) -> bool {
        self.pulse.is_lost()
    }
}

/// Commands that were given to a connection.
pub(crate) struct Posted {
    told: Answers,
    pub(crate) begun: BatchStart,
    shapes: Shapes,
}

impl Posted {
    /// The answer to each.
    pub(crate) async fn answers(self) -> Result<Vec<Answer>, StoreError> {
        let mut place = Place::default();
        let (read, _) = poll_fn(|cx| self.poll(&mut place, cx)).await;
        let mut read = read?;
        self.shapes.iter().map(|_| read.next()).collect()
    }

    /// What was read, for somebody who waits at this place; and whether others do.
    pub(crate) fn poll(
        &self,
        place: &mut Place,
        cx: &Context<'_>,
    ) -> Poll<(Result<Read, StoreError>, bool)> {
        let (bytes, others) = ready!(self.told.poll(place, cx));
        let ended = || error::unreachable("the connection has ended");
        let bytes = bytes.ok_or_else(ended).flatten();
        let read = bytes.map(|bytes| Read {
            bytes,
            at: 0,
            shapes: Arc::clone(&self.shapes),
            next: 0,
        });
        Poll::Ready((read, others))
    }
}

/// Answers that were read.
pub(crate) struct Read {
    bytes: Bytes,
    at: usize,
    shapes: Shapes,
    next: usize,
}

impl Read {
    /// The next answer, which is short values.
    pub(crate) fn shorts(&mut self) -> Result<SmallValues, StoreError> {
        if let Some(Shape::Shorts(count)) = self.shapes.get(self.next)
            && let Some(few) = resp::take_few(&self.bytes, &mut self.at, *count)
        {
            self.next += 1;
            return Ok(few);
        }
        Ok(self.next()?.shorts()?.into())
    }

    /// The next answer.
    pub(crate) fn next(&mut self) -> Result<Answer, StoreError> {
        let shape = self
            .shapes
            .get(self.next)
            .ok_or_else(error::protocol_error)?;
        self.next += 1;
        resp::take(&self.bytes, &mut self.at, *shape)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
