//! Sentinels, who know which server is the primary now.

use redis::{ServerError, Value};
use tokio::task::JoinSet;

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::{
        address::Address,
        answer::Answer,
        command::Commands,
        error,
        wire::{Side, Wire},
    },
};

/// Who is asked, and for which primary.
#[derive(Debug)]
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    primary: String,
}

impl Sentinels {
    pub(crate) fn new(addresses: Vec<Address>, primary: &str) -> Self {
        Self {
            addresses,
            primary: primary.to_owned(),
        }
    }

    /// Where the primary is, by the first who knows: all are asked at once, since one that is gone
    /// takes its time to say nothing.
    pub(crate) async fn primary(&self) -> Result<Address, StoreError> {
        let mut asked = JoinSet::new();
        for address in &self.addresses {
            asked.spawn(ask(address.clone(), self.primary.clone()));
        }
        let mut why = error::unreachable("there is no sentinel to ask");
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(primary)) => return Ok(primary),
                Ok(Err(error)) => why = error,
                Err(error) => why = error::unreachable(error),
            }
        }
        Err(why)
    }
}

async fn ask(address: Address, primary: String) -> Result<Address, StoreError> {
    let sentinel = Wire::open(&address.anonymous(), Side::There).await?;
    let mut question = Commands::default();
    question.primary(&primary);
    let answer = match only(sentinel.ask(&question).await?)? {
        // The password is the servers' own, and is not shown to a sentinel that has not asked.
        Answer::Refused(error) if error.code() == "NOAUTH" => {
            login(&sentinel, &address, &error).await?;
            only(sentinel.ask(&question).await?)?
        }
        answer => answer,
    };
    let [Value::BulkString(host), Value::BulkString(port)] = &*answer.many()? else {
        let unknown = format!("the sentinel at {address} knows no primary `{primary}`");
        return Err(StoreError::new(StoreErrorKind::Refused, unknown));
    };
    let host = str::from_utf8(host).map_err(|_| error::protocol_error())?;
    let port = str::from_utf8(port).ok().and_then(|port| port.parse().ok());
    Ok(address.elsewhere(host, port.ok_or_else(error::protocol_error)?))
}

async fn login(
    sentinel: &Wire,
    address: &Address,
    refusal: &ServerError,
) -> Result<(), StoreError> {
    let login = address.login();
    let Some(password) = login.password() else {
        return Err(error::refusal(refusal));
    };
    let mut commands = Commands::default();
    commands.login(login.username(), password);
    only(sentinel.ask(&commands).await?)?.done()?;
    Ok(())
}

fn only(answers: Vec<Answer>) -> Result<Answer, StoreError> {
    answers.into_iter().next().ok_or_else(error::protocol_error)
}
