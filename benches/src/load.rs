//! A load generator that costs little itself: prepared bytes out, counted bytes in.

use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One keep-alive connection, with one request on its way at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 << 10],
        })
    }

    /// Sends a request and reads its whole answer, by `Content-Length`.
    ///
    /// # Errors
    /// Where the connection ends, or the answer is not a 200 with a length.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut whole = None;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if whole.is_none() {
                whole = length(&self.buffer[..filled])?;
            }
            if whole == Some(filled) {
                return Ok(&self.buffer[..filled]);
            }
        }
    }
}

/// The length of an answer whose head is there, or `None` where more of it must come.
fn length(answer: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &answer[..end];
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other(head.escape_ascii().to_string()));
    }
    let body = head
        .split(|byte| *byte == b'\n')
        .find_map(|line| {
            let value = line.strip_prefix(b"content-length: ")?;
            std::str::from_utf8(value)
                .ok()?
                .trim()
                .parse::<usize>()
                .ok()
        })
        .ok_or_else(|| io::Error::other("an answer without a length"))?;
    Ok(Some(end + 4 + body))
}
