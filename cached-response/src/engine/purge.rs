//! `PURGE` and `SOFTPURGE` on a cached route.

use crate::{
    cache::{ResponseCache, cached_route::CachedRoute},
    engine::upstream::Done,
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
};
use serde::Serialize;

/// Mark of a request that has purged its URL in the cache with this identity.
struct Purged(usize);

/// Returns true where a cached route has answered `request` as a purge in this cache.
pub(crate) fn is_purged(request: &HttpRequest, cache: &ResponseCache) -> bool {
    let extensions = request.extensions();
    let purged = extensions.get::<Purged>();
    purged.is_some_and(|Purged(identity)| *identity == cache.identity())
}

/// Body of the answer. Not the query, which may have a secret in it.
#[derive(Serialize)]
struct PurgeReport<'a> {
    path: &'a str,
    soft: bool,
    /// The remote store has confirmed it, where there is one.
    confirmed: bool,
}

/// Returns the answer to a request that purges; `None` for any other request, and on a route that allows
/// none.
#[inline]
pub(crate) fn answer(cached: &CachedRoute, request: &HttpRequest) -> Option<LocalBoxFuture<Done>> {
    cached.route.config.policy.purge.as_ref()?;
    purge(cached, request)
}

fn purge(cached: &CachedRoute, request: &HttpRequest) -> Option<LocalBoxFuture<Done>> {
    let guard = cached.route.config.policy.purge.as_ref()?;
    let soft = match request.method().as_str() {
        "PURGE" => false,
        "SOFTPURGE" => true,
        _ => return None,
    };
    let request = request.clone();
    let checked = ServiceRequest::from_request(request.clone());
    if !guard.check(&checked.guard_ctx()) {
        return Some(Box::pin(async {
            Ok((request, HttpResponse::Forbidden().finish()))
        }));
    }
    let uri = request.uri();
    let url = uri.path_and_query().map_or("/", |target| target.as_str());
    let cache = cached.cache(&request);
    let invalidation = if soft {
        cache.expire_url(url)
    } else {
        cache.invalidate_url(url)
    };
    let purged = Purged(cache.identity());
    drop(cache);
    request.extensions_mut().insert(purged);
    Some(Box::pin(async move {
        let report = PurgeReport {
            path: request.uri().path(),
            soft,
            confirmed: invalidation.await.is_ok(),
        };
        let response = respond(&report);
        Ok((request, response))
    }))
}

fn respond(report: &PurgeReport<'_>) -> HttpResponse {
    let status = if report.confirmed {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(report)
}
