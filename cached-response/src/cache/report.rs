//! Reports of events: they are counted, and shown to the observers of the cache.

use crate::{
    cache::Inner,
    entry::StoredResponse,
    metrics::{
        counters::RouteCounters,
        event::{CacheEvent, EventKind, TARGET},
        reason::{Bypass, Skip},
    },
    route::Route,
};
use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use std::time::Duration;
use tracing::Span;

/// The request that an event is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About<'a> {
    /// A value, or an unknown request.
    Unknown,
    Request(&'a HttpRequest),
    /// The request of a run.
    Run(&'a RequestInfo),
}

/// Parts of a request that observers see. They are copied for a run, where a cache has observers.
#[derive(Debug)]
pub(crate) struct RequestInfo {
    method: Method,
    pattern: Option<String>,
    path: Box<str>,
}

impl RequestInfo {
    fn of(request: &HttpRequest) -> Self {
        Self {
            method: request.method().clone(),
            pattern: request.match_pattern(),
            path: request.path().into(),
        }
    }

    /// The info of a request, where an observer of the cache is interested.
    pub(crate) fn if_observed(shared: &Inner, request: Option<&HttpRequest>) -> Option<Box<Self>> {
        let request = request.filter(|_| shared.observers.are_interested())?;
        Some(Box::new(Self::of(request)))
    }
}

impl<'a> From<Option<&'a HttpRequest>> for About<'a> {
    fn from(request: Option<&'a HttpRequest>) -> Self {
        request.map_or(Self::Unknown, Self::Request)
    }
}

impl<'a> From<Option<&'a RequestInfo>> for About<'a> {
    fn from(info: Option<&'a RequestInfo>) -> Self {
        info.map_or(Self::Unknown, Self::Run)
    }
}

/// Facts of an event beside its request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) status: Option<StatusCode>,
    pub(crate) age: Option<Duration>,
    pub(crate) duration: Option<Duration>,
    pub(crate) body_bytes: Option<usize>,
}

/// An event, its reason and its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report<'a> {
    pub(crate) kind: EventKind,
    /// It may be more specific than that of the kind.
    pub(crate) reason: Option<&'a str>,
    pub(crate) about: About<'a>,
}

impl<'a> Report<'a> {
    pub(crate) fn of(kind: EventKind, about: About<'a>) -> Self {
        Self {
            kind,
            reason: kind.reason(),
            about,
        }
    }
}

/// Reports an event of a handler. Debug builds also log each reason to bypass the cache and not to store
/// a response, once for a handler.
pub(crate) fn report(route: &Route, shared: &Inner, kind: EventKind, about: About<'_>) {
    report_with(route, shared, Report::of(kind, about), Facts::default);
}

/// Reports an event with its facts.
#[inline]
pub(crate) fn report_with(
    route: &Route,
    shared: &Inner,
    report: Report<'_>,
    facts: impl FnOnce() -> Facts,
) {
    shared.counters.count(route, report.kind);
    if let (EventKind::Bypass(Bypass::Cookie | Bypass::Header), Some(input)) =
        (report.kind, report.reason)
    {
        let note =
            |counters: &RouteCounters| _ = counters.unknown_input.get_or_init(|| input.into());
        shared.counters.with(route, note);
    }
    if shared.observers.are_interested() {
        observe(route, shared, report, facts());
    }
    if cfg!(debug_assertions) {
        log_once(route, report.kind, report.reason);
    }
}

/// Reports a hit on `stored`.
#[inline]
pub(crate) fn report_hit(
    route: &Route,
    shared: &Inner,
    kind: EventKind,
    stored: &StoredResponse,
    request: Option<&HttpRequest>,
) {
    let not_modified = kind == EventKind::NotModified;
    let is_head = request.is_some_and(|request| request.method() == Method::HEAD);
    let bytes = if not_modified || is_head {
        0
    } else {
        stored.body.len()
    };
    shared
        .counters
        .with(route, |counters| counters.hit(kind, stored.run_time, bytes));
    if shared.observers.are_interested() {
        let facts = Facts {
            status: Some(if not_modified {
                StatusCode::NOT_MODIFIED
            } else {
                stored.status
            }),
            age: Some(stored.age(shared.now())),
            duration: None,
            body_bytes: Some(stored.body.len()),
        };
        observe(route, shared, Report::of(kind, request.into()), facts);
    }
}

/// Warns of a failed run in whose place a stale response answers: its clients see no error.
pub(crate) fn warn_of_covered_failure(route: &Route, shared: &Inner, why: Skip) {
    shared.counters.with(route, |counters| {
        if counters.covered_failures.admits() {
            tracing::warn!(
                target: TARGET,
                handler = route.name,
                http.route = counters.label(),
                reason = why.as_str(),
                "a run has failed, and a stale response answers in its place"
            );
        }
    });
}

/// Reports invalidations or expiries.
pub(crate) fn report_invalidation(shared: &Inner) {
    shared.counters.count_invalidation();
    if shared.observers.are_interested() {
        shared.observers.notify(&event(
            EventKind::Invalidation,
            None,
            "",
            None,
            &Facts::default(),
        ));
    }
}

#[cold]
#[inline(never)]
fn observe(route: &Route, shared: &Inner, report: Report<'_>, facts: Facts) {
    let made;
    let info = match report.about {
        About::Unknown => None,
        About::Run(info) => Some(info),
        About::Request(request) => {
            made = RequestInfo::of(request);
            Some(&made)
        }
    };
    let event = event(report.kind, report.reason, route.name, info, &facts);
    shared.observers.notify(&event);
}

fn event<'a>(
    kind: EventKind,
    reason: Option<&'a str>,
    handler: &'a str,
    info: Option<&'a RequestInfo>,
    facts: &Facts,
) -> CacheEvent<'a> {
    CacheEvent {
        kind,
        reason,
        handler,
        route: info.and_then(|info| info.pattern.as_deref()),
        method: info.map(|info| info.method.as_str()),
        path: info.map(|info| &*info.path),
        status: facts.status.map(|status| status.as_u16()),
        age: facts.age,
        duration: facts.duration,
        body_bytes: facts.body_bytes.map(|bytes| bytes as u64),
    }
}

fn log_once(route: &Route, kind: EventKind, reason: Option<&str>) {
    let message = match kind {
        EventKind::Bypass(_) => "a request bypasses the cache",
        EventKind::Skip(_) => "a response is not stored",
        _ => return,
    };
    if route.is_first(kind) {
        tracing::info!(
            target: TARGET,
            handler = route.name,
            reason,
            "{message} (logged in debug builds, once for each handler and reason; \
             under `cached(..)` and `CacheResponses` once in each worker)"
        );
    }
}

/// The span of a run: of a handler, or of the computation of a value.
pub(crate) fn run_span(
    route: &Route,
    info: Option<&RequestInfo>,
    reason: &'static str,
    is_background: bool,
) -> Span {
    let pattern = info.and_then(|info| info.pattern.as_deref());
    let method = info.map(|info| info.method.as_str());
    let path = info.map(|info| &*info.path);
    // The name of a span is one of its call.
    macro_rules! span {
        ($name:literal) => {
            tracing::debug_span!(
                target: TARGET,
                $name,
                reason,
                handler = route.name,
                http.route = pattern,
                http.request.method = method,
                url.path = path,
            )
        };
    }
    if is_background {
        span!("background refresh")
    } else {
        span!("run")
    }
}
