//! An example in a separate process, and its answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A running example on a separate port. It is stopped on drop.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    /// The lines that it printed at its start.
    pub(crate) printed: Vec<String>,
    /// Kept open, since a print into a closed pipe panics.
    _output: Option<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts `hello`. It prints nothing, so it gets a port that was just free, and is polled until it
    /// listens.
    pub(crate) fn hello() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound").to_string();
        drop(free);
        let port = address.rsplit(':').next().expect("a port");
        let child = start("hello", Some(port));
        let program = Self {
            child,
            address,
            printed: vec![],
            _output: None,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&program.address).is_err() {
            assert!(Instant::now() < deadline, "hello does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        program
    }

    /// Starts `countries`, which prints its address.
    pub(crate) fn countries() -> Self {
        Self::announced(start("countries", Some("0")))
    }

    /// Starts `invalidate`, which prints its address.
    pub(crate) fn invalidate() -> Self {
        Self::announced(start("invalidate", Some("0")))
    }

    pub(crate) fn announced(child: Child) -> Self {
        Self::announced_in(child, 2)
    }

    /// Reads this many printed lines; the first contains the address.
    pub(crate) fn announced_in(mut child: Child, lines: usize) -> Self {
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let lines = output.by_ref().lines().take(lines);
        let printed: Vec<_> = lines.map(|line| line.expect("text")).collect();
        let address = printed[0].split("http://").nth(1).expect("an address");
        let address = address.split('/').next().expect("a host").to_owned();
        Self {
            child,
            address,
            printed,
            _output: Some(output),
        }
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.get_with_headers(target, "")
    }

    /// Repeats a request until an answer meets the condition.
    pub(crate) fn get_until(
        &self,
        target: &str,
        what: &str,
        met: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get(target);
            if met(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{what}: {answer:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn get_as(&self, user: &str, target: &str) -> Answer {
        self.get_with_headers(target, &format!("authorization: Bearer {user}\r\n"))
    }

    fn get_with_headers(&self, target: &str, headers: &str) -> Answer {
        self.send(&format!("GET {target}"), headers, "")
    }

    /// Sends a form.
    pub(crate) fn send_form(&self, method: &str, target: &str, form: &str) -> Answer {
        let kind = "content-type: application/x-www-form-urlencoded";
        let headers = format!("{kind}\r\ncontent-length: {}\r\n", form.len());
        self.send(&format!("{method} {target}"), &headers, form)
    }

    fn send(&self, line: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a limit");
        let head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", self.address);
        let request = format!("{head}{headers}connection: close\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        stream
            .read_to_string(&mut text)
            .expect("an answer in UTF-8");
        Answer::parse(&text.replace("\r\n", "\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Only this child, by the id it was started under.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn start(example: &str, port: Option<&str>) -> Child {
    start_with(example, |command| {
        command.envs(port.map(|port| ("PORT", port)));
    })
}

/// Starts an example with further arguments and environment variables.
pub(crate) fn start_with(example: &str, configure: impl FnOnce(&mut Command)) -> Child {
    let program = tests::process::build(example).expect("the example can be built");
    let mut command = Command::new(program);
    command
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("CACHED_RESPONSE")
        .env_remove("PORT")
        .stdout(Stdio::piped());
    configure(&mut command);
    command.spawn().expect("an example that was built")
}

/// An answer from the wire, or from the README.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let mut lines = head.lines();
        let status = lines.next().expect("a status line").to_owned();
        let headers = lines.map(|line| line.split_once(": ").expect("a field"));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self {
            status,
            headers: headers.collect(),
            body: body.trim_end().to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Returns true if another process made it.
    pub(crate) fn is_remote(&self) -> bool {
        self.header("cache-status").ends_with("; detail=remote")
    }

    pub(crate) fn is_live(&self) -> bool {
        !self.headers.contains_key("age") && !self.header("cache-status").contains("hit")
    }

    /// Returns the remaining lifetime of a hit in seconds.
    pub(crate) fn ttl(&self) -> Option<u64> {
        let ttl = self
            .header("cache-status")
            .strip_prefix("cached-response; hit; ttl=")?;
        self.header("age").parse::<u64>().ok()?;
        ttl.parse().ok()
    }

    /// Replaces values that change with time, and removes fields that `curl` does not cause.
    pub(crate) fn shape(mut self) -> Self {
        self.headers.remove("connection");
        for name in ["age", "cache-status", "date"] {
            if let Some(value) = self.headers.get_mut(name) {
                *value = shape_of(value, name);
            }
        }
        self
    }
}

/// Replaces each number by `#`, and a date by its shape.
fn shape_of(value: &str, name: &str) -> String {
    if name == "date" {
        return format!(
            "{} characters that end in {}",
            value.len(),
            value.ends_with(" GMT")
        );
    }
    let parts: Vec<_> = value
        .split(|letter: char| letter.is_ascii_digit())
        .collect();
    let parts = parts
        .iter()
        .enumerate()
        .filter(|(i, part)| *i == 0 || !part.is_empty());
    let digits = value.chars().any(|letter| letter.is_ascii_digit());
    let text: Vec<_> = parts.map(|(_, part)| *part).collect();
    format!("{}{}", text.join("#"), if digits { "#" } else { "" })
}
