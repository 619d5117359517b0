//! How short values, such as nonces and leases, are asked for and read.

use actix_web::web::Bytes;

use crate::store::{
    error::StoreError,
    redis::{
        answer::{Answer, SHORT},
        command::Commands,
    },
};

/// What is asked to read a short value.
pub(crate) fn of(name: &str) -> (String, Commands) {
    let mut read = Commands::default();
    read.read(name, SHORT);
    (name.to_owned(), read)
}

/// The short value in the answer to a question. An empty one, or one of another type, is taken for none.
pub(crate) fn value(answer: Answer) -> Result<Option<Bytes>, StoreError> {
    Ok(answer.value()?.filter(|bytes| !bytes.is_empty()))
}
