//! Sentinels, which monitor a primary and its replicas.

use std::{fs, io};

use super::redis::Redis;
use super::resp::{Reply, Wire};
use super::{Folder, Spawned, free_port, until};

/// The name by which a [`Sentinel`] knows its primary.
pub const PRIMARY: &str = "mymaster";

/// A sentinel that decides alone, and fast.
#[derive(Debug)]
pub struct Sentinel {
    process: Spawned,
    port: u16,
    _folder: Folder,
}

impl Sentinel {
    /// Starts one, and waits until it has found as many replicas of `primary`.
    pub fn start(primary: &Redis, replicas: usize) -> io::Result<Self> {
        let folder = Folder::new()?;
        let port = free_port()?;
        let path = folder.path().join("sentinel.conf");
        fs::write(&path, settings(port, primary.port(), &folder))?;
        let arguments = [path.display().to_string(), "--sentinel".to_owned()];
        let sentinel = Self {
            process: Spawned::start("redis-server", "redis-server", &arguments)?,
            port,
            _folder: folder,
        };
        until("a sentinel that has found the replicas", || {
            let found = sentinel.ask(&["SENTINEL", "REPLICAS", PRIMARY]);
            let found = matches!(found, Ok(Reply::Many(found)) if found.len() == replicas);
            found.then_some(())
        })?;
        Ok(sentinel)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the answer to a command.
    pub fn ask(&self, command: &[&str]) -> io::Result<Reply> {
        Wire::open(self.port)?.ask(command)
    }

    /// Stops it (SIGSTOP).
    pub fn stop(&self) -> io::Result<()> {
        self.process.stop()
    }
}

fn settings(port: u16, primary: u16, folder: &Folder) -> String {
    format!(
        "port {port}\nbind 127.0.0.1\ndir {}\n\
         sentinel monitor {PRIMARY} 127.0.0.1 {primary} 1\n\
         sentinel down-after-milliseconds {PRIMARY} 500\n\
         sentinel failover-timeout {PRIMARY} 2000\n",
        folder.path().display()
    )
}
