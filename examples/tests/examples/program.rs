//! An example as a process of its own, and what it answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// An example that runs on a port of its own until it is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    /// The lines it printed when it was ready.
    pub(crate) printed: Vec<String>,
    /// Kept open: whoever prints into a closed pipe panics.
    _output: Option<BufReader<ChildStdout>>,
}

impl Program {
    /// `hello` prints nothing, so it gets a port that was free a moment ago, and is asked until it
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

    /// `countries` says where it listens.
    pub(crate) fn countries() -> Self {
        Self::announced(start("countries", Some("0")))
    }

    /// So does `invalidate`.
    pub(crate) fn invalidate() -> Self {
        Self::announced(start("invalidate", Some("0")))
    }

    pub(crate) fn announced(child: Child) -> Self {
        Self::announced_in(child, 2)
    }

    /// The first of the lines that it prints says where it listens.
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
        self.ask(target, "")
    }

    /// Asks again and again until an answer is as it should be.
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
        self.ask(target, &format!("authorization: Bearer {user}\r\n"))
    }

    fn ask(&self, target: &str, headers: &str) -> Answer {
        self.send(&format!("GET {target}"), headers, "")
    }

    /// Sends what a form sends.
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

/// With whatever arguments and environment it is given besides.
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

/// An answer as it stands on the wire, or in the README.
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

    /// Whether another process has made it.
    pub(crate) fn is_remote(&self) -> bool {
        self.header("cache-status").ends_with("; detail=remote")
    }

    pub(crate) fn is_live(&self) -> bool {
        !self.headers.contains_key("age") && !self.header("cache-status").contains("hit")
    }

    /// The seconds that a hit says it will still be reused for.
    pub(crate) fn ttl(&self) -> Option<u64> {
        let ttl = self
            .header("cache-status")
            .strip_prefix("cached-response; hit; ttl=")?;
        self.header("age").parse::<u64>().ok()?;
        ttl.parse().ok()
    }

    /// Without what differs from one day to the next, and what `curl` does not ask for.
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

/// A value with every number as `#`, and a date as nothing but a date.
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
