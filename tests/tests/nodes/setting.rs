//! What the tests start: an origin, a store behind a proxy, and nodes.

use tests::nodes::{Node, Origin, Remote, Settings};

/// Starts a node.
pub(crate) fn start(settings: &Settings) -> Node {
    Node::start(env!("CARGO_BIN_EXE_node"), settings).unwrap()
}

/// A node that has no store but memory.
pub(crate) fn alone(name: &str, origin: &Origin) -> Node {
    start(&Settings::new(name, Remote::None, origin.address()))
}
