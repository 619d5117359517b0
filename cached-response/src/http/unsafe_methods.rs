//! What a request that changes something makes outdated (RFC 9111 §4.4).

use crate::http::fields::lines;
use actix_web::http::{
    Method, StatusCode, Uri,
    header::{self, HeaderMap, HeaderValue},
};
use std::str;
use url::Url;

/// The facts of a request that the rule asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
}

impl Asked {
    /// Copies them: the request itself is on its way to a handler, or to a service that changes it.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            method: method.clone(),
            uri: uri.clone(),
            host: headers.get(header::HOST).cloned(),
        }
    }
}

/// The paths that are outdated once a request was answered so: where its method is unsafe and the
/// answer is no error, that of its target, and those that `Location` and `Content-Location` name
/// on the same host.
pub(crate) fn paths(asked: &Asked, status: StatusCode, answered: &HeaderMap) -> Vec<String> {
    if is_safe(&asked.method) || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut paths = vec![asked.uri.path().to_owned()];
    let named = [header::LOCATION, header::CONTENT_LOCATION];
    let named = named.iter().flat_map(|name| lines(answered, name));
    paths.extend(named.filter_map(|reference| resolve(asked, str::from_utf8(reference).ok()?)));
    paths
}

/// By its definition (RFC 9110 §9.2.1); a method that is not known may do anything.
fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// The path that a reference in the answer leads to, if it is on the host that was asked.
///
/// Whether it says `http` or `https` is not looked at: what ends TLS in front of us sees the other.
fn resolve(asked: &Asked, reference: &str) -> Option<String> {
    let mut base = origin("http", asked).unwrap_or_else(nowhere);
    base.set_path(asked.uri.path());
    let target = base.join(reference).ok()?;
    if !matches!(target.scheme(), "http" | "https") {
        return None;
    }
    let own = origin(target.scheme(), asked).unwrap_or_else(nowhere);
    let same = target.host() == own.host()
        && target.port_or_known_default() == own.port_or_known_default();
    same.then(|| target.path().to_owned())
}

/// The host that was asked, as the target or else the one `Host` names it.
fn origin(scheme: &str, asked: &Asked) -> Option<Url> {
    let host = match asked.uri.authority() {
        Some(authority) => authority.as_str(),
        None => asked.host.as_ref()?.to_str().ok()?,
    };
    let origin = Url::parse(&format!("{scheme}://{host}/")).ok()?;
    let plain = origin.path() == "/" && origin.query().is_none() && origin.fragment().is_none();
    (plain && origin.username().is_empty()).then_some(origin)
}

/// What a reference is resolved against where no host is known: a relative one stays relative.
fn nowhere() -> Url {
    Url::parse("http://host.invalid/").expect("this is a URL")
}

#[cfg(test)]
mod tests;
