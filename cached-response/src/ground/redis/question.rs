//! How short values, such as nonces and leases, are asked for and read.

use actix_web::web::Bytes;

use super::{answer::Answer, command::Commands};
use crate::ground::store::StoreError;

/// The longest that a short value is.
pub(super) const SHORT: usize = 64;

/// What is asked to read a short value.
pub(super) fn of(name: &str) -> (String, Commands) {
    let mut read = Commands::default();
    read.read(name, SHORT);
    (name.to_owned(), read)
}

/// Asks for the short values under these names as well.
pub(super) fn add(commands: &mut Commands, names: &[String]) {
    for name in names {
        commands.read(name, SHORT);
    }
}

/// The short value in the answer to a question. An empty one is taken for none.
pub(super) fn value(answer: Answer) -> Result<Option<Bytes>, StoreError> {
    Ok(Some(answer.bytes()?).filter(|bytes| !bytes.is_empty()))
}
