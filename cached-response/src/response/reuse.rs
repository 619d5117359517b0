//! Answers from stored responses.

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

/// How a stored response came to answer this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HitKind {
    /// It was there.
    Hit(Timestamp),
    /// It was in the remote store.
    Remote(Timestamp),
    /// It was there, and is stale; by this rule, or because the client puts up with it.
    Stale(Timestamp, Option<StaleRule>),
    /// Another request's run has just stored it, or found it in the remote store.
    Collapsed(ForwardReason, Timestamp),
    /// It is stale, and stands in for a run that has failed, with this status if any, or that takes
    /// too long.
    StoodIn {
        forward: ForwardReason,
        status: Option<StatusCode>,
        rule: StaleRule,
        now: Timestamp,
    },
}

impl HitKind {
    /// How one answers that was found in this stage.
    pub(crate) fn hit(stage: Staleness, now: Timestamp) -> Self {
        match stage {
            Staleness::Fresh | Staleness::RefreshAhead => Self::Hit(now),
            Staleness::WhileRevalidate => Self::Stale(now, Some(StaleRule::WhileRevalidate)),
            Staleness::IfError => Self::Stale(now, Some(StaleRule::IfError)),
            Staleness::Retained | Staleness::Expired => Self::Stale(now, None),
        }
    }
}

/// Answers `request` from `stored`: whole, with the part that it asks for, or with 304 where its own
/// validators match.
pub(crate) fn reuse(stored: &StoredResponse, request: &HttpRequest, how: HitKind) -> HttpResponse {
    if is_not_modified(stored, request) {
        reuse_head(stored, how)
    } else {
        reuse_content(stored, request, how)
    }
}

/// Answers with 304 a request whose own validators match.
pub(crate) fn reuse_head(stored: &StoredResponse, how: HitKind) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::NOT_MODIFIED, BoxBody::new(()));
    let fields = stored.headers.iter();
    let kept = fields.filter(|(name, _)| !describes_content(name, stored));
    add(kept, response.headers_mut());
    stored.style.apply_case(response.head_mut());
    mark(stored, &mut response, how);
    response
}

/// Answers a request whose own validators do not match: whole, or with the part that it asks for.
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
    mark(stored, &mut response, how);
    response
}

/// Answers from `stored` a request that is no longer at hand: whole.
pub(crate) fn reuse_whole(stored: &StoredResponse, how: HitKind) -> HttpResponse {
    let mut response = body(stored);
    add(stored.headers.iter(), response.headers_mut());
    stored.style.apply(response.head_mut());
    mark(stored, &mut response, how);
    response
}

/// The fields that tell how old an answer is and where it comes from.
fn mark(stored: &StoredResponse, response: &mut HttpResponse, how: HitKind) {
    let headers = response.headers_mut();
    match how {
        HitKind::Hit(now) => {
            let age = stored.age(now);
            headers::keep(stored, age, headers);
            cache_status::add_hit(headers, age, stored.deadline().since(now));
        }
        HitKind::Remote(now) => {
            let age = stored.age(now);
            headers::keep(stored, age, headers);
            cache_status::add_remote(headers, age, stored.deadline().since(now));
        }
        HitKind::Stale(now, rule) => {
            aged(stored, headers, now);
            let over = now.since(stored.deadline());
            headers.append(cache_status::NAME, cache_status::stale(over, rule));
        }
        HitKind::StoodIn {
            forward,
            status,
            rule,
            now,
        } => {
            aged(stored, headers, now);
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

fn aged(stored: &StoredResponse, headers: &mut HeaderMap, now: Timestamp) {
    let age = stored.age(now);
    headers::keep(stored, age, headers);
    headers.append(header::AGE, cache_status::age(age));
}

/// All but its fields, which are added in place: a response is large, and to hand it on is to move
/// it.
fn body(stored: &StoredResponse) -> HttpResponse {
    HttpResponse::with_body(stored.status, BoxBody::new(stored.body.clone()))
}

fn add<'s>(fields: impl Iterator<Item = &'s (HeaderName, HeaderValue)>, headers: &mut HeaderMap) {
    for (name, value) in fields {
        headers.append(name.clone(), value.clone());
    }
}

/// Makes a 304, a 206 or a 416 of a live head whose response has just been stored, where the
/// request asks for no more, and gives the body that then takes the place of the whole.
pub(crate) fn spare(
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

/// A 304 says nothing of a content that it does not carry (RFC 9110 §15.4.5).
fn describes_content(name: &HeaderName, stored: &StoredResponse) -> bool {
    *name == header::CONTENT_TYPE
        || *name == header::CONTENT_LENGTH
        || *name == header::CONTENT_ENCODING
        || *name == header::CONTENT_LANGUAGE
        || *name == header::CONTENT_RANGE
        || (*name == header::LAST_MODIFIED && stored.etag.is_some())
}

/// The answer to a client that wants a stored response alone, where none will do
/// (RFC 9111 §5.2.1.7).
pub(crate) fn only_if_cached() -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::GATEWAY_TIMEOUT, BoxBody::new(()));
    response
        .headers_mut()
        .append(cache_status::NAME, cache_status::only_if_cached());
    response
}

/// Whether `request` may be answered with a 304.
pub(crate) fn is_conditional(request: &HttpRequest) -> bool {
    asks_for_not_modified(request.headers())
}

/// Whether these fields of a request let it be answered with a 304.
pub(crate) fn asks_for_not_modified(asked: &HeaderMap) -> bool {
    asked.contains_key(&header::IF_NONE_MATCH) || asked.contains_key(&header::IF_MODIFIED_SINCE)
}

/// Only a 200 is ever "not modified" (RFC 9110 §13.2.1).
pub(crate) fn is_not_modified(stored: &StoredResponse, request: &HttpRequest) -> bool {
    let asked = request.headers();
    let none_match = asked.contains_key(&header::IF_NONE_MATCH);
    if stored.status != StatusCode::OK
        || !(none_match || asked.contains_key(&header::IF_MODIFIED_SINCE))
    {
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
