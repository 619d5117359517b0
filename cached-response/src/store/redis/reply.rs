//! Replies of a server to commands, the report of a server about itself, and the errors of the client and of
//! the server as errors of a store.
//!
//! A reply of another shape than its command has belongs to another command: the connection is out of
//! step then, and is replaced.

use crate::store::{StoreError, StoreErrorKind, VANISHES, warn_of_foreign_value};
use actix_web::web::Bytes;
use redis::{ErrorKind, Pipeline, RedisError, ServerError, Value};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// The maximum length of a small value, such as a nonce or a lease, in bytes.
pub(crate) const SMALL_VALUE_BYTES: usize = 64;

/// The error code of a command on a key that holds a list, a hash or the like.
const WRONG_TYPE: &str = "WRONGTYPE";

/// The error of the server in `reply`, if it is one.
pub(crate) fn refusal(reply: &Value) -> Option<&ServerError> {
    match reply {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

/// The error for a reply of an unexpected shape.
fn unexpected(reply: &Value) -> StoreError {
    refusal(reply).map_or_else(protocol_error, refused)
}

/// The number that `reply` is.
pub(crate) fn number(reply: &Value) -> Result<i64, StoreError> {
    match reply {
        Value::Int(number) => Ok(*number),
        other => Err(unexpected(other)),
    }
}

/// `true` for `OK`, `false` where the condition of the command did not hold.
pub(crate) fn done(reply: &Value) -> Result<bool, StoreError> {
    match reply {
        Value::Okay => Ok(true),
        Value::Nil => Ok(false),
        other => Err(unexpected(other)),
    }
}

/// The bytes stored under a name. `None` where a value of another type is (`WRONGTYPE`): that concerns
/// this one name, and not the server.
pub(crate) fn bytes(reply: Value) -> Result<Option<Bytes>, StoreError> {
    match reply {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::ServerError(error) if error.code() == WRONG_TYPE => {
            warn_of_foreign_value();
            Ok(None)
        }
        other => Err(unexpected(&other)),
    }
}

/// The small value in `reply`. An empty one, or one of another type, counts as none; of a longer one
/// the beginning is taken, as of any value that is longer than the limit of its read.
pub(crate) fn small_value(reply: Value) -> Result<Option<Bytes>, StoreError> {
    if reply == Value::Nil {
        return Ok(None);
    }
    Ok(bytes(reply)?.and_then(|mut bytes| {
        if bytes.len() > SMALL_VALUE_BYTES {
            warn_of_foreign_value();
            bytes.truncate(SMALL_VALUE_BYTES);
        }
        (!bytes.is_empty()).then_some(bytes)
    }))
}

/// The small values in the reply to an `MGET` of `count` names.
pub(crate) fn small_values(reply: Value, count: usize) -> Result<Vec<Option<Bytes>>, StoreError> {
    match reply {
        Value::Array(replies) if replies.len() == count => {
            replies.into_iter().map(small_value).collect()
        }
        other => Err(unexpected(&other)),
    }
}

/// The text in a reply, `None` where it is none.
pub(crate) fn text(reply: &Value) -> Option<&str> {
    match reply {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

/// Exactly `COUNT` replies.
pub(crate) fn replies<const COUNT: usize>(
    replies: Vec<Value>,
) -> Result<[Value; COUNT], StoreError> {
    replies.try_into().map_err(|_| protocol_error())
}

/// An error of the client.
pub(crate) fn client_error(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreErrorKind::Protocol,
        ErrorKind::Server(_)
        | ErrorKind::Extension
        | ErrorKind::AuthenticationFailed
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::RESP3NotSupported => StoreErrorKind::Refused,
        _ if error.is_timeout() => StoreErrorKind::Timeout,
        _ => StoreErrorKind::Unreachable,
    };
    let message = match (error.code(), error.detail()) {
        (Some(code), Some(details)) => format!("{code} {details}"),
        _ => error.to_string(),
    };
    StoreError::new(kind, message)
}

/// A refusal of the server, in its own words.
pub(crate) fn refused(error: &ServerError) -> StoreError {
    let details = error.details().unwrap_or_default();
    let message = format!("{} {details}", error.code());
    StoreError::new(StoreErrorKind::Refused, message)
}

/// A reply that does not fit its command.
pub(crate) fn protocol_error() -> StoreError {
    StoreError::new(
        StoreErrorKind::Protocol,
        "the server's reply does not fit the command",
    )
}

/// A value that is gone each time it is read: something deletes it all the time.
pub(crate) fn vanishes() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, VANISHES)
}

/// A server that is not connected, and why.
pub(crate) fn unreachable(why: impl fmt::Display) -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, format!("{why}"))
}

/// `true` for the refusal of a replica to write.
pub(crate) fn is_read_only(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::Refused && error.message().starts_with("READONLY")
}

/// A report that is older than this is renewed in the background when the connection is used.
const MAX_REPORT_AGE: Duration = Duration::from_secs(5);

/// A report of a server about itself.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    reported_at: Instant,
    /// Its clock at that time, in milliseconds since 1970. `None` for a user who may not read it.
    clock: Option<u64>,
    /// `true` where a replica is in step with it, as far as the user may know.
    pub(crate) has_replicas: bool,
    /// `true` for a replica: its contents may be old, and it takes no writes.
    pub(crate) is_replica: bool,
}

/// The commands whose replies make a report.
pub(crate) fn report_commands() -> Pipeline {
    let mut commands = Pipeline::with_capacity(2);
    commands.cmd("TIME").cmd("INFO").arg("replication");
    commands
}

impl ServerInfo {
    /// The report in the replies to [`report_commands`]. What the server refuses to tell is unknown.
    ///
    /// # Errors
    /// Replies to other commands: the connection is out of step.
    pub(crate) fn from_replies(values: Vec<Value>) -> Result<Self, StoreError> {
        let [time, replication] = replies(values)?;
        let info = Self::of(&time, &replication, Instant::now());
        let is_time = matches!(time, Value::Array(_)) || refusal(&time).is_some();
        let is_text = text(&replication).is_some() || refusal(&replication).is_some();
        if is_time && is_text {
            Ok(info)
        } else {
            Err(protocol_error())
        }
    }

    fn of(time: &Value, replication: &Value, reported_at: Instant) -> Self {
        let text = text(replication).unwrap_or_default();
        let is_in_step = |line: &str| line.starts_with("slave") && line.contains("state=online");
        Self {
            reported_at,
            clock: clock(time),
            has_replicas: text.lines().any(is_in_step),
            is_replica: text.lines().any(|line| line == "role:slave"),
        }
    }

    /// A report without contents, which does not get old: nodes of a cluster are asked with each write.
    pub(crate) fn unknown() -> Self {
        Self::of(&Value::Nil, &Value::Nil, Instant::now())
    }

    /// `true` where it was made longer ago than [`MAX_REPORT_AGE`].
    pub(crate) fn is_old(&self) -> bool {
        self.reported_at.elapsed() > MAX_REPORT_AGE
    }

    /// The server's clock at `moment`, or a little less: it was read before it was reported.
    pub(crate) fn clock_at(&self, moment: Instant) -> Option<u64> {
        let since = moment.saturating_duration_since(self.reported_at);
        let since = u64::try_from(since.as_millis()).ok()?;
        self.clock?.checked_add(since)
    }
}

fn clock(time: &Value) -> Option<u64> {
    let Value::Array(parts) = time else {
        return None;
    };
    let [seconds, microseconds] = parts.as_slice() else {
        return None;
    };
    let milliseconds = digits(seconds)?.checked_mul(1_000)?;
    milliseconds.checked_add(digits(microseconds)? / 1_000)
}

fn digits(value: &Value) -> Option<u64> {
    text(value)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;
    use proptest::prelude::*;
    use redis::parse_redis_value;

    fn error(line: &str) -> Value {
        parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap()
    }

    fn bulk(length: usize) -> Value {
        Value::BulkString(vec![b'x'; length])
    }

    #[test]
    fn a_value_of_another_type_counts_as_none() {
        let wrong = || error("WRONGTYPE Operation against a key holding the wrong kind of value");
        assert_eq!(bytes(wrong()), Ok(None));
        assert_eq!(small_value(wrong()), Ok(None));
    }

    #[test]
    fn an_error_of_the_server_is_a_refusal_with_its_text() {
        for line in [
            "READONLY You can't write",
            "LOADING it loads",
            "NOAUTH who are you",
            "OOM full",
        ] {
            for refused in [
                bytes(error(line)).unwrap_err(),
                number(&error(line)).unwrap_err(),
                done(&error(line)).unwrap_err(),
                small_values(error(line), 2).unwrap_err(),
            ] {
                assert_eq!(refused.kind(), StoreErrorKind::Refused);
                assert!(refused.to_string().contains(line), "{refused}");
            }
        }
    }

    #[test]
    fn a_reply_of_another_shape_is_a_protocol_error() {
        for error in [
            number(&Value::Nil).unwrap_err(),
            number(&bulk(1)).unwrap_err(),
            bytes(Value::Int(1)).unwrap_err(),
            bytes(Value::Nil).unwrap_err(),
            done(&Value::Int(1)).unwrap_err(),
            small_values(Value::Array(vec![Value::Nil]), 2).unwrap_err(),
            small_values(Value::Nil, 0).unwrap_err(),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Protocol);
        }
    }

    #[test]
    fn a_small_value_has_64_bytes_at_most_and_one_at_least() {
        for (length, taken) in [(0, None), (1, Some(1)), (64, Some(64)), (1 << 20, Some(64))] {
            let value = small_value(bulk(length)).unwrap();
            assert_eq!(value.map(|value| value.len()), taken, "{length}");
        }
        assert_eq!(small_value(Value::Nil), Ok(None));
    }

    proptest! {
        #[test]
        fn any_reply_is_a_value_or_an_error(bytes_of_a_reply in any::<Vec<u8>>()) {
            if let Ok(reply) = parse_redis_value(&bytes_of_a_reply) {
                let _ = (number(&reply), done(&reply), text(&reply), refusal(&reply));
                let _ = (small_values(reply.clone(), 1), bytes(reply));
            }
        }
    }

    fn text_of(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn time(seconds: &str, microseconds: &str) -> Value {
        Value::Array(vec![text_of(seconds), text_of(microseconds)])
    }

    fn replication(text: &str) -> ServerInfo {
        ServerInfo::of(&Value::Nil, &text_of(text), Instant::now())
    }

    #[test]
    fn a_primary_has_a_replica_that_is_in_step() {
        let text = "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
            slave0:ip=127.0.0.1,port=7,state=online,offset=14,lag=0\r\n";
        let info = replication(text);
        assert!(info.has_replicas && !info.is_replica);
    }

    #[test]
    fn a_replica_that_is_being_filled_does_not_count() {
        let text = "role:master\r\nslave0:ip=127.0.0.1,port=7,state=wait_bgsave,offset=0,lag=0\r\n";
        assert!(!replication(text).has_replicas);
    }

    #[test]
    fn a_replica_is_recognized_by_its_role() {
        assert!(replication("role:slave\r\nmaster_host:127.0.0.1\r\n").is_replica);
    }

    #[test]
    fn the_clock_advances_from_the_report() {
        let reported_at = Instant::now();
        let info = ServerInfo::of(&time("5", "7999"), &Value::Nil, reported_at);
        let later = reported_at + Duration::from_millis(250);
        assert_eq!(info.clock_at(later), Some(5_257));
    }

    #[test]
    fn a_clock_that_is_no_number_is_none() {
        for (seconds, microseconds) in [("", "0"), ("x", "0"), ("18446744073709551615", "0")] {
            let info = ServerInfo::of(&time(seconds, microseconds), &Value::Nil, Instant::now());
            assert_eq!(info.clock_at(Instant::now()), None);
        }
    }

    #[test]
    fn replies_to_other_commands_are_an_error() {
        for wrong in [
            vec![],
            vec![time("1", "2")],
            vec![text_of("role:master"), time("1", "2")],
            vec![Value::Int(5), text_of("role:master")],
        ] {
            assert!(ServerInfo::from_replies(wrong).is_err());
        }
        assert!(ServerInfo::from_replies(vec![time("1", "2"), text_of("role:master")]).is_ok());
    }

    proptest! {
        #[test]
        fn any_report_is_read(
            text in any::<Vec<u8>>(),
            parts in prop::collection::vec("[0-9]{0,25}", 0..4),
        ) {
            let time = Value::Array(parts.iter().map(|part| text_of(part)).collect());
            let info = ServerInfo::of(&time, &Value::BulkString(text), Instant::now());
            let _ = info.clock_at(Instant::now());
        }
    }
}
