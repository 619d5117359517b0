//! What goes wrong on a connection.

use crate::store::error::{StoreError, StoreErrorKind};
use std::io;

#[derive(Debug)]
pub(crate) enum ConnectionError {
    /// It could not be made, or was lost.
    Lost(io::Error),
    /// The server refuses, or has not understood, and says so in these words.
    Refused(String),
    /// What has come makes no sense.
    Garbled(&'static str),
}

impl ConnectionError {
    /// As an error of the store, which names the server.
    pub(crate) fn at(&self, address: &str) -> StoreError {
        let (kind, words) = match self {
            Self::Lost(error) => (StoreErrorKind::Unreachable, error.to_string()),
            Self::Refused(words) if words == "ERROR" => {
                let words = "it does not know the meta protocol, which Memcached 1.6 has";
                (StoreErrorKind::Refused, words.to_owned())
            }
            Self::Refused(words) => (StoreErrorKind::Refused, words.clone()),
            Self::Garbled(words) => (StoreErrorKind::Protocol, (*words).to_owned()),
        };
        StoreError::new(kind, format!("Memcached at {address}: {words}"))
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}
