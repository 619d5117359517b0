//! The key of a request: all inputs of its handler that are known before it runs, except the parts
//! that its arguments add.

use crate::{
    http::{fields::lines, host},
    key::{Field, KeyWriter, inserted::InsertedParts, vary},
    route::{config::RouteConfig, inputs::Inputs},
};
use actix_web::{
    HttpMessage, HttpRequest,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};

/// The body of a request.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Nothing,
    /// Not in the key.
    Unkeyed,
    /// In the key as a whole.
    Keyed(Bytes),
    /// Over the limit of a keyed body.
    TooLarge,
}

/// Writes the key without the parts that the arguments add. Returns true if the query has the refresh
/// flag, which the handler cannot see.
pub(crate) fn write(
    config: &RouteConfig,
    request: &HttpRequest,
    sent: &RequestBody,
    key: &mut KeyWriter,
) -> bool {
    let uri = request.uri();
    if let Some(allowlist) = &config.allowlist {
        allowlist.write_place(key);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        key.field(Field::Method, request.method().as_str().as_bytes());
    }
    key.field(Field::Path, uri.path().as_bytes());
    // One path may match several patterns of one handler with different guards, and one text may be
    // the value of different parameters.
    for (name, value) in request.match_info().iter() {
        key.field(Field::Parameter, name.as_bytes());
        key.field(Field::Parameter, value.as_bytes());
    }
    let flagged = config.query.write(uri.query(), key);
    if config.inputs.any(Inputs::URI.and(Inputs::REQUEST)) {
        write_origin(config, request, key);
    }
    if let RequestBody::Keyed(body) = sent {
        key.field(Field::Body, body);
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            key.optional(
                Field::ContentType,
                request.headers().get(name).map(HeaderValue::as_bytes),
            );
        }
    }
    for name in &config.vary {
        write_lines(Field::Vary, name, request, key);
    }
    if let Some(parts) = request.extensions().get::<InsertedParts>() {
        parts.write(key);
    }
    flagged
}

/// Returns true where path and query determine the key that [`write`] writes.
pub(crate) fn target_is_key(
    config: &RouteConfig,
    request: &HttpRequest,
    sent: &RequestBody,
) -> bool {
    config.is_keyed_by_target()
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && !matches!(sent, RequestBody::Keyed(_))
        && !request.extensions().contains::<InsertedParts>()
}

/// Headers from which actix-web builds URLs.
pub(crate) static TRUSTED: [(Field, HeaderName); 4] = [
    (Field::Host, header::HOST),
    (Field::Forwarded, header::FORWARDED),
    (
        Field::ForwardedHost,
        HeaderName::from_static("x-forwarded-host"),
    ),
    (
        Field::ForwardedProto,
        HeaderName::from_static("x-forwarded-proto"),
    ),
];

/// Further headers of proxies about the URL that the client sees. actix-web ignores them, but unknown
/// handlers behind a middleware may read them.
pub(crate) static PROXIED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
];

/// Writes the inputs of generated URLs: scheme and authority of the target, and, where the handler
/// sees `HttpRequest`, the headers that actix-web trusts.
fn write_origin(config: &RouteConfig, request: &HttpRequest, key: &mut KeyWriter) {
    let uri = request.uri();
    key.optional(Field::Scheme, uri.scheme_str().map(str::as_bytes));
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let authority = authority.map(|authority| host::normalize(authority, host::is_secure(request)));
    key.optional(Field::Authority, authority.as_deref());
    if config.inputs.any(Inputs::REQUEST) {
        for (field, name) in &TRUSTED {
            write_lines(*field, name, request, key);
        }
        if config.allowlist.is_some() {
            for name in &PROXIED {
                key.lines(Field::Vary, name.as_str(), lines(request.headers(), name));
            }
        }
        // The defaults of URLs where the request has none. The address that a server listens on
        // differs between nodes.
        key.field(Field::Scheme, &[u8::from(request.app_config().secure())]);
        let own = (!names_host(request)).then(|| request.app_config().host().as_bytes());
        key.optional(Field::Host, own);
    }
}

/// Writes a header line by line; `Host` is normalized.
fn write_lines(field: Field, name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    if *name == header::HOST {
        vary::write_host_lines(field, request, key);
    } else {
        key.lines(field, name.as_str(), lines(request.headers(), name));
    }
}

/// Returns true where the request itself names its host.
fn names_host(request: &HttpRequest) -> bool {
    let field = request.headers().get(header::HOST);
    field.is_some_and(|host| host.to_str().is_ok()) || request.uri().authority().is_some()
}
