//! The second step of the key: the values of the names that were learnt from a run.

use crate::{
    http::{content_coding, fields::lines, host},
    key::{Field, KeyWriter, selector::Selector},
};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};

/// Writes a header as it is compared where a response's `Vary` names it: as a list, mostly.
fn write_list(name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    let lines = || lines(request.headers(), name);
    // Cookies are no list: HTTP/2 clients send them in several lines.
    if *name == header::COOKIE {
        return write_lines(name, request, key);
    }
    if *name == header::HOST {
        return host::write_lines(Field::Selector, request, key);
    }
    // The order of codings without weights says nothing (RFC 9110 §12.5.3).
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

/// Writes what `request` has for each of `names`, in their order.
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
            Selector::Host => host::write_named(Field::Selector, request, key),
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

/// Whether one of `names` came in several lines and is compared as a list: a handler that looked
/// at the first line only would have made a response for less than the whole list.
pub(crate) fn is_cut(names: &[Selector], request: &HttpRequest) -> bool {
    names.iter().any(|name| match name {
        Selector::Header(name) if *name != header::COOKIE => {
            lines(request.headers(), name).nth(1).is_some()
        }
        _ => false,
    })
}

/// The values alone, as a stored response carries them.
pub(crate) fn values(names: &[Selector], request: &HttpRequest) -> Box<[u8]> {
    let mut key = KeyWriter::reuse(Vec::new());
    write(names, request, &mut key);
    key.into_buffer().into()
}
