//! Answers: reuse of a stored response, its fields, parts of it, and the copy of a streamed body.

pub(crate) mod cache_status;
pub(crate) mod from_stored;
pub(crate) mod headers;
pub(crate) mod partial;
pub(crate) mod tee;
