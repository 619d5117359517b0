//! Setup of the tests: an origin, a store, nodes, and proxies between them.

use std::time::{Duration, Instant};

use tests::nodes::{Node, Origin, Remote, RunInfo, Settings};
use tests::proxy::Proxy;
use tests::servers::redis::Redis;
use tests::stage::eventually;

/// Tolerance of time bounds on a busy machine.
pub(crate) const MARGIN: Duration = Duration::from_millis(500);

/// Starts a node.
pub(crate) fn start(settings: &Settings) -> Node {
    Node::start(env!("CARGO_BIN_EXE_node"), settings).unwrap()
}

/// A node that has no store but memory.
pub(crate) fn alone(name: &str, origin: &Origin) -> Node {
    start(&Settings::new(name, Remote::None, origin.address()))
}

/// An origin and a Redis server.
pub(crate) struct Setting {
    pub(crate) origin: Origin,
    pub(crate) redis: Redis,
}

impl Setting {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        Self {
            origin: Origin::start().unwrap(),
            redis: Redis::with(options).unwrap(),
        }
    }

    /// A node that is connected to the server.
    pub(crate) fn settings(&self, name: &str) -> Settings {
        Settings::new(name, Remote::Redis(self.redis.url()), self.origin.address())
    }

    /// A node that is connected through a proxy.
    pub(crate) fn behind(&self, proxy: &Proxy, name: &str) -> Settings {
        let url = format!("redis://{}", proxy.address());
        Settings::new(name, Remote::Redis(url), self.origin.address())
    }

    pub(crate) fn proxy(&self) -> Proxy {
        Proxy::start(([127, 0, 0, 1], self.redis.port()).into()).unwrap()
    }

    pub(crate) fn node(&self, name: &str) -> Node {
        start(&self.settings(name))
    }

    /// A node without memory: each of its look-ups reads the server.
    pub(crate) fn forgetful(&self, name: &str) -> Node {
        start(&self.settings(name).without_memory())
    }

    /// Asks a node for a page, and waits until the server has it.
    pub(crate) fn put(&self, node: &Node, target: &str) -> RunInfo {
        knows_its_tags(node);
        let info = node.page(target);
        self.is_stored(target);
        info
    }

    /// Waits until the server has what the path of `target` was answered with.
    pub(crate) fn is_stored(&self, target: &str) {
        eventually(&format!("{target} is stored"), || {
            !self.stored(target).is_empty()
        });
    }

    /// The names in the server of what the path of `target` was answered with.
    pub(crate) fn stored(&self, target: &str) -> Vec<String> {
        let path = target.split('?').next().unwrap();
        let pattern = format!("nodes:{path}:*");
        let Ok(names) = self.redis.ask(&["KEYS", &pattern]) else {
            return Vec::new();
        };
        names.text().lines().map(ToOwned::to_owned).collect()
    }
}

/// Runs a handler that names its tags once: before that it is not known to name any, and its response stays in memory.
pub(crate) fn knows_its_tags(node: &Node) {
    node.get("/named/known");
}

/// Asks until `met` holds for the answer, and says how long after `since` the last request was sent for which it
/// did not.
pub(crate) fn until_page(
    node: &Node,
    target: &str,
    since: Instant,
    met: impl Fn(&RunInfo) -> bool,
) -> Duration {
    let mut last = Duration::ZERO;
    eventually(&format!("{target} is another"), || {
        let sent = since.elapsed();
        let met = met(&node.page(target));
        if !met {
            last = sent;
        }
        met
    });
    last
}
