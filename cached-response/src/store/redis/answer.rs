//! What a server may answer to a command.

use actix_web::web::Bytes;
use redis::{ServerError, Value};

use crate::store::{error::StoreError, foreign::warn_of_foreign_value, redis::error};

/// The longest that a short value is, such as a nonce or a lease.
pub(crate) const SHORT: usize = 64;

/// The word by which a server refuses to read a list, a hash or the like as bytes.
const WRONG_TYPE: &str = "WRONGTYPE";

/// What the answer to a command looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// So many bytes at most.
    Bytes(usize),
    Number,
    /// `OK`, or nothing where a condition did not hold.
    Done,
    Many,
    /// So many short values, of which some may be missing.
    Shorts(usize),
}

/// What a server says to a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Bytes(Bytes),
    Number(i64),
    Done,
    Nothing,
    Many(Vec<Value>),
    /// None of them is empty.
    Shorts(Vec<Option<Bytes>>),
    Refused(ServerError),
}

impl Answer {
    /// The bytes that lie under a name. `None` where a value of another type does (`WRONGTYPE`): that is
    /// said of this one name, and not of the server.
    pub(crate) fn value(self) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(Some(bytes)),
            Self::Refused(error) if error.code() == WRONG_TYPE => {
                warn_of_foreign_value();
                Ok(None)
            }
            other => Err(other.is_not_that()),
        }
    }

    /// The number that it is.
    pub(crate) fn number(self) -> Result<i64, StoreError> {
        match self {
            Self::Number(number) => Ok(number),
            other => Err(other.is_not_that()),
        }
    }

    /// Whether it was done, or a condition did not hold.
    pub(crate) fn done(self) -> Result<bool, StoreError> {
        match self {
            Self::Done => Ok(true),
            Self::Nothing => Ok(false),
            other => Err(other.is_not_that()),
        }
    }

    /// What there are several of.
    pub(crate) fn many(self) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::Many(values) => Ok(values),
            Self::Nothing => Ok(Vec::new()),
            other => Err(other.is_not_that()),
        }
    }

    /// The short values that it has.
    pub(crate) fn shorts(self) -> Result<Vec<Option<Bytes>>, StoreError> {
        match self {
            Self::Shorts(shorts) => Ok(shorts),
            other => Err(other.is_not_that()),
        }
    }

    /// The server's word for why it would not.
    pub(crate) fn refusal(&self) -> Option<&ServerError> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }

    fn is_not_that(&self) -> StoreError {
        self.refusal()
            .map_or_else(error::protocol_error, error::refusal)
    }
}
