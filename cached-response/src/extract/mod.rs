//! Arguments and answers of handlers: proof that the key covers what they show, and their roles.

pub(crate) mod covered;
pub(crate) mod deferred;
pub(crate) mod path_values;
pub(crate) mod query_fields;
pub(crate) mod request;
pub(crate) mod request_body;
pub(crate) mod responder;
pub(crate) mod roles;
pub(crate) mod type_names;
