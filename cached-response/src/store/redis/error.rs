//! What has gone wrong with a server, in the words of a store.

use crate::store::error::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerError};
use std::fmt;

/// What the client could not do: the connection is of no use any more.
pub(crate) fn of(error: &RedisError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreErrorKind::Protocol,
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => {
            StoreErrorKind::Refused
        }
        _ if error.is_timeout() => StoreErrorKind::Timeout,
        _ => StoreErrorKind::Unreachable,
    };
    let message = match (error.code(), error.detail()) {
        (Some(word), Some(details)) => format!("{word} {details}"),
        _ => error.to_string(),
    };
    StoreError::new(kind, message)
}

/// What the server would not do, with its own word for it.
pub(crate) fn refusal(error: &ServerError) -> StoreError {
    let details = error.details().unwrap_or_default();
    let words = format!("{} {details}", error.code());
    StoreError::new(StoreErrorKind::Refused, words)
}

/// An answer that is none to what was asked.
pub(crate) fn protocol_error() -> StoreError {
    StoreError::new(
        StoreErrorKind::Protocol,
        "the server's answer is none to what was asked",
    )
}

/// A value that is gone each time it is asked for: something deletes it all the time.
pub(crate) fn vanishes() -> StoreError {
    let words = "what lies there vanishes each time it is asked for";
    StoreError::new(StoreErrorKind::Refused, words)
}

/// Nobody was reached, and why.
pub(crate) fn unreachable(why: impl fmt::Display) -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, format!("{why}"))
}
