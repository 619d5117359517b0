//! Short values, such as nonces and leases: several in one round trip.

use actix_web::web::Bytes;
use std::{iter::zip, time::Duration};

use crate::store::{
    error::StoreError,
    redis::{
        answer::{Answer, SHORT},
        command::{Commands, milliseconds},
        error,
        lookup::NOT_THERE,
        node::Order,
        question,
        servers::Servers,
    },
};

/// How often what vanishes while it is looked at is looked at again.
const TRIES: usize = 3;

/// Puts `bytes` under `name` unless something lies there, and gives what lies there then.
pub(crate) async fn add(
    servers: &Servers,
    name: &str,
    bytes: Bytes,
    timeout: Duration,
) -> Result<Bytes, StoreError> {
    let milliseconds = milliseconds(timeout);
    if milliseconds == 0 {
        return Ok(bytes);
    }
    for tries in 0..TRIES {
        // What cannot be read may have gone between the two commands, or be foreign.
        let order = Order::Ask(offered(name, &bytes, milliseconds, tries > 0));
        match there(servers.answers(name, &order).await?)? {
            (true, _) => return Ok(bytes),
            (false, Some(found)) => return Ok(found),
            (false, None) => {}
        }
    }
    Err(error::vanishes())
}

/// Puts `bytes` under `name` unless something lies there, and reads what lies there then. What cannot be
/// read is removed first where `replaces` says so, since it would lie there for ever. That may remove what
/// another has put in its place meanwhile: a nonce that is gone is an invalidation, and a lease another
/// run.
fn offered(name: &str, bytes: &Bytes, milliseconds: u64, replaces: bool) -> Commands {
    let mut commands = Commands::default();
    if replaces {
        commands.remove(name);
    }
    commands.add(name, bytes, milliseconds).read(name, SHORT);
    commands
}

/// What was answered to [`offered`]: whether the bytes were put there, and what lies there now, if it can
/// be read.
fn there(mut answers: Vec<Answer>) -> Result<(bool, Option<Bytes>), StoreError> {
    let last = answers.split_off(answers.len().saturating_sub(2));
    if let Some(removed) = answers.pop() {
        removed.number()?;
    }
    let [added, found]: [_; 2] = last.try_into().map_err(|_| error::protocol_error())?;
    Ok((added.done()?, question::value(found)?))
}

/// What lies under a name for which a value was offered.
struct Present {
    /// `None` where it cannot be read.
    bytes: Option<Bytes>,
    /// In milliseconds, or what `PTTL` says else.
    left: i64,
}

impl Present {
    fn of(mut answers: Vec<Answer>) -> Result<Self, StoreError> {
        let left = answers.pop().ok_or_else(error::protocol_error)?.number()?;
        let (_, bytes) = there(answers)?;
        Ok(Self { bytes, left })
    }

    /// Something lies there that is no short value: one of another type, or an empty one.
    fn is_foreign(&self) -> bool {
        self.bytes.is_none() && self.left != NOT_THERE
    }
}

/// For each name the value that lies there and has `life` to live still, or else the given one, put
/// in its place.
///
/// What is put lives for four times as long, so that it is seldom made longer. Making it longer is a
/// round trip of its own, and something may happen in between:
/// * It is deleted, or dies: then there is nothing to make longer, since `PEXPIRE` brings nothing
///   back, and it is begun again.
/// * It is deleted and another is put in its place: that lives longer, which is of no harm. What is
///   given is the one that was deleted, and what is stored under that is never found valid.
/// * Two make it longer, and the one that wants less comes last: then it lives shorter than the
///   other has asked. What depends on it is invalid when it is gone, as if it was invalidated.
pub(crate) async fn ensure(
    servers: &Servers,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let enough = milliseconds(life).max(1);
    let put = milliseconds(life.saturating_mul(4)).max(1);
    let mut ensured: Vec<Option<Bytes>> = vec![None; values.len()];
    let mut replaces = vec![false; values.len()];
    for _ in 0..TRIES {
        let missing: Vec<_> = (0..values.len())
            .filter(|it| ensured[*it].is_none())
            .collect();
        let found = present(servers, values, &missing, &replaces, put).await?;
        let mut short = Vec::new();
        for (index, found) in zip(missing, found) {
            replaces[index] = found.is_foreign();
            let Some(bytes) = found.bytes else {
                continue;
            };
            ensured[index] = Some(bytes);
            // What lives for ever has -1 left, and what has just died has -2: `PEXPIRE` knows which.
            let left = found.left;
            if u64::try_from(left).is_ok_and(|left| left < enough) || left == NOT_THERE {
                short.push(index);
            }
        }
        for index in gone(servers, values, short, put).await? {
            ensured[index] = None;
        }
        if ensured.iter().all(Option::is_some) {
            return Ok(ensured.into_iter().flatten().collect());
        }
    }
    Err(error::vanishes())
}

/// What lies under these names after the given values were put where nothing did, or where something
/// foreign does.
async fn present(
    servers: &Servers,
    values: &[(String, Bytes)],
    names: &[usize],
    replaces: &[bool],
    milliseconds: u64,
) -> Result<Vec<Present>, StoreError> {
    let questions = names.iter().map(|index| {
        let (name, value) = &values[*index];
        let mut commands = offered(name, value, milliseconds, replaces[*index]);
        commands.left(name);
        (name.clone(), commands)
    });
    let answers = servers.all_answers(questions.collect()).await?;
    answers.into_iter().map(Present::of).collect()
}

/// Has these live longer, and gives those that are not there any more.
async fn gone(
    servers: &Servers,
    values: &[(String, Bytes)],
    names: Vec<usize>,
    milliseconds: u64,
) -> Result<Vec<usize>, StoreError> {
    let questions = names.iter().map(|index| {
        let (name, _) = &values[*index];
        let mut commands = Commands::default();
        commands.extend(name, milliseconds);
        (name.clone(), commands)
    });
    let answers = servers.all_answers(questions.collect()).await?;
    let mut gone = Vec::new();
    for (index, answers) in zip(names, answers) {
        let answer = answers
            .into_iter()
            .next()
            .ok_or_else(error::protocol_error)?;
        if answer.number()? == 0 {
            gone.push(index);
        }
    }
    Ok(gone)
}
