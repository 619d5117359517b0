//! Settings of a node.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a node at its start, as JSON in its one argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Its name, which is in its responses.
    pub name: String,
    /// The store that it shares.
    pub remote: Remote,
    /// Address that its handlers read from.
    pub origin: SocketAddr,
    /// True if it keeps responses in memory as well.
    pub memory: bool,
    /// Prefix of all names in the store.
    pub namespace: String,
    /// Part of the key of every response.
    pub schema: u32,
    /// Version of its handlers.
    pub version: String,
    /// `remote_timeout`; the default if absent.
    pub budget: Option<Duration>,
    /// `max_unverified`; the default if absent.
    pub silence: Option<Duration>,
}

/// A remote store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Remote {
    /// There is none.
    None,
    /// One Redis server.
    Redis(String),
    /// A cluster of them.
    Cluster(Vec<String>),
    /// The primary that these sentinels know.
    Sentinels(Vec<String>),
    /// Memcached servers.
    Memcached(Vec<String>),
}

impl Settings {
    /// A node with this name and store, and everything else as it is by default.
    pub fn new(name: &str, remote: Remote, origin: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            remote,
            origin,
            memory: true,
            namespace: "nodes".to_owned(),
            schema: 1,
            version: "1".to_owned(),
            budget: None,
            silence: None,
        }
    }

    /// The same without memory.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.memory = false;
        self
    }
}
