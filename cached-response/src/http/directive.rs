//! Directives one by one, for a reader that goes on where one of them makes no sense
//! (RFC 9111 §5.2.3), and takes what it knows but cannot read in its strictest sense (§4.2.1).

use crate::http::{
    cache_control::{delta_seconds, unquoted},
    fields::tokens,
};
use actix_web::http::header::HeaderName;
use std::time::Duration;

/// A name and what stands after its `=`, as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    name: &'a [u8],
    argument: Option<&'a [u8]>,
}

/// The directives of a field, over all its lines. Names inside a quoted string are not among them.
pub(crate) fn directives<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Directive<'a>> {
    tokens(lines).map(
        |member| match member.iter().position(|byte| *byte == b'=') {
            Some(at) => Directive {
                name: &member[..at],
                argument: Some(&member[at + 1..]),
            },
            None => Directive {
                name: member,
                argument: None,
            },
        },
    )
}

impl<'a> Directive<'a> {
    /// Its name in lower case. Whitespace before the `=` is none of it, and an argument after such
    /// whitespace cannot be read.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name.trim_ascii_end()).to_ascii_lowercase()
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.argument.is_none()
    }

    /// A number of seconds, also a quoted one; `None` where it is none.
    pub(crate) fn seconds(&self) -> Option<Duration> {
        delta_seconds(self.text()?)
    }

    /// The names of fields in a quoted string; `None` where it does not name fields.
    pub(crate) fn names(&self) -> Option<Vec<HeaderName>> {
        let quoted = self
            .argument
            .is_some_and(|argument| argument.starts_with(b"\""));
        quoted.then(|| field_names(self.text()?)).flatten()
    }

    /// Whether a quoted string in it does not end: nobody can say what it swallowed.
    pub(crate) fn is_open(&self) -> bool {
        let argument = self.argument.unwrap_or(self.name);
        let (mut quoted, mut escaped) = (false, false);
        for byte in argument {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
        quoted
    }

    fn text(&self) -> Option<&'a str> {
        if self.name.trim_ascii_end() != self.name {
            return None;
        }
        unquoted(str::from_utf8(self.argument?).ok()?)
    }
}

/// The names in a list of fields; `None` where one is none, or there is none at all.
pub(crate) fn field_names(list: &str) -> Option<Vec<HeaderName>> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|_| !name.contains('"'))
        })
        .collect::<Option<Vec<_>>>()
        .filter(|names| !names.is_empty())
}
