//! Nodes: processes that share a remote store, and the origin that their handlers read from.

mod node;
mod origin;
mod settings;

pub use self::node::{Node, signal};
pub use self::origin::{Origin, Point, Visit};
pub use self::settings::{Remote, Settings};

use std::fmt;
use std::str::FromStr;

/// Data of a run, in the first line of the body of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// The requested page.
    pub page: String,
    /// The version of it that the run has read.
    pub version: u64,
    /// The number of the run, over all nodes.
    pub run: u64,
    /// The name of the node that ran.
    pub node: String,
}

impl fmt::Display for RunInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            page,
            version,
            run,
            node,
        } = self;
        write!(f, "{page} {version} {run} {node}")
    }
}

impl FromStr for RunInfo {
    type Err = String;

    fn from_str(body: &str) -> Result<Self, String> {
        let line = body.lines().next().unwrap_or_default();
        let read = || {
            let mut words = line.split(' ');
            Some(Self {
                page: words.next()?.to_owned(),
                version: words.next()?.parse().ok()?,
                run: words.next()?.parse().ok()?,
                node: words.next()?.to_owned(),
            })
        };
        read().ok_or_else(|| format!("no page of a node: {line:?}"))
    }
}
