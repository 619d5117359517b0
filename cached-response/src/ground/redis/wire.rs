//! One connection to one server, on which many may ask at a time.

mod driver;
mod mailbox;

use redis::aio::PubSub;
use std::sync::Arc;
use tokio::task::AbortHandle;

use self::{
    driver::Driver,
    mailbox::{Mailbox, Told},
};
use super::{
    address::Address, answer::Answer, command::Commands, failure, pulse::Pulse, resp, socket::Felt,
};
use crate::ground::{begun::Begun, store::StoreError};

/// An open connection, which ends when nobody holds it any more.
///
/// A question that is dropped leaves the others as they are: its answer is thrown away when it
/// comes.
pub(super) struct Wire {
    mailbox: Arc<Mailbox>,
    driver: AbortHandle,
    pulse: Arc<Pulse>,
}

impl Wire {
    /// Connects, and says who we are. On a tokio runtime only.
    pub(super) async fn open(address: &Address) -> Result<Self, StoreError> {
        let pulse = Arc::new(Pulse::new());
        let socket = Felt::new(address.connect().await?, Arc::clone(&pulse));
        let mailbox = Arc::new(Mailbox::default());
        let driver = Driver::new(socket, Arc::clone(&mailbox));
        let wire = Self {
            mailbox,
            driver: tokio::spawn(driver).abort_handle(),
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
        refusal.map_or(Ok(()), |refusal| Err(failure::refusal(refusal)))
    }

    /// Connects, and listens on `channel`.
    pub(super) async fn listen(address: &Address, channel: &str) -> Result<PubSub, StoreError> {
        let socket = address.connect().await?;
        let listening = async {
            let mut listener = PubSub::new(address.login(), socket).await?;
            listener.subscribe(channel).await?;
            Ok(listener)
        };
        listening.await.map_err(|error| failure::of(&error))
    }

    /// Sends these commands in one go, and gives the answer to each. An `Err` means that the
    /// connection is of no use any more.
    pub(super) async fn ask(&self, commands: &Commands) -> Result<Vec<Answer>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.post(commands)?.answers(commands).await
    }

    /// Has these commands sent, for somebody to await their answers wherever it is.
    pub(super) fn post(&self, commands: &Commands) -> Result<Posted, StoreError> {
        let (told, begun) = self.mailbox.post(commands)?;
        Ok(Posted { told, begun })
    }

    /// Whether it has said nothing to a question for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.pulse.is_lost()
    }
}

/// Commands that were given to a connection.
pub(super) struct Posted {
    told: Told,
    pub(super) begun: Begun,
}

impl Posted {
    /// The answer to each, `commands` being what was posted.
    pub(super) async fn answers(self, commands: &Commands) -> Result<Vec<Answer>, StoreError> {
        let ended = |_| failure::unreachable("the connection has ended");
        let mut bytes = self.told.await.map_err(ended)??;
        let shapes = commands.shapes();
        shapes.map(|shape| resp::take(&mut bytes, shape)).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
