//! Where requests come in: annotated handlers, wrapped handlers, a middleware, and what arguments may be.

pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod cached;
pub(crate) mod call;
pub(crate) mod due;
pub(crate) mod invalidating;
pub(crate) mod middleware;
pub(crate) mod request;
pub(crate) mod responders;
pub(crate) mod roles;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod values;
