//! A connection to a primary, and what is known of it.

use std::{
    borrow::Cow,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{
    store::{
        error::{StoreError, StoreErrorKind},
        redis::{
            address::Address,
            answer::Answer,
            command::{Commands, Prepared},
            server_info::ServerInfo,
            wire::{Posted, Side, Wire},
        },
    },
    util::sync::lock,
};

/// A connection to a server that was a primary when it was last asked.
pub(crate) struct Primary {
    wire: Wire,
    known: Mutex<ServerInfo>,
}

impl Primary {
    /// Connects, and asks whether it is one. What has been written is not yet at a replica, so what
    /// was invalidated could be found there.
    pub(crate) async fn open(address: &Address, side: Side) -> Result<Self, StoreError> {
        let wire = Wire::open(address, side).await?;
        let mut answers = wire.ask(&questions()).await?;
        let known = learn(&mut answers);
        if known.is_replica {
            return Err(StoreError::new(
                StoreErrorKind::Refused,
                format!("READONLY {address} is a replica, which is no place for a cache"),
            ));
        }
        Ok(Self {
            wire,
            known: Mutex::new(known),
        })
    }

    /// Sends these commands in one go. An `Err` means that the connection is of no use any more.
    ///
    /// Along with them it is asked what is known of it, where that is older than `known_for`.
    pub(crate) async fn ask(
        &self,
        commands: Cow<'_, Commands>,
        known_for: Option<Duration>,
    ) -> Result<Vec<Answer>, StoreError> {
        if known_for.is_none_or(|time| !self.known().is_older_than(time)) {
            return self.wire.ask(&commands).await;
        }
        let mut commands = commands.into_owned();
        commands.append(&questions());
        let mut answers = self.wire.ask(&commands).await?;
        *lock(&self.known) = learn(&mut answers);
        Ok(answers)
    }

    /// Has these commands sent, for somebody to await their answers wherever it is.
    pub(crate) fn post(&self, prepared: &Prepared) -> Result<Posted, StoreError> {
        self.wire.post(prepared)
    }

    /// What is known of it.
    pub(crate) fn known(&self) -> ServerInfo {
        lock(&self.known).clone()
    }

    /// Whether it has become a replica since.
    pub(crate) fn is_replica(&self) -> bool {
        lock(&self.known).is_replica
    }

    /// Whether it has said nothing to a question for too long.
    pub(crate) fn is_lost(&self) -> bool {
        self.wire.is_lost()
    }
}

fn questions() -> Commands {
    let mut questions = Commands::default();
    questions.time().replication();
    questions
}

/// Takes the answers to the questions from the end of these.
fn learn(answers: &mut Vec<Answer>) -> ServerInfo {
    let replication = answers.pop().unwrap_or(Answer::Nothing);
    let time = answers.pop().unwrap_or(Answer::Nothing);
    ServerInfo::of(&time, &replication, Instant::now())
}
