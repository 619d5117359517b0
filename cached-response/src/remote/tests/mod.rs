//! Properties of the state that nodes keep of each other, and scenarios of nodes that share a store.
//!
//! Model checkers run shorter scenarios in every order.

mod heartbeats;
mod invalidations;
mod liveness;
pub(crate) mod node;
mod outages;
mod pending;

use super::NamespaceLock;

#[test]
fn a_namespace_is_shared_while_another_cache_uses_it() {
    let acquire = NamespaceLock::acquire;
    let (one, is_shared) = acquire("config: one");
    assert!(!is_shared);
    assert!(!acquire("config: other").1);
    let (again, is_shared) = acquire("config: one");
    assert!(is_shared);
    drop(one);
    assert!(acquire("config: one").1);
    drop(again);
    assert!(!acquire("config: one").1);
}
