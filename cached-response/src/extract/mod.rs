//! Extractors and responders: the proof at compile time that the key covers what a handler depends on,
//! and the roles of arguments.

pub(crate) mod covered;
pub(crate) mod path_values;
pub(crate) mod probe;
pub(crate) mod query_fields;
pub(crate) mod request_body;
pub(crate) mod responder;
pub(crate) mod roles;
pub(crate) mod tracked_request;
