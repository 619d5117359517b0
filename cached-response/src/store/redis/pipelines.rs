//! The commands of a store, and how their replies are read.
//!
//! Only commands that Redis 6, its successors and Valkey know alike.

use crate::store::{
    LookedUp, StoreError, StoreErrorKind, StoredValue,
    redis::reply::{
        SMALL_VALUE_BYTES, ServerInfo, bytes, number, protocol_error, refusal, refused,
        small_values,
    },
};
use redis::{Cmd, Pipeline, Value};
use std::time::{Duration, Instant};

/// The longest lifetime that is sent, in milliseconds: a hundred years.
const MAX_LIFETIME_MILLIS: u64 = 100 * 365 * 86_400 * 1_000;

/// The time an invalidation waits for a replica to confirm it, in milliseconds.
const REPLICATION_TIMEOUT_MILLIS: u64 = 200;

/// The reply to `PTTL` for a name under which nothing is stored.
pub(crate) const NOT_THERE: i64 = -2;

/// A duration in milliseconds, as commands take it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(MAX_LIFETIME_MILLIS, |millis| {
        millis.min(MAX_LIFETIME_MILLIS)
    })
}

/// A command with room for so many arguments of so many bytes in all: an argument that does not fit is
/// allocated anew.
fn command(command: &str, arguments: usize, bytes: usize) -> Cmd {
    let mut with_room = Cmd::with_capacity(arguments + 1, command.len() + bytes);
    with_room.arg(command);
    with_room
}

/// The maximum length of two numbers, in bytes.
const NUMBERS_BYTES: usize = 40;

/// Adds the read of the first `limit` bytes under `name`.
pub(crate) fn add_read(commands: &mut Pipeline, name: &str, limit: usize) {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // From 0 to -1 would be all of it.
    let (first, last) = if limit == 0 { (1, 0) } else { (0, limit - 1) };
    let mut read = command("GETRANGE", 3, name.len() + NUMBERS_BYTES);
    read.arg(name).arg(first).arg(last);
    commands.add_command(read);
}

/// The number of commands that read an entry.
pub(crate) const ENTRY_COMMANDS: usize = 3;

/// Adds the read of an entry and of its remaining lifetime. Another process may replace the entry in between:
/// one of the two lifetimes is that of the entry that was read, and the shorter one is believed.
pub(crate) fn add_entry(commands: &mut Pipeline, name: &str, limit: usize) {
    let mut lifetime = command("PTTL", 1, name.len());
    lifetime.arg(name);
    commands.add_command(lifetime.clone());
    add_read(commands, name, limit);
    commands.add_command(lifetime);
}

/// Reads an entry as [`add_entry`] does.
pub(crate) fn read_entry(name: &str, limit: usize) -> Pipeline {
    let mut commands = Pipeline::with_capacity(ENTRY_COMMANDS + 1);
    add_entry(&mut commands, name, limit);
    commands
}

/// Reads an entry as [`read_entry`], and then the small values under `with`.
pub(crate) fn look_up(name: &str, limit: usize, with: &[String]) -> Pipeline {
    let mut commands = read_entry(name, limit);
    if !with.is_empty() {
        let bytes = with.iter().map(String::len).sum();
        let mut get = command("MGET", with.len(), bytes);
        get.arg(with);
        commands.add_command(get);
    }
    commands
}

/// The replies to [`add_entry`].
pub(crate) fn entry(
    replies: impl Iterator<Item = Value>,
) -> Result<Option<StoredValue>, StoreError> {
    let mut replies = replies.take(ENTRY_COMMANDS);
    let mut next = || replies.next().ok_or_else(protocol_error);
    let (before, found, after) = (next()?, next()?, next()?);
    let (before, after) = (number(&before)?, number(&after)?);
    let Some(bytes) = bytes(found)? else {
        return Ok(None);
    };
    if before == NOT_THERE || after == NOT_THERE {
        return Ok(None);
    }
    // -1 is a value without an end of its life, which no cache has stored.
    let left = u64::try_from(before.min(after)).unwrap_or(0);
    Ok(Some(StoredValue::new(bytes, Duration::from_millis(left))))
}

/// The replies to [`look_up`] with so many other names.
pub(crate) fn looked_up(mut values: Vec<Value>, count: usize) -> Result<LookedUp, StoreError> {
    if count == 0 {
        return Ok((entry(values.into_iter())?, Vec::new()));
    }
    let others = values.pop().ok_or_else(protocol_error)?;
    Ok((entry(values.into_iter())?, small_values(others, count)?))
}

/// Stores `bytes` until `deadline`. A server that executes this late must not keep the entry longer for
/// it: `SET` has known of deadlines since Redis 6.2 only, so the deadline is a second command.
pub(crate) fn set(name: &str, bytes: &[u8], deadline: Instant, info: &ServerInfo) -> Pipeline {
    let now = Instant::now();
    let left = milliseconds(deadline.saturating_duration_since(now));
    let mut commands = Pipeline::with_capacity(2);
    if left == 0 {
        // Nothing to store, and what it replaces is removed all the same.
        commands.cmd("UNLINK").arg(name);
        return commands;
    }
    commands.cmd("SET").arg(name).arg(bytes).arg("PX").arg(left);
    if let Some(clock) = info.clock_at(now) {
        let deadline = clock.saturating_add(left);
        commands.cmd("PEXPIREAT").arg(name).arg(deadline);
    }
    commands
}

/// Fails with the first refusal among the replies.
pub(crate) fn all_done(values: &[Value]) -> Result<(), StoreError> {
    let refusal = values.iter().find_map(refusal);
    refusal.map_or(Ok(()), |error| Err(refused(error)))
}

/// Removes `names` in their order, and waits for a replica where there is one: after a failover they
/// would be found again otherwise.
pub(crate) fn remove(names: &[String], info: &ServerInfo) -> Pipeline {
    let mut commands = Pipeline::with_capacity(names.len() + 1);
    for name in names {
        commands.cmd("UNLINK").arg(name);
    }
    if info.has_replicas {
        add_wait(&mut commands);
    }
    commands
}

/// Adds a wait until a replica has all writes of this connection, or the time is over.
pub(crate) fn add_wait(commands: &mut Pipeline) {
    let wait = commands.cmd("WAIT").arg(1);
    wait.arg(REPLICATION_TIMEOUT_MILLIS);
}

/// The replies to [`remove`] of so many names.
pub(crate) fn removed(values: &[Value], count: usize) -> Result<(), StoreError> {
    for value in values.iter().take(count) {
        number(value)?;
    }
    values.get(count).map_or(Ok(()), replicated)
}

/// The reply to `WAIT`.
pub(crate) fn replicated(value: &Value) -> Result<(), StoreError> {
    if number(value)? < 1 {
        let message = "no replica has confirmed the invalidation in time";
        return Err(StoreError::new(StoreErrorKind::Timeout, message));
    }
    Ok(())
}

/// Publishes `message` on `channel`.
pub(crate) fn publish(channel: &str, message: &[u8]) -> Pipeline {
    let mut commands = Pipeline::with_capacity(1);
    commands.cmd("PUBLISH").arg(channel).arg(message);
    commands
}

/// Stores a small value unless there is one, and reads what is stored then. `replaces` removes first what
/// cannot be read, which would stay for ever. That may remove what another process has stored meanwhile: a
/// nonce that is gone is an invalidation, and a lease that is gone another run.
pub(crate) fn add(name: &str, value: &[u8], milliseconds: u64, replaces: bool) -> Pipeline {
    let mut commands = Pipeline::with_capacity(4);
    if replaces {
        commands.cmd("UNLINK").arg(name);
    }
    let set = commands.cmd("SET").arg(name).arg(value);
    set.arg("PX").arg(milliseconds).arg("NX");
    add_read(&mut commands, name, SMALL_VALUE_BYTES);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(commands: &Pipeline) -> String {
        let packed = commands.get_packed_pipeline();
        let text = str::from_utf8(&packed).unwrap();
        let lines = text.split("\r\n");
        let words = lines.filter(|line| !line.starts_with(['*', '$']));
        words.collect::<Vec<_>>().join(" ")
    }

    fn read(limit: usize) -> String {
        let mut commands = Pipeline::new();
        add_read(&mut commands, "name", limit);
        words(&commands).trim_end().to_owned()
    }

    #[test]
    fn a_read_takes_no_more_than_its_limit() {
        assert_eq!(read(64), "GETRANGE name 0 63");
        assert_eq!(read(1), "GETRANGE name 0 0");
        // Of a value of one byte this is nothing, and of a longer one a byte at most.
        assert_eq!(read(0), "GETRANGE name 1 0");
        assert_eq!(
            read(usize::MAX),
            format!("GETRANGE name 0 {}", i64::MAX - 1)
        );
    }

    #[test]
    fn a_lifetime_is_never_too_long_for_a_command() {
        assert_eq!(milliseconds(Duration::from_micros(1_999)), 1);
        assert_eq!(milliseconds(Duration::MAX), MAX_LIFETIME_MILLIS);
    }

    #[test]
    fn the_shorter_of_two_lifetimes_is_believed() {
        let value = Value::BulkString(b"it".to_vec());
        let left = |before, after| {
            let values = vec![Value::Int(before), value.clone(), Value::Int(after)];
            entry(values.into_iter())
                .unwrap()
                .map(|kept| kept.left.as_millis())
        };
        assert_eq!(left(7, 5), Some(5));
        assert_eq!(left(5, 60_000), Some(5));
        assert_eq!(left(-1, -1), Some(0));
        assert_eq!((left(-2, 5), left(5, -2)), (None, None));
    }

    #[test]
    fn an_invalidation_waits_for_a_replica_where_there_is_one() {
        let names = ["a".to_owned(), "b".to_owned()];
        let mut info = ServerInfo::unknown();
        assert_eq!(
            words(&remove(&names, &info)).trim_end(),
            "UNLINK a UNLINK b"
        );
        info.has_replicas = true;
        let with_replicas = remove(&names, &info);
        assert_eq!(
            words(&with_replicas).trim_end(),
            "UNLINK a UNLINK b WAIT 1 200"
        );
        let replies = [Value::Int(1), Value::Int(0), Value::Int(0)];
        assert!(removed(&replies[..2], 2).is_ok());
        assert!(removed(&replies, 2).is_err());
    }
}
