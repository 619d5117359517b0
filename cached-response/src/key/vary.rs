//! Secondary key of a variant: the parts of a request that a run turned out to depend on, and their
//! values.

use crate::{
    http::{content_coding, fields::lines, host},
    key::{Field, KeyWriter},
};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use std::any::TypeId;

/// One part of a request that is learnt only from a run: a name in the response's `Vary`, or a value
/// that the handler read through `TrackedRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// A header as a list: the division into lines has no meaning.
    Header(HeaderName),
    /// A header line by line, as `TrackedRequest` shows it.
    Lines(HeaderName),
    Cookie(Box<str>),
    Host,
    PeerIp,
    Extension(Extension),
}

/// A value in the request's extensions: its type, and the function that writes it into a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    pub(crate) type_id: TypeId,
    pub(crate) value: fn(&HttpRequest) -> Option<Vec<u8>>,
}

impl PartialEq for Extension {
    fn eq(&self, other: &Self) -> bool {
        self.type_id == other.type_id
    }
}

impl Eq for Extension {}

/// The selectors of a stored response, and the values of its request for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) names: Vec<Selector>,
    pub(crate) values: Box<[u8]>,
}

/// Returns the values alone, as a stored response carries them.
pub(crate) fn values(names: &[Selector], request: &HttpRequest) -> Box<[u8]> {
    let mut key = KeyWriter::reuse(Vec::new());
    write(names, request, &mut key);
    key.into_buffer().into()
}

/// Returns true where one of `names` is compared as a list and came in several lines: a handler that
/// read the first line alone would have made a response for less than the whole list.
pub(crate) fn has_several_lines(names: &[Selector], request: &HttpRequest) -> bool {
    names.iter().any(|name| match name {
        Selector::Header(name) if *name != header::COOKIE => {
            lines(request.headers(), name).nth(1).is_some()
        }
        _ => false,
    })
}

/// Writes the values of `request` for each of `names`, in their order.
fn write(names: &[Selector], request: &HttpRequest, key: &mut KeyWriter) {
    for name in names {
        match name {
            Selector::Header(name) => write_list(name, request, key),
            Selector::Lines(name) => write_lines(name, request, key),
            Selector::Cookie(name) => key.optional(
                Field::Selector,
                request
                    .cookie(name)
                    .as_ref()
                    .map(|cookie| cookie.value().as_bytes()),
            ),
            Selector::Host => {
                let secure = host::is_secure(request);
                let host = host::named(request).map(|host| host::normalize(host, secure));
                key.optional(Field::Selector, host.as_deref());
            }
            Selector::PeerIp => {
                let ip = request.peer_addr().map(|peer| peer.ip().to_string());
                key.optional(Field::Selector, ip.as_deref().map(str::as_bytes));
            }
            Selector::Extension(extension) => {
                key.optional(Field::Selector, (extension.value)(request).as_deref());
            }
        }
    }
}

/// Writes a header that `Vary` names, mostly as a list.
fn write_list(name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    let lines = || lines(request.headers(), name);
    // Cookies are no list: HTTP/2 clients send them in several lines.
    if *name == header::COOKIE {
        return write_lines(name, request, key);
    }
    if *name == header::HOST {
        return write_host_lines(Field::Selector, request, key);
    }
    // The order of codings without weights has no meaning (RFC 9110 §12.5.3).
    let codings = (*name == header::ACCEPT_ENCODING).then(|| content_coding::names(lines()));
    match codings.flatten() {
        Some(names) => key.list(Field::Selector, name.as_str(), names.into_iter()),
        None => key.list(Field::Selector, name.as_str(), lines()),
    }
}

/// Writes a header as it was sent.
fn write_lines(name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    key.lines(
        Field::Selector,
        name.as_str(),
        lines(request.headers(), name),
    );
}

/// Writes the lines of `Host`, normalized.
pub(crate) fn write_host_lines(field: Field, request: &HttpRequest, key: &mut KeyWriter) {
    let secure = host::is_secure(request);
    let hosts = lines(request.headers(), &header::HOST).map(|host| host::normalize(host, secure));
    key.lines(field, header::HOST.as_str(), hosts);
}
