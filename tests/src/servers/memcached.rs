//! Memcached servers.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use super::{Spawned, free_port, until};

/// A Memcached server that runs until this is dropped.
#[derive(Debug)]
pub struct Memcached {
    process: Spawned,
    port: u16,
    options: Vec<String>,
}

impl Memcached {
    /// Starts one on a free port, and waits until it answers.
    pub fn start() -> io::Result<Self> {
        Self::with(&[])
    }

    /// Starts one with more options, as on its command line: `["-I", "2m"]`.
    pub fn with(options: &[&str]) -> io::Result<Self> {
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        let mut tries = 0;
        loop {
            let port = free_port()?;
            let mut process = spawn(port, &options)?;
            match answers(&mut process, port) {
                Ok(()) => {
                    return Ok(Self {
                        process,
                        port,
                        options,
                    });
                }
                // Another has taken the port in between.
                Err(_) if tries < 5 && !process.is_alive() => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Its address, as `MemcachedStore::open` takes it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the answer to these bytes, on a connection of their own, up to its terminator.
    pub fn ask(&self, bytes: &[u8], end: &str) -> io::Result<String> {
        ask(self.port, bytes, end)
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

    /// Starts it again on its port, empty, and waits until it answers.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process.kill();
        self.process = spawn(self.port, &self.options)?;
        answers(&mut self.process, self.port)
    }
}

fn spawn(port: u16, options: &[String]) -> io::Result<Spawned> {
    let port = port.to_string();
    // As root it demands this option.
    let fixed = ["-p", &port, "-l", "127.0.0.1", "-U", "0", "-u", "root"];
    let mut arguments: Vec<_> = fixed.iter().map(ToString::to_string).collect();
    arguments.extend_from_slice(options);
    Spawned::start("memcached", "memcached", &arguments)
}

fn answers(process: &mut Spawned, port: u16) -> io::Result<()> {
    let answered = until("an answer of memcached", || {
        if !process.is_alive() {
            return Some(Err(io::Error::other("memcached has ended by itself")));
        }
        ask(port, b"mn\r\n", "MN\r\n").is_ok().then_some(Ok(()))
    });
    answered?
}

fn ask(port: u16, bytes: &[u8], end: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::Memcached;

    #[test]
    fn a_server_answers_and_is_empty_after_a_restart() {
        let mut server = Memcached::start().unwrap();
        server.ask(b"ms a 1 T60\r\nx\r\n", "HD\r\n").unwrap();
        let found = server.ask(b"mg a v\r\n", "x\r\n").unwrap();
        assert_eq!(found, "VA 1\r\nx\r\n");
        server.kill();
        assert!(server.ask(b"mn\r\n", "MN\r\n").is_err());
        server.restart().unwrap();
        assert_eq!(server.ask(b"mg a v\r\n", "\r\n").unwrap(), "EN\r\n");
    }
}
