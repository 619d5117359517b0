//! A key read back for a person: the request target, or the names of all parts.
//!
//! What may be a secret is skipped: values of arguments, bodies, credentials, and for the target the headers
//! and the text of the query.

use crate::key::{ABSENT, Field, LIST};
use actix_web::http::header;

/// The request target of a key.
#[cfg(any(test, feature = "admin"))]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyTarget<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Number of query pairs in the key.
    pub(crate) query_pairs: usize,
}

#[cfg(any(test, feature = "admin"))]
impl<'a> KeyTarget<'a> {
    /// Reads the key of a response. `None` for the key of a value, whose bytes are its caller's; a
    /// caller that does not know which of the two `key` is must not ask.
    pub(crate) fn of_response(key: &'a [u8]) -> Option<Self> {
        let mut target = Self {
            method: "GET",
            path: "",
            query_pairs: 0,
        };
        let mut rest = KeyFields(key);
        while !rest.0.is_empty() {
            match rest.field()? {
                (Field::Method, Some(method)) => target.method = str::from_utf8(method).ok()?,
                (Field::Path, Some(path)) => target.path = str::from_utf8(path).ok()?,
                (Field::Query, Some(query)) => {
                    target.query_pairs = query.split(|byte| *byte == b'&').count();
                }
                _ => {}
            }
        }
        target.path.starts_with(['/', '*']).then_some(target)
    }
}

/// Returns the name and the value of each part of the key that
/// [`request_key::write`](crate::route::request_key::write) has written, in its order. `None` where the bytes
/// are no such key.
pub(crate) fn parts(key: &[u8]) -> Option<Vec<(String, String)>> {
    let mut rest = KeyFields(key);
    // HEAD has the key of GET, which has no method.
    let mut parts = vec![("method".to_owned(), "GET".to_owned())];
    let mut has_host = false;
    while !rest.0.is_empty() {
        match rest.field()? {
            (Field::Method, method) => parts[0].1 = shown(method),
            (Field::Parameter, name) => {
                let (_, value) = rest.field()?;
                parts.push((format!("{{{}}}", shown(name)), shown(value)));
            }
            (Field::Query, None) => {}
            // The first one is the header.
            (Field::Host, name) if has_host => parts.push(("server name".to_owned(), shown(name))),
            (
                field @ (Field::Host
                | Field::Forwarded
                | Field::ForwardedHost
                | Field::ForwardedProto
                | Field::Vary),
                name,
            ) => {
                has_host |= field == Field::Host;
                parts.push(rest.header(name?)?);
            }
            (field, value) => {
                let (name, value) = part(field, value)?;
                parts.push((name.to_owned(), value));
            }
        }
    }
    Some(parts)
}

/// The name and the value of a part that is one field.
fn part(field: Field, value: Option<&[u8]>) -> Option<(&'static str, String)> {
    Some(match (field, value) {
        (Field::Path, _) => ("path", shown(value)),
        (Field::Query, _) => ("query", shown(value)),
        (Field::Scheme, Some([0])) => ("scheme", "http".to_owned()),
        (Field::Scheme, Some([1])) => ("scheme", "https".to_owned()),
        (Field::Scheme, _) => ("target scheme", shown(value)),
        (Field::Authority, _) => ("target authority", shown(value)),
        (Field::Place, _) => ("middleware", shown(value)),
        (Field::Data, _) => {
            let set: [u8; 8] = value?.try_into().ok()?;
            ("set of `Data`", u64::from_le_bytes(set).to_string())
        }
        (Field::Body | Field::ContentType, _) => ("body", HIDDEN.to_owned()),
        (Field::Part | Field::Serde, _) => ("key(..)", HIDDEN.to_owned()),
        (Field::Inserted, _) => ("inserted part", HIDDEN.to_owned()),
        _ => return None,
    })
}

const HIDDEN: &str = "(not shown)";

fn shown(value: Option<&[u8]>) -> String {
    value.map_or_else(
        || "(absent)".to_owned(),
        |value| String::from_utf8_lossy(value).into_owned(),
    )
}

/// The fields of a key that are not read yet.
struct KeyFields<'a>(&'a [u8]);

impl<'a> KeyFields<'a> {
    /// Reads a field and its value; `None` for an absent one and for a list. `None` where the bytes are no
    /// field.
    fn field(&mut self) -> Option<(Field, Option<&'a [u8]>)> {
        let tag = self.take(1)?[0];
        let mut fields = Field::ALL.into_iter();
        let field = fields.find(|field| *field as u8 == tag & !(ABSENT | LIST))?;
        let value = if matches!(field, Field::Part | Field::Serde) {
            let length = self.take(size_of::<u64>())?.try_into().ok()?;
            Some(self.take(usize::try_from(u64::from_le_bytes(length)).ok()?)?)
        } else if tag & ABSENT != 0 {
            None
        } else if tag & LIST != 0 {
            self.sized()?;
            while let Some(length) = self.length()?.checked_sub(1) {
                self.take(length)?;
            }
            None
        } else {
            Some(self.sized()?)
        };
        Some((field, value))
    }

    /// Reads the lines of the header `name`, which end with an absent one.
    fn header(&mut self, name: &[u8]) -> Option<(String, String)> {
        let mut lines = Vec::new();
        while let (_, Some(line)) = self.field()? {
            lines.push(String::from_utf8_lossy(line));
        }
        let secret = [
            header::AUTHORIZATION,
            header::PROXY_AUTHORIZATION,
            header::COOKIE,
        ];
        let value = if lines.is_empty() {
            shown(None)
        } else if secret
            .iter()
            .any(|secret| secret.as_str().as_bytes() == name)
        {
            HIDDEN.to_owned()
        } else {
            lines.join(", ")
        };
        Some((String::from_utf8_lossy(name).into_owned(), value))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// Reads a length in base 128.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyWriter;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_target_is_read_back_among_any_other_fields(
            part in ".{0,300}",
            path in "/[a-z/]{0,300}",
            query in prop::option::of("[a-z]=[a-z]{0,9}(&[a-z]=[a-z]{0,200}){0,3}"),
            lines in prop::collection::vec(".{0,9}", 0..3),
        ) {
            let mut writer = KeyWriter::reuse(Vec::new());
            writer.part(&part);
            writer.serde(&part);
            writer.field(Field::Method, b"POST");
            writer.field(Field::Path, path.as_bytes());
            writer.field(Field::Parameter, part.as_bytes());
            writer.optional(Field::Query, query.as_deref().map(str::as_bytes));
            writer.list(Field::Vary, "accept", lines.iter().map(String::as_bytes));
            writer.lines(Field::Vary, "accept", lines.iter());
            writer.absent(Field::Host);
            let pairs = query.as_deref().map_or(0, |query| query.split('&').count());
            let read = KeyTarget::of_response(writer.as_bytes());
            prop_assert_eq!(read, Some(KeyTarget { method: "POST", path: &path, query_pairs: pairs }));
        }

        #[test]
        fn bytes_that_are_no_key_are_refused(bytes: Vec<u8>) {
            if let Some(target) = KeyTarget::of_response(&bytes) {
                prop_assert!(target.path.starts_with(['/', '*']));
            }
            let _ = parts(&bytes);
        }
    }
}
