//! The response to a request, as a subject of the engine.

use crate::{
    cache::invalidate,
    context::run_context::{RunContext, Scoped},
    engine::{
        judge::{FinishedRun, with_request},
        lookup::{self, NextStep, PendingRequest},
        miss::MissFlow,
        purge,
        run::HandlerRun,
        subject::{Miss, RequestSubject, RouteContext, ShownTags, Subject},
        timeout::{RunEnd, run_guarded},
        upstream::{Done, Upstream, tagged},
    },
    entry::StoredResponse,
    http::unsafe_methods::UnsafeRequest,
    invalidation::{generations::Target, tags::Untagged},
    key::{KeyRef, KeyWriter},
    memory::variants::{self, Found},
    metrics::{
        event::{EventKind, TARGET},
        reason::{Bypass, ForwardReason, Skip},
    },
    response::{
        cache_status,
        from_stored::{self, HitKind},
        headers, tee,
    },
    single_flight::responses::Permits,
    util::local_task::LocalBoxFuture,
};
use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap};
use std::{panic, time::Duration};
use tracing::Instrument;

/// Answers a request that memory does not answer.
pub(crate) fn serve(
    pending: PendingRequest,
    request: HttpRequest,
    upstream: Upstream,
) -> LocalBoxFuture<Done> {
    let PendingRequest { context, next } = pending;
    let subject = RequestSubject { context, request };
    match next {
        NextStep::Bypass(why) => Box::pin(bypass(subject, why, upstream)),
        NextStep::Miss(miss, None) if miss.forced => {
            Box::pin(MissFlow::new(subject, miss).force_refresh(upstream))
        }
        NextStep::Miss(miss, permit) => {
            Box::pin(MissFlow::new(subject, miss).serve(permit, upstream))
        }
    }
}

/// Runs the handler of a request, judges its response, and stores it where it may be.
async fn run_handler(
    subject: RequestSubject,
    miss: Box<Miss>,
    upstream: Upstream,
    permits: Permits,
) -> Done {
    if miss.only_if_cached() && !miss.is_background() {
        subject.report(EventKind::OnlyIfCached);
        return Ok((subject.request, from_stored::only_if_cached()));
    }
    let run_context = RunContext::of(&subject.request);
    let run = HandlerRun::start(&subject, miss, permits, run_context.clone());
    let RequestSubject { request, .. } = subject;
    let own = upstream.is_handler().then(|| request.clone());
    let snapshot = upstream.snapshot(&request);
    let tags = run.context.shown_tags(&request);
    let limit = run.context.run_timeout();
    let scoped = Scoped::new(
        run_context.clone(),
        upstream.start(run_context, request).instrument(run.span()),
    );
    match run_guarded(scoped, limit, run.fallback.is_some()).await {
        RunEnd::Finished(Ok((request, response))) => {
            let finished = FinishedRun::new(run, request.clone(), snapshot);
            Ok((request, finished.judge(response)))
        }
        RunEnd::Finished(Err(error)) => {
            let status = Some(error.as_response_error().status_code());
            let error = tagged(error, tags, &run.run_context);
            run.end_without_response(Skip::Error, status, own, |_| Err(error))
        }
        RunEnd::TimedOut => {
            let response = timed_out(run.miss.forward, tags, &run.run_context);
            let otherwise = |request| with_request(request, response);
            run.end_without_response(Skip::RunTimeout, None, own, otherwise)
        }
        RunEnd::Panicked(panic) => {
            run.end_without_response(Skip::Panic, None, own, |_| panic::resume_unwind(panic))
        }
    }
}

/// The answer where `run_timeout` is over.
fn timed_out(
    forward: ForwardReason,
    tags: Option<ShownTags>,
    run_context: &RunContext,
) -> HttpResponse {
    let mut response = HttpResponse::ServiceUnavailable().finish();
    let headers = response.headers_mut();
    let status = cache_status::forwarded(forward, Some(Skip::RunTimeout));
    headers.append(cache_status::NAME, status);
    if let Some(tags) = tags {
        tags.add(run_context, headers);
    }
    response
}

/// Runs the handler of a request that is not looked up.
async fn bypass(subject: RequestSubject, why: Bypass, upstream: Upstream) -> Done {
    // Of the request as it was received: a service may change it.
    let unsafe_request = (why == Bypass::Method).then(|| {
        let request = &subject.request;
        UnsafeRequest::of(request.method(), request.uri(), request.headers())
    });
    let RequestSubject { context, request } = subject;
    let config = &context.route.config;
    // A cache in front may store it.
    let is_cached_method = config.caches(request.method());
    let tags = is_cached_method.then(|| context.shown_tags(&request));
    let word = config.bypass_word(why, request.headers());
    let run_context = RunContext::of(&request);
    let run = upstream.start(run_context.clone(), request);
    let done = Scoped::new(run_context.clone(), run).await;
    if let Some(unsafe_request) = unsafe_request {
        invalidate(&context, &unsafe_request, &done).await;
    }
    let done = done.map_err(|error| tagged(error, tags.flatten(), &run_context));
    let (request, mut response) = done?;
    headers::vary(config, &run_context.names_read(), response.headers_mut());
    // An inner cached route has added its own.
    if is_cached_method && !run_context.is_taken_over() {
        context.add_surrogate_keys(&request, &run_context, response.headers_mut());
    }
    response
        .headers_mut()
        .append(cache_status::NAME, cache_status::bypassed(why, &word));
    let response = response.map_body(|_, body| tee::pass(body, run_context));
    Ok((request, response))
}

/// Invalidates what an unsafe request has changed, before its client is answered: it may send its next
/// request to another node.
async fn invalidate(context: &RouteContext, request: &UnsafeRequest, done: &Done) {
    let invalidation = match done {
        // Of that URL alone, and perhaps softly.
        Ok((request, _)) if purge::is_purged(request, &context.cache) => return,
        Ok((_, response)) => {
            let (status, headers) = (response.status(), response.headers());
            invalidate::invalidate_after(context.shared(), request, status, headers)
        }
        // Its response is made by the server, and only once.
        Err(error) => {
            let status = error.as_response_error().status_code();
            invalidate::invalidate_after(context.shared(), request, status, &HeaderMap::new())
        }
    };
    if let Err(error) = invalidation.await
        && context.shared().observers.incomplete_invalidations.admits()
    {
        tracing::warn!(
            target: TARGET,
            handler = context.route.name,
            error = &error as &dyn std::error::Error,
            "what this request has changed is not invalidated everywhere yet"
        );
    }
}

impl Subject for RequestSubject {
    type Answer = HttpResponse;
    type Done = Done;
    type Upstream = Upstream;

    const DETACHES_ALONE: bool = false;

    fn context(&self) -> &RouteContext {
        &self.context
    }

    fn target(&self) -> Target<'_> {
        self.context.route.config.target(&self.request)
    }

    fn request(&self) -> Option<&HttpRequest> {
        Some(&self.request)
    }

    fn find(&self, miss: &mut Miss) -> Found {
        let handler = self.context.route.handler;
        let mut key = KeyWriter::resume(miss.base_key.as_bytes());
        let found = variants::find(&self.shared().memory, handler, &mut key, &self.request);
        miss.key = KeyRef::new(handler, key.as_bytes()).to_key();
        found
    }

    fn keep(&self, miss: &Miss, response: StoredResponse) -> bool {
        let memory = &self.shared().memory;
        let names = response.variant.as_ref();
        let names = names.map_or_else(Vec::new, |variant| variant.names.clone());
        if !variants::names_suffice(memory, &miss.base_key, &names) {
            return false;
        }
        variants::store(memory, &miss.base_key, &self.request, &names, response);
        true
    }

    fn selects(&self, stored: &StoredResponse) -> bool {
        variants::is_selected(stored, &self.request)
    }

    fn decodes(&self, _: &StoredResponse) -> bool {
        true
    }

    fn answer(&self, stored: &StoredResponse, how: HitKind) -> HttpResponse {
        from_stored::reuse(stored, &self.request, how)
    }

    fn hit(&self, stored: &StoredResponse, how: HitKind) -> HttpResponse {
        let RouteContext { route, .. } = &self.context;
        lookup::hit(route, self.shared(), stored, &self.request, how)
    }

    fn done(self, answer: HttpResponse) -> Done {
        Ok((self.request, answer))
    }

    fn may_detach(&self) -> bool {
        lookup::may_detach(&self.request)
    }

    fn may_share_subject(upstream: &Upstream) -> bool {
        upstream.is_handler()
    }

    fn refusal(&self) -> Option<Skip> {
        if !self.can_be_tagged() {
            return Some(Skip::Tags);
        }
        let config = &self.context.route.config;
        config.shows_refusal(&self.request).then_some(Skip::Error)
    }

    fn usual_run_time(&self) -> Option<Duration> {
        self.shared().run_times.usual(&self.context.route.id)
    }

    async fn run(self, miss: Box<Miss>, upstream: Upstream, permits: Permits) -> Done {
        run_handler(self, miss, upstream, permits).await
    }
}

impl RequestSubject {
    /// Returns true where its response can have the tags of its route.
    fn can_be_tagged(&self) -> bool {
        let route = &self.context.route;
        if route.config.policy.tags.is_empty() {
            return true;
        }
        match self.target().tags() {
            Ok(_) => return true,
            Err(Untagged::Missing(missing)) if route.is_first(EventKind::Skip(Skip::Tags)) => {
                tracing::warn!(
                    target: TARGET,
                    handler = route.name,
                    "{missing}, which is in a tag: no response is stored; write a parameter of the route's path, or call `tag(..)` in the handler"
                );
            }
            Err(_) => {}
        }
        false
    }
}
