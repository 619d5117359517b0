//! The rules: pure functions of a request, a response and the time.

pub(crate) mod cache_control;
pub(crate) mod field;
pub(crate) mod key;
pub(crate) mod key_part;
pub(crate) mod query;
pub(crate) mod validators;
