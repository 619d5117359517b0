//! A stored response that was found unchanged, with the fields that came with that word
//! (RFC 9111 §3.2 and §4.3.4).

use crate::{
    entry::StoredResponse,
    http::fields::{lines, tokens},
};
use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::header::{self, HeaderMap, HeaderName},
};

/// The whole response again: the stored body and fields, those fields replaced that the 304 has.
pub(crate) fn renewed(stored: &StoredResponse, unchanged: &HttpResponse) -> HttpResponse {
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

/// Whether a 304 speaks of another response than the stored one: it names a strong entity tag, and
/// not the stored one's.
pub(crate) fn is_of_another(stored: &StoredResponse, unchanged: &HttpResponse) -> bool {
    let named = unchanged.headers().get(&header::ETAG);
    let strong = named.filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    // One without a tag has not this one either: §4.3.4 then forbids to update it.
    strong.is_some() && strong != stored.handler_etag()
}

/// What describes the content that the 304 does not carry, and what is for one connection.
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
