//! Response heads: the fields that are added to the response of a run, and those that are stored.

use crate::{
    entry::{ClientCaching, StoredResponse},
    http::{
        conditional,
        fields::{self, lines, tokens},
        freshness,
        storable::Storable,
    },
    key::{InsertedParts, vary::Selector},
    route::config::RouteConfig,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue},
    },
    web::Bytes,
};
use std::time::{Duration, SystemTime};

/// Adds to `Vary` the names that the key or the variant depends on, where the handler has not.
pub(crate) fn vary(config: &RouteConfig, read: &[Selector], headers: &mut HeaderMap) {
    let read = read.iter().filter_map(|name| match name {
        Selector::Header(name) | Selector::Lines(name) => Some(name),
        Selector::Cookie(_) => Some(&header::COOKIE),
        Selector::Host | Selector::PeerIp | Selector::Extension(_) => None,
    });
    let mut missing: Vec<&str> = Vec::new();
    for name in config.vary.iter().chain(read) {
        let said = fields::contains(lines(headers, &header::VARY), name.as_str());
        if !said && !missing.contains(&name.as_str()) {
            missing.push(name.as_str());
        }
    }
    if missing.is_empty() || fields::contains(lines(headers, &header::VARY), "*") {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&missing.join(", ")) {
        headers.append(header::VARY, value);
    }
}

/// Sets `Date`: the age of the response counts from now, whatever an upstream has sent. Where the response
/// sets its own lifetime, its own date is kept.
pub(crate) fn date(config: &RouteConfig, date: SystemTime, headers: &mut HeaderMap) {
    if config.policy.timeout.response_stated().is_some() && freshness::is_dated(headers, date) {
        return;
    }
    if let Ok(value) = HttpDate::from(date).try_into_value() {
        headers.insert(header::DATE, value);
    }
}

/// The time for which clients may store the response, where the handler does not set it. `names` are its
/// selectors.
pub(crate) fn client(
    config: &RouteConfig,
    request: &HttpRequest,
    names: &[Selector],
    headers: &HeaderMap,
) -> Option<ClientCaching> {
    let keep = config.policy.client;
    let keep = keep.filter(|_| !headers.contains_key(&header::CACHE_CONTROL))?;
    let private = config.identity
        || config.vary.iter().any(is_credential)
        || InsertedParts::count(request) > 0
        || names.iter().any(is_hidden);
    Some(ClientCaching { keep, private })
}

/// Returns true for a selector that may tell one user from another, or that no `Vary` names.
fn is_hidden(selector: &Selector) -> bool {
    match selector {
        Selector::Header(name) | Selector::Lines(name) => is_credential(name),
        Selector::Cookie(_) | Selector::PeerIp | Selector::Extension(_) => true,
        // Part of the URL that a shared cache has.
        Selector::Host => false,
    }
}

fn is_credential(name: &HeaderName) -> bool {
    *name == header::COOKIE || *name == header::AUTHORIZATION
}

/// Adds the `Cache-Control` of the client to an answer of this age. Its `max-age` counts from the creation
/// of the response, as `Age` does, and is never longer than its lifetime.
#[inline]
pub(crate) fn keep(stored: &StoredResponse, age: Duration, headers: &mut HeaderMap) {
    if let Some(client) = stored.client {
        keep_for(stored, client, age, headers);
    }
}

fn keep_for(
    stored: &StoredResponse,
    client: ClientCaching,
    age: Duration,
    headers: &mut HeaderMap,
) {
    let ClientCaching { keep, private } = client;
    // `no-store` and the like of the response are kept.
    if headers.contains_key(&header::CACHE_CONTROL) {
        return;
    }
    let until = age.saturating_add(keep).min(stored.lifetime).as_secs();
    let whose = if private { "private, " } else { "" };
    if let Ok(value) = HeaderValue::from_str(&format!("{whose}max-age={until}")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// Adds the validators that were generated when the response was stored to the head of its run.
pub(crate) fn complete(stored: &StoredResponse, headers: &mut HeaderMap) {
    if let Some(etag) = &stored.etag
        && !headers.contains_key(&header::ETAG)
    {
        headers.insert(header::ETAG, etag.clone());
    }
    keep(stored, Duration::ZERO, headers);
}

/// The length in `Content-Length`, where there is exactly one.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let line = fields::only(lines(headers, &header::CONTENT_LENGTH))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The selectors of the response, beside its key.
pub(crate) fn names(storable: &Storable, read: &[Selector]) -> Vec<Selector> {
    let mut names: Vec<Selector> = storable
        .vary
        .iter()
        .cloned()
        .map(Selector::Header)
        .collect();
    names.extend(
        read.iter()
            .filter(|name| {
                !storable
                    .vary
                    .iter()
                    .any(|known| **name == Selector::Header(known.clone()))
            })
            .cloned(),
    );
    names
}

/// The content of a stored response, without the fields of one connection or one request, and without
/// those that it withholds.
pub(crate) fn stored(
    config: &RouteConfig,
    storable: &Storable,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
) -> StoredResponse {
    let replayed = fields::replayed(headers, &config.policy.not_replayed);
    let mut kept: Vec<(HeaderName, HeaderValue)> = replayed
        .filter(|(name, _)| !storable.directives.withheld.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let etag = headers.get(&header::ETAG).cloned().or_else(|| {
        let made = HeaderValue::from_str(&conditional::etag_of(body)).ok()?;
        kept.push((header::ETAG, made.clone()));
        Some(made)
    });
    StoredResponse {
        status,
        headers: kept.into(),
        // A copy: these may be a few bytes of a large buffer, which would not be counted.
        body: Bytes::copy_from_slice(body),
        generated_etag: !headers.contains_key(&header::ETAG),
        etag,
        last_modified: headers.get(&header::LAST_MODIFIED).cloned(),
        never_stale: storable.directives.never_stale,
        shareable_with_authorization: storable.directives.shareable_with_authorization,
        ..StoredResponse::default()
    }
}

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
