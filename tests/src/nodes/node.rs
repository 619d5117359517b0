//! A node as its test sees it.
#![expect(clippy::panic, reason = "a test fails where a node does not answer")]

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::{RunInfo, Settings};
use crate::raw::{self, Request, Response};

type Lines = Arc<Mutex<Vec<(Instant, String)>>>;

/// A node's process, ended by its own id when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    address: SocketAddr,
    log: Lines,
}

impl Node {
    /// Starts `program`, the binary `node` of this package.
    pub fn start(program: &str, settings: &Settings) -> io::Result<Self> {
        let settings = serde_json::to_string(settings)?;
        let mut child = Command::new(program)
            .arg(settings)
            .env("RUST_BACKTRACE", "0")
            // It ends when this end of it is closed, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = Lines::default();
        if let Some(stderr) = child.stderr.take() {
            let log = log.clone();
            thread::spawn(move || listen(stderr, &log));
        }
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        let mut node = Self {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            log,
        };
        node.address = address.ok_or_else(|| {
            let log = node.log();
            io::Error::other(format!("the node began with {line:?}, and said {log:?}"))
        })?;
        Ok(node)
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a GET and reads the answer.
    pub fn get(&self, target: &str) -> Response {
        self.ask(&Request::get(target))
    }

    /// Sends a request on a connection of its own and reads the answer, which must come.
    pub fn ask(&self, request: &Request) -> Response {
        let request = request.clone().header("connection", "close");
        raw::fetch(self.address, &request)
            .unwrap_or_else(|error| panic!("{request:?}: {error}; it said {:#?}", self.log()))
    }

    /// Returns the run of the page at `target`, which must exist.
    pub fn page(&self, target: &str) -> RunInfo {
        let response = self.get(target);
        let info = response.text().parse();
        info.unwrap_or_else(|error| panic!("{target}: {error}, {:?}", response.head))
    }

    /// Invalidates `tag/TAG`, `path/PATH` or `all`; its answer is 204, or 503 with the error's words.
    pub fn invalidate(&self, what: &str) -> Response {
        self.ask(&Request::post(format!("/invalidate/{what}"), ""))
    }

    /// Returns its counters.
    pub fn stats(&self) -> Value {
        let text = self.get("/stats").text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }

    /// One thing that it counts.
    pub fn count(&self, name: &str) -> u64 {
        let stats = self.stats();
        let count = stats.pointer(&format!("/{name}")).and_then(Value::as_u64);
        count.unwrap_or_else(|| panic!("no {name} in {stats}"))
    }

    /// The lines of its log, with the times at which they were received.
    pub fn timed_log(&self) -> Vec<(Instant, String)> {
        let log = self.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines it has written to its log.
    pub fn log(&self) -> Vec<String> {
        self.timed_log().into_iter().map(|(_, line)| line).collect()
    }

    /// Stops it where it is.
    pub fn stop(&self) {
        signal(self.pid(), "-STOP");
    }

    /// Has it go on.
    pub fn resume(&self) {
        signal(self.pid(), "-CONT");
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns whether it is running.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let log = self.log();
        if thread::panicking() {
            eprintln!("what a node has said: {log:#?}");
            return;
        }
        let panicked = log.iter().find(|line| line.contains("panicked at"));
        assert!(panicked.is_none(), "in a node: {log:#?}");
    }
}

fn listen(stderr: ChildStderr, log: &Lines) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push((Instant::now(), line));
    }
}

/// Sends a signal to a process that the test has started.
pub fn signal(pid: u32, signal: &str) {
    let pid = pid.to_string();
    let status = Command::new("kill").args([signal, &pid]).status();
    assert!(status.is_ok_and(|it| it.success()), "kill {signal} {pid}");
}
