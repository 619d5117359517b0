//! Answers that are made from stored responses.

use crate::{
    entry::{StoredResponse, staleness::Staleness},
    http::{
        conditional::{self, Precondition},
        fields::lines,
    },
    metrics::reason::{ForwardReason, StaleRule},
    response::{cache_status, headers, partial},
    time::moment::Timestamp,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

/// The way in which a stored response answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HitKind {
    /// It is fresh, from memory.
    Hit(Timestamp),
    /// It is fresh, from the remote store.
    Remote(Timestamp),
    /// It is stale, and allowed by this rule, or without one by the client.
    Stale(Timestamp, Option<StaleRule>),
    /// The run of another request has just stored it, or read it from the remote store.
    Collapsed(ForwardReason, Timestamp),
    /// It is stale, and answers in place of a run that has failed, with this status if any, or that
    /// exceeds the soft timeout.
    StoodIn {
        forward: ForwardReason,
        status: Option<StatusCode>,
        rule: StaleRule,
        now: Timestamp,
    },
}

impl HitKind {
    /// The way in which a response of this stage answers.
    pub(crate) fn hit(stage: Staleness, now: Timestamp) -> Self {
        match stage {
            Staleness::Fresh | Staleness::RefreshAhead => Self::Hit(now),
            Staleness::WhileRevalidate => Self::Stale(now, Some(StaleRule::WhileRevalidate)),
            Staleness::IfError => Self::Stale(now, Some(StaleRule::IfError)),
            Staleness::Retained | Staleness::Expired => Self::Stale(now, None),
        }
    }
}

/// Answers `request` from `stored`: whole, with its range, or with 304 where its validators match.
pub(crate) fn reuse(stored: &StoredResponse, request: &HttpRequest, how: HitKind) -> HttpResponse {
    if is_not_modified(stored, request) {
        reuse_head(stored, how)
    } else {
        reuse_content(stored, request, how)
    }
}

/// Answers a request whose validators match, with 304.
pub(crate) fn reuse_head(stored: &StoredResponse, how: HitKind) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::NOT_MODIFIED, BoxBody::new(()));
    let fields = stored.headers.iter();
    let kept = fields.filter(|(name, _)| !describes_content(name, stored));
    add(kept, response.headers_mut());
    stored.style.apply_case(response.head_mut());
    add_cache_fields(stored, &mut response, how);
    response
}

/// Answers a request whose validators do not match: whole, or with its range.
pub(crate) fn reuse_content(
    stored: &StoredResponse,
    request: &HttpRequest,
    how: HitKind,
) -> HttpResponse {
    let mut response = body(stored);
    add(stored.headers.iter(), response.headers_mut());
    stored.style.apply(response.head_mut());
    if let Some(part) = partial::narrow(stored, request, response.head_mut()) {
        response = response.set_body(part);
        response.head_mut().reason = None;
    }
    add_cache_fields(stored, &mut response, how);
    response
}

/// Answers a request that the service has kept: whole.
pub(crate) fn reuse_whole(stored: &StoredResponse, how: HitKind) -> HttpResponse {
    let mut response = body(stored);
    add(stored.headers.iter(), response.headers_mut());
    stored.style.apply(response.head_mut());
    add_cache_fields(stored, &mut response, how);
    response
}

/// Adds `Age`, `Cache-Status` and the client's `Cache-Control`.
fn add_cache_fields(stored: &StoredResponse, response: &mut HttpResponse, how: HitKind) {
    let headers = response.headers_mut();
    match how {
        HitKind::Hit(now) | HitKind::Remote(now) => {
            let age = stored.age(now);
            headers::keep(stored, age, headers);
            let is_remote = matches!(how, HitKind::Remote(_));
            cache_status::add_hit(headers, age, stored.deadline().since(now), is_remote);
        }
        HitKind::Stale(now, rule) => {
            add_age(stored, headers, now);
            let over = now.since(stored.deadline());
            headers.append(cache_status::NAME, cache_status::stale(over, rule));
        }
        HitKind::StoodIn {
            forward,
            status,
            rule,
            now,
        } => {
            add_age(stored, headers, now);
            headers.append(
                cache_status::NAME,
                cache_status::stood_in(forward, status, rule),
            );
        }
        HitKind::Collapsed(forward, now) => {
            let age = stored.age(now);
            headers::keep(stored, age, headers);
            if age.as_secs() > 0 {
                headers.append(header::AGE, cache_status::age(age));
            }
            headers.append(cache_status::NAME, cache_status::collapsed(forward));
        }
    }
}

fn add_age(stored: &StoredResponse, headers: &mut HeaderMap, now: Timestamp) {
    let age = stored.age(now);
    headers::keep(stored, age, headers);
    headers.append(header::AGE, cache_status::age(age));
}

/// The response without its fields, which are added in place: a response is large, and each function that
/// returned it would move it.
fn body(stored: &StoredResponse) -> HttpResponse {
    HttpResponse::with_body(stored.status, BoxBody::new(stored.body.clone()))
}

fn add<'s>(fields: impl Iterator<Item = &'s (HeaderName, HeaderValue)>, headers: &mut HeaderMap) {
    for (name, value) in fields {
        headers.append(name.clone(), value.clone());
    }
}

/// Turns the head of a run's response, which was just stored, into a 304, a 206 or a 416, where the request
/// asks for one, and returns its body.
pub(crate) fn narrow_new(
    stored: &StoredResponse,
    request: &HttpRequest,
    head: &mut HttpResponse<()>,
) -> Option<BoxBody> {
    if !is_not_modified(stored, request) {
        let part = partial::narrow(stored, request, head.head_mut())?;
        head.head_mut().reason = None;
        return Some(part);
    }
    *head.status_mut() = StatusCode::NOT_MODIFIED;
    head.head_mut().reason = None;
    head.headers_mut()
        .retain(|name, _| !describes_content(name, stored));
    Some(BoxBody::new(()))
}

/// Fields that describe content, which a 304 does not have (RFC 9110 §15.4.5).
fn describes_content(name: &HeaderName, stored: &StoredResponse) -> bool {
    *name == header::CONTENT_TYPE
        || *name == header::CONTENT_LENGTH
        || *name == header::CONTENT_ENCODING
        || *name == header::CONTENT_LANGUAGE
        || *name == header::CONTENT_RANGE
        || (*name == header::LAST_MODIFIED && stored.etag.is_some())
}

/// The 504 for `only-if-cached` without a stored response to reuse (RFC 9111 §5.2.1.7).
pub(crate) fn only_if_cached() -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::GATEWAY_TIMEOUT, BoxBody::new(()));
    response
        .headers_mut()
        .append(cache_status::NAME, cache_status::only_if_cached());
    response
}

/// Returns true for a request that may be answered with a 304.
pub(crate) fn is_conditional(request: &HttpRequest) -> bool {
    asks_for_not_modified(request.headers())
}

/// Returns true for request fields that may be answered with a 304.
pub(crate) fn asks_for_not_modified(asked: &HeaderMap) -> bool {
    asked.contains_key(&header::IF_NONE_MATCH) || asked.contains_key(&header::IF_MODIFIED_SINCE)
}

/// Returns true for a match of validators; only a 200 has any (RFC 9110 §13.2.1).
pub(crate) fn is_not_modified(stored: &StoredResponse, request: &HttpRequest) -> bool {
    let asked = request.headers();
    // Without a date there is nothing to compare with: nearly all requests return here.
    let has_condition = asked.contains_key(&header::IF_NONE_MATCH)
        || (stored.last_modified.is_some() && asked.contains_key(&header::IF_MODIFIED_SINCE));
    if stored.status != StatusCode::OK || !has_condition {
        return false;
    }
    if !matches!(
        *request.method(),
        actix_web::http::Method::GET | actix_web::http::Method::HEAD
    ) {
        return false;
    }
    let mut since = lines(asked, &header::IF_MODIFIED_SINCE);
    let precondition = conditional::evaluate(
        lines(asked, &header::IF_NONE_MATCH),
        since.next().filter(|_| since.next().is_none()),
        stored.etag.as_ref().map(HeaderValue::as_bytes),
        stored.last_modified.as_ref().map(HeaderValue::as_bytes),
    );
    matches!(precondition, Precondition::NotModified)
}
