//! The rules: pure functions of a request, a response and the time.

pub(crate) mod field;
pub(crate) mod key;
pub(crate) mod key_part;
pub(crate) mod query;
