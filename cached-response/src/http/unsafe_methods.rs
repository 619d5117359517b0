//! Invalidation by unsafe methods (RFC 9111 §4.4).

use crate::http::fields::lines;
use actix_web::http::{
    Method, StatusCode, Uri,
    header::{self, HeaderMap, HeaderValue},
};
use std::str;
use url::Url;

/// The parts of a request that the rule reads.
#[derive(Debug)]
pub(crate) struct UnsafeRequest {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
}

impl UnsafeRequest {
    /// Copies them, since the handler or a service takes the request itself.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            method: method.clone(),
            uri: uri.clone(),
            host: headers.get(header::HOST).cloned(),
        }
    }
}

/// The paths that an answer invalidates: after an unsafe method without an error, the path of the
/// target, and those of `Location` and `Content-Location` on the same host.
pub(crate) fn paths(
    request: &UnsafeRequest,
    status: StatusCode,
    answered: &HeaderMap,
) -> Vec<String> {
    if is_safe(&request.method) || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut paths = vec![request.uri.path().to_owned()];
    let named = [header::LOCATION, header::CONTENT_LOCATION];
    let named = named.iter().flat_map(|name| lines(answered, name));
    paths.extend(named.filter_map(|reference| resolve(request, str::from_utf8(reference).ok()?)));
    paths
}

/// RFC 9110 §9.2.1; an unknown method is unsafe.
fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// Resolves a reference in the answer to a path, if it is on the host of the request.
///
/// The scheme is ignored, since a proxy in front may terminate TLS.
fn resolve(request: &UnsafeRequest, reference: &str) -> Option<String> {
    let mut base = origin("http", request).unwrap_or_else(nowhere);
    base.set_path(request.uri.path());
    let target = base.join(reference).ok()?;
    if !matches!(target.scheme(), "http" | "https") {
        return None;
    }
    let own = origin(target.scheme(), request).unwrap_or_else(nowhere);
    let same = target.host() == own.host()
        && target.port_or_known_default() == own.port_or_known_default();
    same.then(|| target.path().to_owned())
}

/// The host of the target, or else that of `Host`.
fn origin(scheme: &str, request: &UnsafeRequest) -> Option<Url> {
    let host = match request.uri.authority() {
        Some(authority) => authority.as_str(),
        None => request.host.as_ref()?.to_str().ok()?,
    };
    let origin = Url::parse(&format!("{scheme}://{host}/")).ok()?;
    let plain = origin.path() == "/" && origin.query().is_none() && origin.fragment().is_none();
    (plain && origin.username().is_empty()).then_some(origin)
}

/// Base of relative references where no host is known.
fn nowhere() -> Url {
    Url::parse("http://host.invalid/").expect("this is a URL")
}

#[cfg(test)]
mod tests;
