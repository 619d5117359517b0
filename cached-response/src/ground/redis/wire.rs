//! One connection to one server, on which many may ask at a time.

use redis::{
    AsyncConnectionConfig, Pipeline,
    aio::{MultiplexedConnection, PubSub},
};
use std::{iter, sync::Arc, time::Duration};
use tokio::task::AbortHandle;

use super::{
    address::Address,
    command::{Answer, Command},
    failure,
    pulse::Pulse,
    socket::Felt,
};
use crate::ground::store::StoreError;

/// How long an answer may take where nobody outside has less patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// An open connection, which ends when nobody holds it any more.
///
/// A question that is dropped leaves the others as they are: its answer is thrown away when it
/// comes.
pub(super) struct Wire {
    connection: MultiplexedConnection,
    driver: AbortHandle,
    pulse: Arc<Pulse>,
}

impl Wire {
    /// Connects, and says who we are. On a tokio runtime only.
    pub(super) async fn open(address: &Address) -> Result<Self, StoreError> {
        let pulse = Arc::new(Pulse::new());
        let socket = Felt::new(address.connect().await?, Arc::clone(&pulse));
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(Some(PATIENCE));
        let opened =
            MultiplexedConnection::new_with_config(address.login(), socket, settings).await;
        let (connection, driver) = opened.map_err(|error| failure::of(&error))?;
        Ok(Self {
            connection,
            driver: tokio::spawn(driver).abort_handle(),
            pulse,
        })
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
    pub(super) async fn ask(&self, commands: Vec<Command>) -> Result<Vec<Answer>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        let mut shapes = Vec::with_capacity(commands.len());
        for command in commands {
            let (cmd, shape) = command.into_parts();
            pipeline.add_command(cmd);
            shapes.push(shape);
        }
        let mut connection = self.connection.clone();
        self.pulse.ask();
        let values = connection.send_packed_commands(&pipeline, 0, shapes.len());
        let values = values.await.map_err(|error| failure::of(&error))?;
        if values.len() != shapes.len() {
            return Err(failure::garbled());
        }
        let answers = iter::zip(shapes, values);
        answers.map(|(shape, value)| shape.answer(value)).collect()
    }

    /// Whether it has said nothing to a question for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.pulse.is_lost()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
