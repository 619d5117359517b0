//! A Redis server of a benchmark's own, and the way to it.

use cached_response::RedisStore;
use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Environment variable with its address.
pub const ADDRESS: &str = "REDIS_URL";

/// A running `redis-server` that writes nothing to disk, ended by its own id when dropped.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Starts one on a free port, and waits until it answers.
    ///
    /// # Errors
    /// If it is not installed, or does not answer.
    pub fn start() -> io::Result<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = free.local_addr()?.port();
        drop(free);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => io::Error::other(
                    "redis-server is missing; install it, as in `apt-get install redis-server`",
                ),
                _ => error,
            })?;
        let redis = Self { child, port };
        let start = Instant::now();
        while let Err(error) = redis.ping() {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(redis)
    }

    /// Its address, as clients take it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn ping(&self) -> io::Result<()> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        connection.read_exact(&mut answer)?;
        if &answer == b"+PONG\r\n" {
            return Ok(());
        }
        Err(io::Error::other(answer.escape_ascii().to_string()))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Both fail only where the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that this process was given.
///
/// # Panics
/// If the environment has none.
pub fn address() -> String {
    env::var(ADDRESS).expect("servers are started with an address of Redis")
}

/// A store at that address.
pub(crate) fn store() -> RedisStore {
    RedisStore::open(&address()).expect("the address is one of Redis")
}
