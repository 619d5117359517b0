//! The proxy as a child process, with plain sockets as its client and its origin.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tests::raw::{Connection, Request, Response};

const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// A proxy on a separate port.
pub(crate) struct Proxy {
    child: Child,
    address: SocketAddr,
    /// Kept open, since a print into a closed pipe panics.
    _output: BufReader<ChildStdout>,
}

impl Proxy {
    pub(crate) fn before(origin: SocketAddr) -> Self {
        let test = std::env::current_exe().expect("this test's own path");
        let folder = test.ancestors().nth(2).expect("…/deps/test");
        let mut child = Command::new(folder.join("examples").join("proxy"))
            .env("PORT", "0")
            .env("ORIGIN", format!("http://{origin}/"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("an example: build them with `cargo build --examples`");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        Self {
            child,
            address: address.expect("an address"),
            _output: output,
        }
    }

    pub(crate) fn send(&self, request: &Request) -> Connection {
        let mut client = Connection::open(self.address).expect("it listens");
        client.send(request).expect("sent");
        client
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        self.send(request).receive(request).expect("an answer")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Only this child, by the id it was started under.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The connections that a proxy makes to its origin.
pub(crate) struct Origin(Receiver<TcpStream>);

impl Origin {
    /// Starts an origin, and a proxy in front of it.
    pub(crate) fn behind_a_proxy() -> (Proxy, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = Proxy::before(listener.local_addr().expect("bound"));
        let (sender, connections) = channel();
        thread::spawn(move || {
            let mut made = listener.incoming().map_while(Result::ok);
            made.try_for_each(|connection| sender.send(connection))
        });
        (proxy, Self(connections))
    }

    /// Waits for the next connection, and for the head of its first request.
    pub(crate) fn received(&self) -> ReceivedRequest {
        let stream = self.0.recv_timeout(READ_TIMEOUT).expect("a connection");
        stream
            .set_read_timeout(Some(READ_TIMEOUT))
            .expect("a limit");
        let mut received = ReceivedRequest {
            stream: BufReader::new(stream),
            head: Vec::new(),
        };
        received.wait();
        received
    }

    /// Plays one exchange: answers these octets, then closes the connection.
    pub(crate) fn exchange(
        &self,
        proxy: &Proxy,
        request: &Request,
        response: impl AsRef<[u8]>,
    ) -> (ReceivedRequest, Response) {
        let mut client = proxy.send(request);
        let mut received = self.received();
        received.send(response.as_ref());
        received.close();
        (received, client.receive(request).expect("an answer"))
    }
}

/// A request that the origin received.
pub(crate) struct ReceivedRequest {
    stream: BufReader<TcpStream>,
    head: Vec<u8>,
}

impl ReceivedRequest {
    /// Waits for the head of the next request on this connection.
    pub(crate) fn wait(&mut self) {
        self.head.clear();
        while !self.head.ends_with(b"\r\n\r\n") {
            let read = self.stream.read_until(b'\n', &mut self.head);
            assert_ne!(read.expect("a line"), 0, "the head breaks off");
        }
    }

    pub(crate) fn request_line(&self) -> String {
        let line = self.head.split(|octet| *octet == b'\r').next();
        String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
    }

    /// Returns the lines of one field, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.head.split(|octet| *octet == b'\n').skip(1);
        let fields = lines.filter_map(|line| {
            let colon = line.iter().position(|octet| *octet == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        });
        let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value).collect()
    }

    pub(crate) fn expect_octets(&mut self, octets: &[u8]) {
        let mut read = vec![0; octets.len()];
        self.stream.read_exact(&mut read).expect("enough octets");
        assert_eq!(read, octets);
    }

    /// Reads until the connection is closed or reset.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(rest),
        }
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).expect("sent");
    }

    pub(crate) fn close(&self) {
        let stream = self.stream.get_ref();
        stream.shutdown(Shutdown::Both).expect("it was open");
    }
}
