//! Errors of the client and of the server as errors of a store.

use crate::store::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerError};
use std::fmt;

/// An error of the client.
pub(crate) fn of(error: &RedisError) -> StoreError {
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
    let message = "the value under the name is gone each time it is read";
    StoreError::new(StoreErrorKind::Refused, message)
}

/// A server that is not connected, and why.
pub(crate) fn unreachable(why: impl fmt::Display) -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, format!("{why}"))
}

/// `true` for the refusal of a replica to write.
pub(crate) fn is_read_only(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::Refused && error.message().starts_with("READONLY")
}
