//! Redis by hand: a plain connection that sends a command and reads what is said to it.
//!
//! Setup and inspection of a test must not use the code that is tested.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Answer of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A text, or bytes as far as they are one.
    Text(String),
    /// A refusal, with its word.
    Error(String),
    /// A number.
    Number(i64),
    /// Nothing is there.
    Nothing,
    /// Several.
    Many(Vec<Self>),
}

impl Reply {
    /// The text that it is, or the error; a number is written out, nothing is empty.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Error(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Nothing => String::new(),
            Self::Many(all) => all.iter().map(Self::text).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// A connection of a test's own.
#[derive(Debug)]
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects to a port of loopback. Nothing on it takes longer than ten seconds.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command and reads what is said to it.
    pub fn ask(&mut self, command: &[&str]) -> io::Result<Reply> {
        self.send(command)?;
        self.read()
    }

    /// Sends a command.
    pub fn send(&mut self, command: &[&str]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", command.len());
        for argument in command {
            let length = argument.len().to_string();
            bytes.extend(["$", &length, "\r\n", argument, "\r\n"]);
        }
        self.0.get_mut().write_all(bytes.as_bytes())
    }

    /// Reads one reply.
    pub fn read(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let Some(kind) = line.chars().next() else {
            return Err(io::Error::other("an empty line"));
        };
        let rest = &line[kind.len_utf8()..];
        match kind {
            '+' => Ok(Reply::Text(rest.to_owned())),
            '-' => Ok(Reply::Error(rest.to_owned())),
            ':' => number(rest).map(Reply::Number),
            '$' => self.bytes(number(rest)?),
            '*' => self.many(number(rest)?),
            _ => Err(io::Error::other(format!("no reply: {line:?}"))),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn bytes(&mut self, length: i64) -> io::Result<Reply> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Reply::Nothing);
        };
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn many(&mut self, count: i64) -> io::Result<Reply> {
        if count < 0 {
            return Ok(Reply::Nothing);
        }
        let replies = (0..count).map(|_| self.read());
        replies.collect::<io::Result<_>>().map(Reply::Many)
    }
}

fn number(text: &str) -> io::Result<i64> {
    let no_number = |_| io::Error::other(format!("no number: {text:?}"));
    text.parse().map_err(no_number)
}
