//! Properties of the state that nodes keep of each other, and scenarios of nodes that share a store.
//!
//! Model checkers run shorter scenarios in every order.

mod heartbeats;
mod invalidations;
mod liveness;
pub(crate) mod node;
mod outages;
mod pending;
