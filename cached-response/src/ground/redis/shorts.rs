//! Short values, such as nonces and leases: several in one round trip.

use actix_web::web::Bytes;
use std::{iter::zip, time::Duration};

use super::{
    answer::{Answer, SHORT},
    command::{Commands, milliseconds},
    failure,
    node::Order,
    servers::Servers,
};
use crate::ground::store::StoreError;

/// How often what vanishes while it is looked at is looked at again.
const TRIES: usize = 3;

/// Puts `bytes` under `name` unless something lies there, and gives what lies there then.
pub(super) async fn add(
    servers: &Servers,
    name: &str,
    bytes: Bytes,
    timeout: Duration,
) -> Result<Bytes, StoreError> {
    let milliseconds = milliseconds(timeout);
    if milliseconds == 0 {
        return Ok(bytes);
    }
    let mut commands = Commands::default();
    commands.add(name, &bytes, milliseconds).read(name, SHORT);
    let order = Order::Ask(commands);
    for _ in 0..TRIES {
        let [added, found] = two(servers.answers(name, &order).await?)?;
        if added.done()? {
            return Ok(bytes);
        }
        // It may have gone between the two.
        let found = found.bytes()?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(failure::garbled())
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
pub(super) async fn ensure(
    servers: &Servers,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let enough = milliseconds(life).max(1);
    let put = milliseconds(life.saturating_mul(4)).max(1);
    let mut ensured: Vec<Option<Bytes>> = vec![None; values.len()];
    for _ in 0..TRIES {
        let missing: Vec<_> = (0..values.len())
            .filter(|it| ensured[*it].is_none())
            .collect();
        let found = present(servers, values, &missing, put).await?;
        let mut short = Vec::new();
        for (index, (bytes, left)) in zip(missing, found) {
            if bytes.is_empty() {
                continue;
            }
            ensured[index] = Some(bytes);
            // What lives for ever has -1 left, and what has just died has -2: `PEXPIRE` knows which.
            if u64::try_from(left).is_ok_and(|left| left < enough) || left == -2 {
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
    Err(failure::garbled())
}

/// What lies under these names after the given values were put where nothing did, and how long it
/// has to live.
async fn present(
    servers: &Servers,
    values: &[(String, Bytes)],
    names: &[usize],
    milliseconds: u64,
) -> Result<Vec<(Bytes, i64)>, StoreError> {
    let questions = names.iter().map(|index| {
        let (name, value) = &values[*index];
        let mut commands = Commands::default();
        let added = commands.add(name, value, milliseconds);
        added.read(name, SHORT).left(name);
        (name.clone(), commands)
    });
    let answers = servers.all_answers(questions.collect()).await?;
    let present = answers.into_iter().map(|answers| {
        let [added, bytes, left] = three(answers)?;
        added.done()?;
        Ok((bytes.bytes()?, left.number()?))
    });
    present.collect()
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
        let answer = answers.into_iter().next().ok_or_else(failure::garbled)?;
        if answer.number()? == 0 {
            gone.push(index);
        }
    }
    Ok(gone)
}

fn two(answers: Vec<Answer>) -> Result<[Answer; 2], StoreError> {
    answers.try_into().map_err(|_| failure::garbled())
}

fn three(answers: Vec<Answer>) -> Result<[Answer; 3], StoreError> {
    answers.try_into().map_err(|_| failure::garbled())
}
