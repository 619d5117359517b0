//! Freshening of a stored response by a 304 of its handler (RFC 9111 §3.2 and §4.3.4).

use crate::{
    entry::StoredResponse,
    http::fields::{lines, tokens},
};
use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::header::{self, HeaderMap, HeaderName},
};

/// The stored response, with its fields replaced by those of the 304.
pub(crate) fn freshened(stored: &StoredResponse, unchanged: &HttpResponse) -> HttpResponse {
    let said = unchanged.headers();
    let mut response = HttpResponse::with_body(stored.status, BoxBody::new(stored.body.clone()));
    stored.style.apply(response.head_mut());
    let headers = response.headers_mut();
    for (name, value) in stored.headers.iter() {
        let ours = stored.generated_etag && *name == header::ETAG;
        if !ours && (is_excepted(name, said) || !said.contains_key(name)) {
            headers.append(name.clone(), value.clone());
        }
    }
    for (name, value) in said.iter().filter(|(name, _)| !is_excepted(name, said)) {
        headers.append(name.clone(), value.clone());
    }
    response
}

/// Returns true for a 304 of another response than the stored one: it has a strong entity tag that is
/// not the stored one's.
pub(crate) fn is_other_entity(stored: &StoredResponse, unchanged: &HttpResponse) -> bool {
    let named = unchanged.headers().get(&header::ETAG);
    let strong = named.filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    // A stored response without a tag does not match either: §4.3.4 forbids to update it.
    strong.is_some() && strong != stored.handler_etag()
}

/// Fields that describe the content that the 304 does not carry, or are for one connection.
fn is_excepted(name: &HeaderName, said: &HeaderMap) -> bool {
    const EXCEPTED: [HeaderName; 5] = [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ];
    EXCEPTED.contains(name)
        || tokens(lines(said, &header::CONNECTION))
            .any(|token| token.eq_ignore_ascii_case(name.as_str().as_bytes()))
}
