//! The key of a request: everything that its handler may depend on and that is known before it
//! runs, but for the parts that its arguments add.

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

/// The body that came with a request.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// None.
    Nothing,
    /// One that is not in the key.
    Unkeyed,
    /// One that joins the key, whole.
    Keyed(Bytes),
    /// One that should join the key and is over the limit.
    TooLarge,
}

/// Writes everything but the parts that the arguments add, and says whether the request has the
/// flag of a live answer, which its handler cannot see.
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
    // One path may match several patterns of one handler, told apart by guards.
    // What is one name's value under the first may be another's under the second.
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

/// Whether path and query say all that [`write`] would write of this request.
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

/// The headers that actix-web builds URLs from.
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

/// What else proxies say of the URL that the client sees; actix-web does not ask for it, and nobody
/// knows what handlers do behind a middleware.
pub(crate) static PROXIED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
];

/// What URLs are built from: the target's scheme and authority, and, where the handler sees
/// `HttpRequest`, the headers that actix-web trusts for it.
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
        // What a URL is built from where the request itself does not say it. The address that a
        // server listens on is not the same on two nodes.
        key.field(Field::Scheme, &[u8::from(request.app_config().secure())]);
        let own = (!names_host(request)).then(|| request.app_config().host().as_bytes());
        key.optional(Field::Host, own);
    }
}

/// A header as it was sent; `Host` in the one spelling that stands for all.
fn write_lines(field: Field, name: &HeaderName, request: &HttpRequest, key: &mut KeyWriter) {
    if *name == header::HOST {
        vary::write_host_lines(field, request, key);
    } else {
        key.lines(field, name.as_str(), lines(request.headers(), name));
    }
}

/// Whether a URL of this request has the host that the request itself names.
fn names_host(request: &HttpRequest) -> bool {
    let field = request.headers().get(header::HOST);
    field.is_some_and(|host| host.to_str().is_ok()) || request.uri().authority().is_some()
}
