//! The heads of responses: what we add to live ones, and what of them is stored.

use crate::{
    entry::{Client, StoredResponse},
    http::{
        conditional,
        fields::{self, lines},
        freshness, replay,
        storable::Storable,
    },
    key::vary::Selector,
    route::config::RouteConfig,
};
use actix_web::{
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue},
    },
    web::Bytes,
};
use std::time::{Duration, SystemTime};

/// Names in `Vary` what the key or the variant depends on and the handler has not named.
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

/// Dates the response: its age counts from now, whatever an upstream said. Where the response says
/// itself how long it lives, its own date is a part of that.
pub(crate) fn date(config: &RouteConfig, date: SystemTime, headers: &mut HeaderMap) {
    if config.policy.timeout.response_stated().is_some() && freshness::is_dated(headers, date) {
        return;
    }
    if let Ok(value) = HttpDate::from(date).try_into_value() {
        headers.insert(header::DATE, value);
    }
}

/// How long clients may keep a stored response, where the handler says nothing of it.
fn client(config: &RouteConfig, headers: &HeaderMap) -> Option<Client> {
    let keep = config.policy.client;
    let keep = keep.filter(|_| !headers.contains_key(&header::CACHE_CONTROL))?;
    let private = config.identity;
    Some(Client { keep, private })
}

/// Lets the client keep an answer of this age. Its `max-age` counts from the response's birth, as
/// `Age` does, and is never longer than the response lives.
#[inline]
pub(crate) fn keep(stored: &StoredResponse, age: Duration, headers: &mut HeaderMap) {
    if let Some(client) = stored.client {
        keep_for(stored, client, age, headers);
    }
}

fn keep_for(stored: &StoredResponse, client: Client, age: Duration, headers: &mut HeaderMap) {
    let Client { keep, private } = client;
    // An answer that nobody shall keep says so itself.
    if headers.contains_key(&header::CACHE_CONTROL) {
        return;
    }
    let until = age.saturating_add(keep).min(stored.lifetime).as_secs();
    let whose = if private { "private, " } else { "" };
    if let Ok(value) = HeaderValue::from_str(&format!("{whose}max-age={until}")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// Adds to a live head what was made when its response was stored.
pub(crate) fn complete(stored: &StoredResponse, headers: &mut HeaderMap) {
    if let Some(etag) = &stored.etag
        && !headers.contains_key(&header::ETAG)
    {
        headers.insert(header::ETAG, etag.clone());
    }
    keep(stored, Duration::ZERO, headers);
}

/// What `Content-Length` says, where it says one thing.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let line = fields::only(lines(headers, &header::CONTENT_LENGTH))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The names that the response is selected by beside its key.
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

/// The response without what belongs to this one connection or this one request, and without the
/// fields it withholds from others.
pub(crate) fn stored(
    config: &RouteConfig,
    storable: &Storable,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
) -> StoredResponse {
    let replayed = replay::replayed(headers, &config.policy.not_replayed);
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
        // A copy: these may be a few bytes of a buffer that nobody weighs.
        body: Bytes::copy_from_slice(body),
        generated_etag: !headers.contains_key(&header::ETAG),
        etag,
        last_modified: headers.get(&header::LAST_MODIFIED).cloned(),
        never_stale: storable.directives.never_stale,
        shareable_with_authorization: storable.directives.shareable_with_authorization,
        client: client(config, headers),
        ..StoredResponse::default()
    }
}
