//! `add` and `ensure`: small values, such as nonces and leases, that are stored unless there is one.

use crate::store::{
    StoreError,
    redis::{
        backend::Backend,
        error::{protocol_error, vanishes},
        pipelines::{self, NOT_THERE, milliseconds},
        reply::{done, number, small_value},
    },
};
use actix_web::web::Bytes;
use redis::{Pipeline, Value};
use std::{iter::zip, time::Duration};

/// The number of attempts where a value is gone, or cannot be read, when it is read.
const MAX_ATTEMPTS: usize = 3;

/// Stores `bytes` under `name` unless there is a value, and returns the value that is stored then.
pub(crate) async fn add(
    backend: &Backend,
    name: &str,
    bytes: Bytes,
    timeout: Duration,
) -> Result<Bytes, StoreError> {
    let milliseconds = milliseconds(timeout);
    if milliseconds == 0 {
        return Ok(bytes);
    }
    for attempt in 0..MAX_ATTEMPTS {
        // A value that cannot be read may have expired between the two commands, or be foreign.
        let commands = pipelines::add(name, &bytes, milliseconds, attempt > 0);
        let replies = backend.send_all(&[(name.to_owned(), commands)]).await?;
        match added(replies.into_iter().flatten().collect())? {
            (true, _) => return Ok(bytes),
            (false, Some(found)) => return Ok(found),
            (false, None) => {}
        }
    }
    Err(vanishes())
}

/// The replies to [`pipelines::add`]: `true` where the bytes were stored, and the value that is stored now,
/// if it can be read.
fn added(mut replies: Vec<Value>) -> Result<(bool, Option<Bytes>), StoreError> {
    let last = replies.split_off(replies.len().saturating_sub(2));
    if let Some(removed) = replies.pop() {
        number(&removed)?;
    }
    let [added, found]: [_; 2] = last.try_into().map_err(|_| protocol_error())?;
    Ok((done(&added)?, small_value(found)?))
}

/// The value under a name for which one was given.
struct Present {
    /// `None` where it cannot be read.
    bytes: Option<Bytes>,
    /// The reply to `PTTL`, in milliseconds.
    left: i64,
}

impl Present {
    fn of(mut replies: Vec<Value>) -> Result<Self, StoreError> {
        let left = number(&replies.pop().ok_or_else(protocol_error)?)?;
        let (_, bytes) = added(replies)?;
        Ok(Self { bytes, left })
    }

    /// `true` for a value that is no small value: one of another type, or an empty one.
    fn is_foreign(&self) -> bool {
        self.bytes.is_none() && self.left != NOT_THERE
    }
}

/// For each name the value that is stored there and has `life` to live still, or else the given one,
/// which is stored in its place.
///
/// A value is stored for four times as long, so that its life is seldom extended. Extending it is a round
/// trip of its own, and something may happen in between:
/// * It is deleted, or expires: `PEXPIRE` finds nothing then and brings nothing back, and it begins again.
/// * It is deleted, and another is stored in its place: that lives longer, which is of no harm. The value
///   that is returned is the deleted one, and what is stored under that is never found valid.
/// * Two processes extend it, and the shorter life comes last: then it lives shorter than the other has
///   asked. What depends on it is invalid when it is gone, as if it was invalidated.
pub(crate) async fn ensure(
    backend: &Backend,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let enough = milliseconds(life).max(1);
    let put = milliseconds(life.saturating_mul(4)).max(1);
    let mut ensured: Vec<Option<Bytes>> = vec![None; values.len()];
    let mut replaces = vec![false; values.len()];
    for _ in 0..MAX_ATTEMPTS {
        let missing: Vec<_> = (0..values.len())
            .filter(|it| ensured[*it].is_none())
            .collect();
        let found = present(backend, values, &missing, &replaces, put).await?;
        let mut short = Vec::new();
        for (index, found) in zip(missing, found) {
            replaces[index] = found.is_foreign();
            let Some(bytes) = found.bytes else {
                continue;
            };
            ensured[index] = Some(bytes);
            // -1 is a value without an end of its life. -2 is one that has just expired, or was read just
            // before it was stored: `PEXPIRE` tells which.
            let left = found.left;
            if u64::try_from(left).is_ok_and(|left| left < enough) || left == NOT_THERE {
                short.push(index);
            }
        }
        for index in gone(backend, values, short, put).await? {
            ensured[index] = None;
        }
        if ensured.iter().all(Option::is_some) {
            return Ok(ensured.into_iter().flatten().collect());
        }
    }
    Err(vanishes())
}

/// The values under these names after the given ones were stored where there was none, or a foreign one.
async fn present(
    backend: &Backend,
    values: &[(String, Bytes)],
    names: &[usize],
    replaces: &[bool],
    milliseconds: u64,
) -> Result<Vec<Present>, StoreError> {
    let groups = names.iter().map(|index| {
        let (name, value) = &values[*index];
        let mut commands = pipelines::add(name, value, milliseconds, replaces[*index]);
        commands.cmd("PTTL").arg(name);
        (name.clone(), commands)
    });
    let groups: Vec<_> = groups.collect();
    let replies = backend.send_all(&groups).await?;
    replies.into_iter().map(Present::of).collect()
}

/// Extends the life of these values, and returns those that are gone.
async fn gone(
    backend: &Backend,
    values: &[(String, Bytes)],
    names: Vec<usize>,
    milliseconds: u64,
) -> Result<Vec<usize>, StoreError> {
    let groups = names.iter().map(|index| {
        let (name, _) = &values[*index];
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("PEXPIRE").arg(name).arg(milliseconds);
        (name.clone(), commands)
    });
    let groups: Vec<_> = groups.collect();
    let replies = backend.send_all(&groups).await?;
    let mut gone = Vec::new();
    for (index, replies) in zip(names, replies) {
        if number(replies.first().ok_or_else(protocol_error)?)? == 0 {
            gone.push(index);
        }
    }
    Ok(gone)
}
