//! What a server is told, and what it may answer to it.
//!
//! Only what Redis 6 knows as well as its successors and Valkey.

use redis::{Cmd, ServerError, Value, cmd};
use std::time::Duration;

use crate::ground::store::StoreError;
use actix_web::web::Bytes;

use super::failure;

/// A command, and what shape its answer has. An answer of another shape is that of another command:
/// then the connection is out of step, and of no use any more.
#[derive(Clone)]
pub(super) struct Command {
    cmd: Cmd,
    shape: Shape,
}

/// What the answer to a command looks like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Bytes,
    Number,
    /// `OK`, or nothing where a condition did not hold.
    Done,
    Many,
}

/// What a server says to a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Bytes(Bytes),
    Number(i64),
    Done,
    Nothing,
    Many(Vec<Value>),
    Refused(ServerError),
}

/// The most that a command takes as a time: a hundred years.
const LONGEST: u64 = 100 * 365 * 86_400 * 1_000;

/// A time as commands take it, in milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(LONGEST, |time| time.min(LONGEST))
}

impl Command {
    fn new(cmd: Cmd, shape: Shape) -> Self {
        Self { cmd, shape }
    }

    /// The first `limit` bytes of what lies under `name`: none if nothing does.
    pub(super) fn read(name: &str, limit: usize) -> Self {
        let mut command = about("GETRANGE", name);
        let last = i64::try_from(limit).unwrap_or(i64::MAX).saturating_sub(1);
        // From 0 to -1 is all of it.
        let first = i64::from(last < 0);
        command.arg(first).arg(last.max(0));
        Self::new(command, Shape::Bytes)
    }

    /// How long it has still to live: -2 if it is not there, -1 if it lives for ever.
    pub(super) fn left(name: &str) -> Self {
        Self::new(about("PTTL", name), Shape::Number)
    }

    /// Puts `bytes` under `name` for a time of at least a millisecond.
    pub(super) fn set(name: &str, bytes: &[u8], milliseconds: u64) -> Self {
        let mut command = cmd("SET");
        command.arg(name).arg(bytes).arg("PX").arg(milliseconds);
        Self::new(command, Shape::Done)
    }

    /// The same, unless something lies there.
    pub(super) fn add(name: &str, bytes: &[u8], milliseconds: u64) -> Self {
        let mut command = Self::set(name, bytes, milliseconds);
        command.cmd.arg("NX");
        command
    }

    /// Has it live that long from now, if it is there.
    pub(super) fn extend(name: &str, milliseconds: u64) -> Self {
        let mut command = cmd("PEXPIRE");
        command.arg(name).arg(milliseconds);
        Self::new(command, Shape::Number)
    }

    /// Has it live until then, by the server's clock.
    pub(super) fn until(name: &str, deadline: u64) -> Self {
        let mut command = cmd("PEXPIREAT");
        command.arg(name).arg(deadline);
        Self::new(command, Shape::Number)
    }

    /// Removes it.
    pub(super) fn remove(name: &str) -> Self {
        let mut command = cmd("UNLINK");
        command.arg(name);
        Self::new(command, Shape::Number)
    }

    /// How many replicas have all that was written so far: when one has, or the time is over.
    pub(super) fn wait_for_a_replica(time: Duration) -> Self {
        let mut command = cmd("WAIT");
        command.arg(1).arg(milliseconds(time).max(1));
        Self::new(command, Shape::Number)
    }

    pub(super) fn publish(channel: &str, message: &[u8]) -> Self {
        let mut command = cmd("PUBLISH");
        command.arg(channel).arg(message);
        Self::new(command, Shape::Number)
    }

    /// What time it is by the server's clock: seconds and microseconds.
    pub(super) fn time() -> Self {
        Self::new(cmd("TIME"), Shape::Many)
    }

    /// Whether it is a primary, and which replicas it has.
    pub(super) fn replication() -> Self {
        let mut command = cmd("INFO");
        command.arg("replication");
        Self::new(command, Shape::Bytes)
    }

    /// Which node of a cluster has which slots.
    pub(super) fn slots() -> Self {
        let mut command = cmd("CLUSTER");
        command.arg("SLOTS");
        Self::new(command, Shape::Many)
    }

    /// That the next command is about a slot that this node is being given.
    pub(super) fn asking() -> Self {
        Self::new(cmd("ASKING"), Shape::Done)
    }

    /// Where a sentinel believes the primary to be.
    pub(super) fn primary(name: &str) -> Self {
        let mut command = cmd("SENTINEL");
        command.arg("get-master-addr-by-name").arg(name);
        Self::new(command, Shape::Many)
    }

    /// Says who we are.
    pub(super) fn login(user: Option<&str>, password: &str) -> Self {
        let mut command = cmd("AUTH");
        // `None` is no argument at all.
        command.arg(user).arg(password);
        Self::new(command, Shape::Done)
    }

    /// The command as the client sends it, and what its answer looks like.
    pub(super) fn into_parts(self) -> (Cmd, Shape) {
        (self.cmd, self.shape)
    }
}

/// A read about a name, with room for all that it is told: there are many to a look-up.
fn about(word: &str, name: &str) -> Cmd {
    let numbers = 2 * 20;
    let mut command = Cmd::with_capacity(4, word.len() + name.len() + numbers);
    command.arg(word).arg(name);
    command
}

impl Shape {
    /// Takes `value` for an answer of this shape, if it can be that.
    pub(super) fn answer(self, value: Value) -> Result<Answer, StoreError> {
        match (self, value) {
            (_, Value::ServerError(error)) => Ok(Answer::Refused(error)),
            (Self::Bytes, Value::BulkString(bytes)) => Ok(Answer::Bytes(bytes.into())),
            (Self::Number, Value::Int(number)) => Ok(Answer::Number(number)),
            (Self::Done, Value::Okay) => Ok(Answer::Done),
            (Self::Done | Self::Many, Value::Nil) => Ok(Answer::Nothing),
            (Self::Many, Value::Array(values)) => Ok(Answer::Many(values)),
            _ => Err(failure::garbled()),
        }
    }
}

impl Answer {
    /// The bytes that it is.
    pub(super) fn bytes(self) -> Result<Bytes, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.is_not_that()),
        }
    }

    /// The number that it is.
    pub(super) fn number(self) -> Result<i64, StoreError> {
        match self {
            Self::Number(number) => Ok(number),
            other => Err(other.is_not_that()),
        }
    }

    /// Whether it was done, or a condition did not hold.
    pub(super) fn done(self) -> Result<bool, StoreError> {
        match self {
            Self::Done => Ok(true),
            Self::Nothing => Ok(false),
            other => Err(other.is_not_that()),
        }
    }

    /// What there are several of.
    pub(super) fn many(self) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::Many(values) => Ok(values),
            Self::Nothing => Ok(Vec::new()),
            other => Err(other.is_not_that()),
        }
    }

    /// The server's word for why it would not.
    pub(super) fn refusal(&self) -> Option<&ServerError> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }

    fn is_not_that(&self) -> StoreError {
        self.refusal()
            .map_or_else(failure::garbled, failure::refusal)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::web::Bytes;
    use redis::Value;

    use super::{Answer, Command, LONGEST, milliseconds};
    use crate::ground::store::StoreErrorKind;

    fn words(command: &Command) -> String {
        let packed = command.cmd.get_packed_command();
        let text = String::from_utf8(packed).unwrap();
        let words = text.split("\r\n").skip(2).step_by(2);
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_read_takes_no_more_than_its_limit() {
        assert_eq!(words(&Command::read("name", 64)), "GETRANGE name 0 63");
        assert_eq!(words(&Command::read("name", 1)), "GETRANGE name 0 0");
        // Of what is shorter than two bytes this is nothing, and of all else one byte at most.
        assert_eq!(words(&Command::read("name", 0)), "GETRANGE name 1 0");
        let all = format!("GETRANGE name 0 {}", i64::MAX - 1);
        assert_eq!(words(&Command::read("name", usize::MAX)), all);
    }

    #[test]
    fn what_is_put_lives_for_a_time() {
        assert_eq!(words(&Command::set("name", b"it", 5)), "SET name it PX 5");
        assert_eq!(
            words(&Command::add("name", b"it", 5)),
            "SET name it PX 5 NX"
        );
    }

    #[test]
    fn a_time_is_never_too_long_for_a_command() {
        assert_eq!(milliseconds(Duration::from_micros(1_999)), 1);
        assert_eq!(milliseconds(Duration::MAX), LONGEST);
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        let number = Command::left("name").shape;
        assert_eq!(number.answer(Value::Int(-2)).unwrap(), Answer::Number(-2));
        for other in [Value::Okay, Value::Nil, Value::BulkString(b"5".to_vec())] {
            let error = number.answer(other).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Garbled);
        }
        let bytes = Command::read("name", 5).shape;
        let read = bytes.answer(Value::BulkString(b"it".to_vec())).unwrap();
        assert_eq!(read.bytes().unwrap(), Bytes::from_static(b"it"));
        assert!(bytes.answer(Value::Nil).is_err());
    }
}
