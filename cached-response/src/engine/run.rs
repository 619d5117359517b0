//! One run of the handler: from its start to its landing.

use crate::{
    cache::invalidate,
    context::control::{RunContext, Scoped},
    engine::{
        context::{Miss, RequestContext, RouteContext},
        handler_run::UnderWay,
        stale_fallback::{failure, is_of_what_is_stored},
        store::Flight,
        timeout::attempt,
        upstream::{Done, RequestSnapshot, Upstream},
    },
    entry::{StoredResponse, head_style::Style},
    http::{
        storable::{ResponseHead, Storable, may_reject_condition, storability},
        unsafe_methods::UnsafeRequest,
    },
    memory::variants::StoreOutcome,
    metrics::{
        counters::Event,
        reason::{Bypass, Skip},
    },
    policy::candidate::ResponseView,
    response::{
        cache_status, freshen, headers, reuse,
        tee::{self, TeeOutcome},
    },
    route::admission::AllowedReuse,
    single_flight::responses::Permits,
    util::local_task::LocalBoxFuture,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web::Bytes,
};
use std::time::SystemTime;

/// Runs the handler of a request that is not looked up.
pub(crate) async fn bypass(visit: RequestContext, why: Bypass, run: Upstream) -> Done {
    // Of the request as it came: a service may change it.
    let asked = (why == Bypass::Method).then(|| asked(&visit.request));
    let RequestContext { station, request } = visit;
    let word = station.site.config.as_str(why, request.headers());
    let control = RunContext::of(&request);
    let done = Scoped::new(control.clone(), run.start(control.clone(), request)).await;
    if let Some(asked) = asked {
        invalidate(&station, &asked, &done).await;
    }
    let (request, mut response) = done?;
    headers::vary(
        &station.site.config,
        &control.names_read(),
        response.headers_mut(),
    );
    response
        .headers_mut()
        .append(cache_status::NAME, cache_status::bypassed(why, &word));
    let response = response.map_body(|_, body| tee::pass(body, control));
    Ok((request, response))
}

/// Invalidates what was changed. Its client shall not find the old one on another node.
async fn invalidate(station: &RouteContext, asked: &UnsafeRequest, done: &Done) {
    let invalidated = match done {
        Ok((_, response)) => {
            let (status, headers) = (response.status(), response.headers());
            invalidate::invalidate_after(station.shared(), asked, status, headers)
        }
        // Its response is for the server to make, which may be done once only.
        Err(error) => {
            let status = error.as_response_error().status_code();
            invalidate::invalidate_after(station.shared(), asked, status, &HeaderMap::new())
        }
    };
    if let Err(error) = invalidated.await {
        tracing::warn!(
            handler = station.site.name,
            error = &error as &dyn std::error::Error,
            "what this request has changed is not invalidated everywhere yet"
        );
    }
}

fn asked(request: &HttpRequest) -> UnsafeRequest {
    UnsafeRequest::of(request.method(), request.uri(), request.headers())
}

/// Runs the handler, judges its response, stores it where it may be, and lands.
pub(crate) fn fly(
    visit: RequestContext,
    miss: Miss,
    run: Upstream,
    permits: Permits,
) -> LocalBoxFuture<Done> {
    // Boxed, so that those who only wait for it have no room for one.
    Box::pin(async move {
        let (under_way, request) = UnderWay::start(visit, miss, &run, permits);
        let limit = under_way.station.coalesce_for();
        let control = under_way.control.clone();
        let run = Scoped::new(control.clone(), run.start(control, request));
        let outcome = attempt(run, limit, under_way.at_hand.is_some()).await;
        under_way.land(outcome)
    })
}

impl Flight {
    /// Judges what the run has made, or what it has found unchanged.
    pub(crate) fn judge(mut self, response: HttpResponse) -> HttpResponse {
        if !self.control.is_taken_over()
            && let Some(why) = failure(&response, self.control.has_failed())
        {
            self.failed = true;
            if self.is_stood_in() {
                return self.stand_in(why, response);
            }
        }
        if response.status() != StatusCode::NOT_MODIFIED {
            return self.judge_made(response);
        }
        let asked = reuse::asks_for_not_modified(self.asked());
        let Some(stored) = self.control.validated(asked) else {
            return if asked {
                self.judge_made(response)
            } else {
                self.unasked(response)
            };
        };
        self.unchanged = true;
        self.visit.station.report(Event::Validated);
        let renewed = freshen::renewed(&stored, &response);
        if freshen::is_of_another(&stored, &response) {
            return self.skip(Skip::Validator, renewed);
        }
        self.judge_made(renewed)
    }

    /// The fields of the request as it came: a service may have changed them since.
    fn asked(&self) -> &HeaderMap {
        let exposed = self.exposed.as_ref();
        exposed.map_or_else(|| self.visit.request.headers(), RequestSnapshot::headers)
    }

    /// Answers a 304 that its client has not asked for: by a stale response that may stand in, and
    /// else as the handler would without a cache. Nobody who waits gets it.
    fn unasked(mut self, response: HttpResponse) -> HttpResponse {
        let site = &self.visit.station.site;
        if site.is_first_unasked() {
            tracing::warn!(
                handler = site.name,
                "the handler answered with 304 a client that had sent no condition, which gets an empty response (said once); return `previous.not_modified()` for a response that `stale_response()` gives, and the whole response where it gives none"
            );
        }
        if self.is_stood_in() {
            self.failed = true;
            return self.stand_in(Skip::Unasked, response);
        }
        self.skip(Skip::Unasked, response)
    }

    fn judge_made(mut self, mut response: HttpResponse) -> HttpResponse {
        let config = &self.visit.station.site.config;
        if self.control.is_taken_over() {
            return self.skip(Skip::Inner, response);
        }
        let date = self.visit.station.shared().clock.date();
        let verdict = self.verdict(&response, date);
        headers::vary(config, &self.control.names_read(), response.headers_mut());
        match verdict {
            Err(why) => self.skip(why, response),
            Ok(storable) => {
                self.style = Style::of(response.head_mut());
                headers::date(config, date, response.headers_mut());
                self.keep(storable, response)
            }
        }
    }

    /// Judges what was made by `date`.
    fn verdict(&self, response: &HttpResponse, date: SystemTime) -> Result<Storable, Skip> {
        let config = &self.visit.station.site.config;
        let asked = self.asked();
        if config.sees_headers() && may_reject_condition(response.status(), asked) {
            return Err(Skip::Status);
        }
        storability(
            config.storage_rules(),
            &ResponseHead {
                status: response.status(),
                headers: response.headers(),
                error: response.error().is_some(),
                upgrade: response.head().upgrade(),
                head: self.miss.admitted.head,
                authorized: self.miss.admitted.reuse == AllowedReuse::OnlyShareable,
                origin: asked.get(&header::ORIGIN).map(HeaderValue::as_bytes),
                at: date,
                delay: self.delay,
                handler_ttl: self.control.timeout(),
            },
        )
    }

    pub(crate) fn skip(mut self, why: Skip, response: HttpResponse) -> HttpResponse {
        self.of_what_is_stored = is_of_what_is_stored(&self.miss, response.status());
        self.pass(why, response)
    }

    /// Lands without a response to store: the body goes on at its client's pace, and with its client.
    fn pass(self, why: Skip, mut response: HttpResponse) -> HttpResponse {
        response.headers_mut().append(
            cache_status::NAME,
            cache_status::live(self.miss.forward, Some(why)),
        );
        let control = self.control.clone();
        self.landed(Err(why));
        response.map_body(|_, body| tee::pass(body, control))
    }

    /// Stores a body that is there at once, and copies one that comes as a stream.
    fn keep(self, storable: Storable, response: HttpResponse) -> HttpResponse {
        let (head, body) = response.into_parts();
        let body = match body.try_into_bytes() {
            Ok(body) => return self.keep_whole(&storable, head, body),
            Err(body) => body,
        };
        match self.refused_at_head(&storable, &head, body.size()) {
            Ok(()) => self.keep_stream(storable, head, body),
            Err(why) => self.pass(why, head.set_body(body)),
        }
    }

    fn keep_whole(
        self,
        storable: &Storable,
        mut head: HttpResponse<()>,
        body: Bytes,
    ) -> HttpResponse {
        let forward = self.miss.forward;
        let complete = headers::declared_length(head.headers())
            .is_none_or(|length| length == body.len() as u64);
        let stored = if complete {
            let candidate = ResponseView::whole(head.status(), head.headers(), &body);
            self.store(storable, &candidate, &body)
        } else {
            Err(Skip::Incomplete)
        };
        let (status, spared) = match &stored {
            Ok(StoreOutcome::Stored(stored)) => {
                headers::complete(stored, head.headers_mut());
                let spared = self.spare(stored, &mut head);
                let said = if self.is_kept(stored) {
                    cache_status::stored(forward, self.unchanged)
                } else {
                    cache_status::live(forward, None)
                };
                (said, spared)
            }
            Ok(StoreOutcome::Superseded(_)) => {
                (cache_status::live(forward, Some(Skip::Superseded)), None)
            }
            Err(why) => (cache_status::live(forward, Some(*why)), None),
        };
        let body = spared.unwrap_or_else(|| BoxBody::new(body));
        head.headers_mut().append(cache_status::NAME, status);
        self.landed(stored);
        head.set_body(body)
    }

    /// Less than the whole, where the client itself has asked for no more.
    fn spare(&self, stored: &StoredResponse, head: &mut HttpResponse<()>) -> Option<BoxBody> {
        let request = &self.visit.request;
        let exposed = self.exposed.as_ref();
        exposed
            .is_none_or(|exposed| exposed.asks_like(request))
            .then(|| reuse::spare(stored, request, head))?
    }

    fn keep_stream(
        self,
        storable: Storable,
        mut head: HttpResponse<()>,
        body: BoxBody,
    ) -> HttpResponse {
        let shared = self.visit.station.shared();
        let config = tee::TeeConfig {
            cap: self.max_body_bytes(),
            declared: headers::declared_length(head.headers()),
            budget: shared.copy_budget.clone(),
            limit: self.limit(),
        };
        let (status, mut headers, control) =
            (head.status(), head.headers().clone(), self.control.clone());
        // Why the last one was not stored, where only its body has shown it.
        let expected = shared
            .hit_for_pass
            .expected(&self.miss.flight, shared.now());
        head.headers_mut().append(
            cache_status::NAME,
            cache_status::live(self.miss.forward, expected),
        );
        self.permits.head_is_out();
        let body = tee::copy(body, config, control, move |copied| {
            let stored = match copied {
                TeeOutcome::Whole(body) => {
                    // The body may have read more since the head went out.
                    let read = self.control.names_read();
                    headers::vary(&self.visit.station.site.config, &read, &mut headers);
                    let candidate = ResponseView::whole(status, &headers, &body);
                    self.store(&storable, &candidate, &body)
                }
                TeeOutcome::TooLarge => Err(Skip::TooLarge),
                TeeOutcome::NoRoom => Err(Skip::NoRoom),
                TeeOutcome::Failed => Err(Skip::Incomplete),
            };
            if let Err(why) = stored
                && why.is_expected_again()
            {
                let shared = self.visit.station.shared();
                shared
                    .hit_for_pass
                    .expect(&self.miss.flight, why, shared.now());
            }
            self.landed(stored);
        });
        head.set_body(body)
    }
}
