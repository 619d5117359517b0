//! A load generator that costs little itself: prepared bytes out, counted bytes in.

use memchr::memmem;
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
    /// If the connection is refused.
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
    /// If the connection ends, or the answer is not a 200 with a length.
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

const LENGTH: &[u8] = b"\ncontent-length: ";

/// The length of an answer whose head is there, or `None` where more of it must come.
fn length(answer: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &answer[..end];
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other(head.escape_ascii().to_string()));
    }
    let body = memmem::find(head, LENGTH)
        .and_then(|at| {
            head[at + LENGTH.len()..]
                .split(|byte| *byte == b'\r')
                .next()
        })
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok())
        .ok_or_else(|| io::Error::other("an answer without a length"))?;
    Ok(Some(end + 4 + body))
}

/// Returns true if a line in the head of an answer begins with `mark`.
pub(crate) fn has_line(answer: &[u8], mark: &[u8]) -> bool {
    let end = memmem::find(answer, b"\r\n\r\n").unwrap_or(answer.len());
    let head = &answer[..end];
    memmem::find_iter(head, mark).any(|at| at > 0 && head[at - 1] == b'\n')
}
