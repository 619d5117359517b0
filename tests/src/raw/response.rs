//! A response as it was received.

use std::io;
use std::time::Duration;

use super::malformed;

/// A whole response, with the interim ones before it.
#[derive(Debug, Clone)]
pub struct Response {
    /// The 1xx responses before it.
    pub interim: Vec<Head>,
    /// Status and fields.
    pub head: Head,
    /// The body, freed from its transfer coding.
    pub body: Vec<u8>,
    /// From the request's first octet to the response's last.
    pub took: Duration,
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A field as one value: its lines joined by `, `.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.header(name)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The status and the fields of one response.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names as they were spelt and values without the blanks around them, in their order.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    pub(super) fn parse(line: &[u8]) -> io::Result<Self> {
        let line_text = str::from_utf8(line).map_err(|_| malformed("a status line", line))?;
        let status = line_text
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| malformed("a status line", line))?;
        Ok(Self {
            status,
            fields: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, line: &[u8]) -> io::Result<()> {
        let colon = line.iter().position(|octet| *octet == b':');
        let colon = colon.ok_or_else(|| malformed("a header line", line))?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        let value = line[colon + 1..].trim_ascii().to_vec();
        self.fields.push((name, value));
        Ok(())
    }

    /// The values of all lines with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let of_that_name = move |(field, _): &&(String, _)| field.eq_ignore_ascii_case(name);
        let lines = self.fields.iter().filter(of_that_name);
        lines.map(|(_, value): &(String, Vec<u8>)| value.as_slice())
    }

    /// A field as one value: its lines joined by `, `, each octet as the character of its number.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<String> = self.all(name).map(latin_1).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    pub(super) fn has_body(&self, method: &str) -> bool {
        method != "HEAD" && !matches!(self.status, 101 | 204 | 304)
    }

    pub(super) fn is_chunked(&self) -> bool {
        let coding = self.header("transfer-encoding").unwrap_or_default();
        coding.to_ascii_lowercase().contains("chunked")
    }

    pub(super) fn content_length(&self) -> io::Result<Option<usize>> {
        let Some(length) = self.header("content-length") else {
            return Ok(None);
        };
        let parsed = length.parse();
        parsed
            .map(Some)
            .map_err(|_| malformed("a Content-Length", length.as_bytes()))
    }
}

fn latin_1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}
