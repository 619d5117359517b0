//! Redis servers.

use std::io;

use super::resp::{Reply, Wire};
use super::{Folder, Spawned, free_port, until};

/// A Redis server that runs until this is dropped, and writes nothing to disk.
#[derive(Debug)]
pub struct Redis {
    process: Spawned,
    port: u16,
    options: Vec<String>,
    folder: Folder,
}

impl Redis {
    /// Starts one on a free port, and waits until it answers.
    pub fn start() -> io::Result<Self> {
        Self::with(&[])
    }

    /// Starts one with more options, as on its command line: `["--maxmemory", "1mb"]`.
    ///
    /// The answer may be an error: a password is required, or the data set is loading.
    pub fn with(options: &[&str]) -> io::Result<Self> {
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        let folder = Folder::new()?;
        let mut tries = 0;
        loop {
            let port = free_port()?;
            let mut process = spawn(port, &folder, &options)?;
            match answers(&mut process, port) {
                Ok(()) => {
                    return Ok(Self {
                        process,
                        port,
                        options,
                        folder,
                    });
                }
                // Another has taken the port in between.
                Err(_) if tries < 5 && !process.is_alive() => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The port of loopback on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as `RedisStore::open` takes it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the answer to a command, on a connection of its own.
    pub fn ask(&self, command: &[&str]) -> io::Result<Reply> {
        Wire::open(self.port)?.ask(command)
    }

    /// A connection to it.
    pub fn wire(&self) -> io::Result<Wire> {
        Wire::open(self.port)
    }

    /// Stops it (SIGSTOP) until [`resume`](Self::resume).
    pub fn stop(&self) -> io::Result<()> {
        self.process.stop()
    }

    /// Has it go on (SIGCONT).
    pub fn resume(&self) -> io::Result<()> {
        self.process.resume()
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on its port, with what it has saved, which is nothing by itself, and waits until it answers.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process.kill();
        self.process = spawn(self.port, &self.folder, &self.options)?;
        answers(&mut self.process, self.port)
    }

    /// Starts it again on its port with more options still, and with what it has saved. What it answers
    /// may be an error: that it loads.
    pub fn restart_with(&mut self, options: &[&str]) -> io::Result<()> {
        self.options.extend(options.iter().map(ToString::to_string));
        self.restart()
    }

    /// Sees every command that it is sent from now on.
    pub fn monitor(&self) -> io::Result<Monitor> {
        let mut wire = self.wire()?;
        wire.ask(&["MONITOR"])?;
        Ok(Monitor(wire))
    }
}

/// The commands that a server is sent.
#[derive(Debug)]
pub struct Monitor(Wire);

impl Monitor {
    /// The commands since the last call, as MONITOR writes them, without times and addresses:
    /// `"GET" "name"`.
    pub fn seen(&mut self, server: &Redis) -> io::Result<Vec<String>> {
        server.ask(&["ECHO", "seen"])?;
        let mut seen = Vec::new();
        loop {
            let line = self.0.read()?.text();
            let command = line.split_once("] ").map_or("", |(_, command)| command);
            if command == r#""ECHO" "seen""# {
                return Ok(seen);
            }
            seen.push(command.to_owned());
        }
    }
}

fn spawn(port: u16, folder: &Folder, options: &[String]) -> io::Result<Spawned> {
    let port = port.to_string();
    let folder = folder.path().display().to_string();
    let fixed = ["--port", &port, "--bind", "127.0.0.1", "--dir", &folder];
    let quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"];
    let mut arguments: Vec<_> = fixed
        .iter()
        .chain(&quiet)
        .map(ToString::to_string)
        .collect();
    arguments.extend_from_slice(options);
    Spawned::start("redis-server", "redis-server", &arguments)
}

fn answers(process: &mut Spawned, port: u16) -> io::Result<()> {
    let answered = until("an answer of redis-server", || {
        if !process.is_alive() {
            return Some(Err(io::Error::other("redis-server has ended by itself")));
        }
        let answer = Wire::open(port).and_then(|mut wire| wire.ask(&["PING"]));
        answer.is_ok().then_some(Ok(()))
    });
    answered?
}

#[cfg(test)]
mod tests {
    use super::{Redis, Reply};

    #[test]
    fn a_server_answers_can_be_monitored_and_is_empty_after_a_restart() {
        let mut server = Redis::start().unwrap();
        let mut monitor = server.monitor().unwrap();
        server.ask(&["SET", "name", "a value"]).unwrap();
        assert_eq!(server.ask(&["GET", "name"]).unwrap().text(), "a value");
        let seen = monitor.seen(&server).unwrap();
        assert_eq!(seen, [r#""SET" "name" "a value""#, r#""GET" "name""#]);
        server.kill();
        assert!(server.ask(&["PING"]).is_err());
        server.restart().unwrap();
        assert_eq!(server.ask(&["GET", "name"]).unwrap(), Reply::Nothing);
    }

    #[test]
    fn a_server_has_its_options() {
        let server = Redis::with(&["--requirepass", "secret"]).unwrap();
        let refused = server.ask(&["GET", "name"]).unwrap();
        assert!(refused.text().starts_with("NOAUTH"), "{refused:?}");
    }
}
