//! HTTP/1.x over a plain socket: what was sent is what the test wrote, what is received is kept octet for octet.
//!
//! Sending and receiving are apart, so that one thread can have a thousand requests under way:
//! it sends on all connections first and reads the answers after.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub use self::request::Request;
pub use self::response::{Head, Response};

mod request;
mod response;

/// Timeout of a read, so that no test hangs.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One connection to a server, open for as many requests as the server allows.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    sent: Instant,
}

/// Sends one request on a connection of its own and gives the whole answer.
pub fn fetch(server: SocketAddr, request: &Request) -> io::Result<Response> {
    let started = Instant::now();
    let mut response = Connection::open(server)?.exchange(request)?;
    response.took = started.elapsed();
    Ok(response)
}

impl Connection {
    /// Connects.
    pub fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream: BufReader::new(stream),
            sent: Instant::now(),
        })
    }

    /// Sends a request and reads its answer.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        self.send(request)?;
        self.receive(request)
    }

    /// Sends a request.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        self.send_octets(&request.octets())
    }

    /// Sends octets that need not be a request.
    pub fn send_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.sent = Instant::now();
        self.stream.get_mut().write_all(octets)
    }

    /// Reads the answer to `request`: interim responses, then the final one with its body.
    pub fn receive(&mut self, request: &Request) -> io::Result<Response> {
        let mut interim = Vec::new();
        loop {
            let head = self.receive_head()?;
            if !head.is_interim() {
                let body = self.receive_body(request, &head)?;
                let took = self.sent.elapsed();
                return Ok(Response {
                    interim,
                    head,
                    body,
                    took,
                });
            }
            interim.push(head);
        }
    }

    /// Reads one head, interim or final.
    pub fn receive_head(&mut self) -> io::Result<Head> {
        let mut head = Head::parse(&self.line()?)?;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(head);
            }
            head.push(&line)?;
        }
    }

    /// Reads the whole body that belongs to `head`.
    pub fn receive_body(&mut self, request: &Request, head: &Head) -> io::Result<Vec<u8>> {
        if !head.has_body(request.method()) {
            return Ok(Vec::new());
        }
        if head.is_chunked() {
            return self.chunks();
        }
        match head.content_length()? {
            Some(length) => self.receive_octets(length),
            None => self.rest(),
        }
    }

    /// Reads one chunk of a chunked body; the last one is empty.
    pub fn receive_chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.line()?;
        let digits = line
            .split(|octet| *octet == b';')
            .next()
            .unwrap_or_default();
        let length = str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
            .ok_or_else(|| malformed("a chunk's length", &line))?;
        let chunk = self.receive_octets(length)?;
        // Between an empty chunk and an empty line stand trailers, which are not sent here.
        let end = self.line()?;
        if !end.is_empty() {
            return Err(malformed("a chunk's end", &end));
        }
        Ok(chunk)
    }

    /// Reads exactly that many octets.
    pub fn receive_octets(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut octets = vec![0; length];
        self.stream.read_exact(&mut octets)?;
        Ok(octets)
    }

    /// The socket itself; what was read ahead of need is lost.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk = self.receive_chunk()?;
            if chunk.is_empty() {
                return Ok(body);
            }
            body.extend(chunk);
        }
    }

    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.stream.read_to_end(&mut body)?;
        Ok(body)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            let message = "the server closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None => Err(malformed("the end of a line", &line)),
        }
    }
}

fn malformed(what: &str, line: &[u8]) -> io::Error {
    let line = line.escape_ascii();
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("could not read {what}: {line}"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use super::{Connection, Request, fetch};

    /// A server that answers everything with these octets and hangs up.
    fn answering(octets: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            stream.write_all(octets.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn interim_responses_precede_the_final_one() {
        let server = answering(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
             HTTP/1.1 200 OK\r\nX-A:  1\r\nx-a: 2 \r\nContent-Length: 2\r\n\r\nok",
        );
        let response = fetch(server, &Request::get("/")).unwrap();
        assert_eq!(response.interim[0].header("link").unwrap(), "</a>");
        assert_eq!(response.header("X-A").unwrap(), "1, 2");
        assert_eq!(response.text(), "ok");
    }

    #[test]
    fn a_chunked_body_is_put_together_and_the_next_answer_is_found() {
        let server = answering(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\
             HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        );
        let mut connection = Connection::open(server).unwrap();
        let first = connection.exchange(&Request::get("/")).unwrap();
        assert_eq!(first.text(), "abcd");
        let head = connection.receive(&Request::head("/")).unwrap();
        assert_eq!((head.status(), head.body.len()), (200, 0));
        let last = connection.receive(&Request::get("/")).unwrap();
        assert_eq!(last.status(), 404);
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let server = answering("HTTP/1.0 200 OK\r\n\r\nto the end");
        let response = fetch(server, &Request::get("/").http_1_0()).unwrap();
        assert_eq!(response.text(), "to the end");
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        for octets in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le",
        ] {
            let server = answering(octets);
            assert!(fetch(server, &Request::get("/")).is_err(), "{octets}");
        }
    }
}
