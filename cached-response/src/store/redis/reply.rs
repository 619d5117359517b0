//! Replies of a server to commands.
//!
//! A reply of another shape than its command has belongs to another command: the connection is out of
//! step then, and is replaced.

use crate::store::{
    StoreError,
    redis::error::{protocol_error, refused},
    warn_of_foreign_value,
};
use actix_web::web::Bytes;
use redis::{ServerError, Value};

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
    fn an_error_of_the_server_is_a_refusal_with_its_words() {
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
}
