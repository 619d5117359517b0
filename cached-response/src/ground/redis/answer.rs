//! What a server may answer to a command.

use actix_web::web::Bytes;
use redis::{ServerError, Value};

use super::failure;
use crate::ground::store::StoreError;

/// What the answer to a command looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// So many bytes at most.
    Bytes(usize),
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
