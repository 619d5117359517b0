//! A request as the octets that go over the wire.

/// A request, written down exactly as it is sent.
///
/// `Host` is added unless the test sets or refuses it, and `Content-Length` where there is a body.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    version: &'static str,
    host: bool,
    lines: Vec<Vec<u8>>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request with any method, for any target: a path, an absolute URI or nonsense.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: "1.1",
            host: true,
            lines: Vec::new(),
            body: None,
        }
    }

    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A HEAD.
    pub fn head(target: impl Into<String>) -> Self {
        Self::new("HEAD", target)
    }

    /// A POST with a body.
    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// Adds a field; one of the same name is kept beside it.
    #[must_use]
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut line = name.as_bytes().to_vec();
        line.extend(b": ");
        line.extend(value.as_ref());
        self.line(line)
    }

    /// Adds a header line as it is, without its end.
    #[must_use]
    pub fn line(mut self, line: impl Into<Vec<u8>>) -> Self {
        let line = line.into();
        if line.len() >= 5 && line[..5].eq_ignore_ascii_case(b"host:") {
            self.host = false;
        }
        self.lines.push(line);
        self
    }

    /// Sends no `Host`.
    #[must_use]
    pub fn without_host(mut self) -> Self {
        self.host = false;
        self
    }

    /// Speaks HTTP/1.0.
    #[must_use]
    pub fn http_1_0(mut self) -> Self {
        self.version = "1.0";
        self
    }

    /// Sends a body with its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole request, as it is sent.
    pub fn octets(&self) -> Vec<u8> {
        let Self {
            method,
            target,
            version,
            ..
        } = self;
        let mut octets = format!("{method} {target} HTTP/{version}\r\n").into_bytes();
        if self.host {
            octets.extend(b"Host: 127.0.0.1\r\n");
        }
        for line in &self.lines {
            octets.extend(line);
            octets.extend(b"\r\n");
        }
        if let Some(body) = &self.body {
            octets.extend(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        octets.extend(b"\r\n");
        octets.extend(self.body.iter().flatten());
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_request_is_sent_as_it_was_written() {
        let request = Request::get("/a?b").header("X-A", [0xe4]).line("x-a:1");
        let expected = b"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: \xe4\r\nx-a:1\r\n\r\n";
        assert_eq!(request.octets(), expected);
    }

    #[test]
    fn a_host_of_its_own_replaces_the_usual_one() {
        let request = Request::post("/", "abc").header("HOST", "a.example");
        let expected = "POST / HTTP/1.1\r\nHOST: a.example\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(request.octets(), expected.as_bytes());
    }
}
