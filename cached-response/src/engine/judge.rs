//! The judgement of a response: it is stored, skipped, or replaced by a stale one.

use crate::{
    engine::{
        run::{HandlerRun, RunOutcome},
        stale_fallback::{failure, is_about_entry, is_failure},
        upstream::{Done, RequestSnapshot},
    },
    entry::{StoredResponse, head_style::Style},
    http::storable::{ResponseHead, Storable, may_reject_condition, storability},
    memory::variants::StoreOutcome,
    metrics::{
        event::{EventKind, TARGET},
        reason::{Skip, StaleRule},
    },
    policy::candidate::ResponseView,
    response::{
        cache_status,
        from_stored::{self, HitKind},
        headers,
        tee::{self, TeeOutcome},
    },
    route::{admission::AllowedReuse, config::RouteConfig},
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    error::InternalError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web::Bytes,
};
use std::time::SystemTime;

impl HandlerRun {
    /// Ends a failed run with the stale response that answers in its place, if there is one. `request`
    /// is `None` where the service has kept it.
    fn fall_back(
        &mut self,
        request: Option<&HttpRequest>,
        status: Option<StatusCode>,
    ) -> Option<HttpResponse> {
        let fallback = self.fallback.as_mut()?;
        fallback.start_cooldown();
        let stored = fallback.usable()?;
        fallback.report(self.info.as_deref().into());
        let how = HitKind::StoodIn {
            forward: self.miss.forward,
            status,
            rule: StaleRule::IfError,
            now: self.context.shared().now(),
        };
        Some(match request {
            Some(request) => from_stored::reuse(stored, request, how),
            None => from_stored::reuse_whole(stored, how),
        })
    }

    /// Ends without a response of the handler: the fallback answers, or else `otherwise`.
    pub(crate) fn end_without_response(
        mut self,
        why: Skip,
        status: Option<StatusCode>,
        request: Option<HttpRequest>,
        otherwise: impl FnOnce(Option<HttpRequest>) -> Done,
    ) -> Done {
        let id = self.context.route.id;
        self.note_end(&id);
        self.status = status;
        self.failed = status.is_none_or(is_failure);
        self.about_entry = status.is_some_and(|status| is_about_entry(&self.miss, status));
        let stale = if self.failed {
            self.fall_back(request.as_ref(), status)
        } else {
            None
        };
        self.finish(None, RunOutcome::failed(why, stale.is_some()));
        match stale {
            Some(stale) => with_request(request, stale),
            None => otherwise(request),
        }
    }
}

/// Returns a response with its request; as an error where the service has kept the request.
pub(crate) fn with_request(request: Option<HttpRequest>, response: HttpResponse) -> Done {
    match request {
        Some(request) => Ok((request, response)),
        None => Err(Error::from(InternalError::from_response(
            "the service returned no response; this one takes its place",
            response,
        ))),
    }
}

/// A run with the response of its handler.
pub(crate) struct FinishedRun {
    pub(crate) run: HandlerRun,
    pub(crate) request: HttpRequest,
    /// The request as it was received, where a service may have changed it.
    pub(crate) snapshot: Option<RequestSnapshot>,
    pub(crate) style: Style,
}

impl FinishedRun {
    pub(crate) fn new(
        mut run: HandlerRun,
        request: HttpRequest,
        snapshot: Option<RequestSnapshot>,
    ) -> Self {
        let id = run.context.route.id;
        run.note_end(&id);
        Self {
            run,
            request,
            snapshot,
            style: Style::default(),
        }
    }

    pub(crate) fn config(&self) -> &RouteConfig {
        &self.run.context.route.config
    }

    /// Judges the response of the handler, or the stored one that it has validated.
    pub(crate) fn judge(mut self, response: HttpResponse) -> HttpResponse {
        self.run.status = Some(response.status());
        let run_context = &self.run.run_context;
        if !run_context.is_taken_over()
            && let Some(why) = failure(&response, run_context.has_failed())
        {
            self.run.failed = true;
            if self.run.usable_fallback().is_some() {
                return self.fall_back(why, response);
            }
        }
        if response.status() != StatusCode::NOT_MODIFIED {
            return self.judge_new(response);
        }
        let conditional = from_stored::asks_for_not_modified(self.received());
        let Some(stored) = self.run.run_context.validated(conditional) else {
            return if conditional {
                self.judge_new(response)
            } else {
                self.unconditional_304(response)
            };
        };
        self.run.unchanged = true;
        self.run.report(EventKind::Validated, None);
        let freshened = headers::freshened(&stored, &response);
        if headers::is_other_entity(&stored, &response) {
            return self.skip(Skip::Validator, freshened);
        }
        self.judge_new(freshened)
    }

    /// The request fields as they were received.
    fn received(&self) -> &HeaderMap {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or_else(|| self.request.headers(), RequestSnapshot::headers)
    }

    /// Answers a 304 to a client without a condition: from the fallback, and else as the handler would
    /// without a cache. No waiter gets it.
    fn unconditional_304(mut self, response: HttpResponse) -> HttpResponse {
        let route = &self.run.context.route;
        if route.is_first_unconditional_304() {
            tracing::warn!(
                target: TARGET,
                handler = route.name,
                "the handler answered with 304 a client that had sent no condition, which gets an empty response (said once); return `previous.not_modified()` for a response that `stale_response()` gives, and the whole response where it gives none"
            );
        }
        if self.run.usable_fallback().is_some() {
            self.run.failed = true;
            return self.fall_back(Skip::Unasked, response);
        }
        self.skip(Skip::Unasked, response)
    }

    /// Ends as a failure, and answers from the fallback.
    fn fall_back(mut self, why: Skip, response: HttpResponse) -> HttpResponse {
        // A service was sent conditions that its client has not sent.
        let snapshot = self.snapshot.as_ref();
        let request = Some(&self.request)
            .filter(|request| snapshot.is_none_or(|snapshot| snapshot.asks_like(request)));
        let Some(stale) = self.run.fall_back(request, Some(response.status())) else {
            // It was invalidated in this very moment.
            return self.skip(why, response);
        };
        self.run.finish(None, RunOutcome::failed(why, true));
        stale
    }

    fn judge_new(mut self, mut response: HttpResponse) -> HttpResponse {
        if self.run.run_context.is_taken_over() {
            return self.skip(Skip::Inner, response);
        }
        let date = self.run.context.shared().clock.date();
        let verdict = self.verdict(&response, date);
        let names = self.run.run_context.names_read();
        headers::vary(self.config(), &names, response.headers_mut());
        let run = &self.run;
        run.context
            .add_surrogate_keys(&self.request, &run.run_context, response.headers_mut());
        match verdict {
            Err(why) => self.skip(why, response),
            Ok(storable) => {
                self.style = Style::of(response.head_mut());
                headers::date(self.config(), date, response.headers_mut());
                self.keep(storable, response)
            }
        }
    }

    fn verdict(&self, response: &HttpResponse, date: SystemTime) -> Result<Storable, Skip> {
        let (config, received) = (self.config(), self.received());
        if config.sees_headers() && may_reject_condition(response.status(), received) {
            return Err(Skip::Status);
        }
        let admitted = &self.run.miss.admitted;
        storability(
            config.storage_rules(),
            &ResponseHead {
                status: response.status(),
                headers: response.headers(),
                error: response.error().is_some(),
                upgrade: response.head().upgrade(),
                head: admitted.head,
                authorized: admitted.reuse == AllowedReuse::OnlyShareable,
                origin: received.get(&header::ORIGIN).map(HeaderValue::as_bytes),
                at: date,
                delay: self.run.finished_at.since(self.run.started_at),
                handler_ttl: self.run.run_context.timeout(),
            },
        )
    }

    fn skip(mut self, why: Skip, response: HttpResponse) -> HttpResponse {
        self.run.about_entry = is_about_entry(&self.run.miss, response.status());
        self.pass(why, response)
    }

    /// Ends without a response to store: the body is sent at the pace of its client, and ends with it.
    fn pass(self, why: Skip, mut response: HttpResponse) -> HttpResponse {
        response.headers_mut().append(
            cache_status::NAME,
            cache_status::forwarded(self.run.miss.forward, Some(why)),
        );
        let run_context = self.run.run_context.clone();
        self.finish(Err(why));
        response.map_body(|_, body| tee::pass(body, run_context))
    }

    /// Stores a body that is complete, and copies one that is a stream.
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
        let forward = self.run.miss.forward;
        let complete = headers::declared_length(head.headers())
            .is_none_or(|length| length == body.len() as u64);
        let stored = if complete {
            let candidate = ResponseView::whole(head.status(), head.headers(), &body);
            self.store(storable, &candidate, &body)
        } else {
            Err(Skip::Incomplete)
        };
        let (status, narrowed) = match &stored {
            Ok(StoreOutcome::Stored(stored)) => {
                headers::complete(stored, head.headers_mut());
                let narrowed = self.narrow(stored, &mut head);
                let status = if self.run.is_kept(stored) {
                    cache_status::stored(forward, self.run.unchanged)
                } else {
                    cache_status::forwarded(forward, None)
                };
                (status, narrowed)
            }
            Ok(StoreOutcome::Superseded(_)) => (
                cache_status::forwarded(forward, Some(Skip::Superseded)),
                None,
            ),
            Err(why) => (cache_status::forwarded(forward, Some(*why)), None),
        };
        let body = narrowed.unwrap_or_else(|| BoxBody::new(body));
        head.headers_mut().append(cache_status::NAME, status);
        self.finish(stored);
        head.set_body(body)
    }

    /// Narrows the answer to the 304 or the part that the client itself has asked for.
    fn narrow(&self, stored: &StoredResponse, head: &mut HttpResponse<()>) -> Option<BoxBody> {
        let request = &self.request;
        let snapshot = self.snapshot.as_ref();
        snapshot
            .is_none_or(|snapshot| snapshot.asks_like(request))
            .then(|| from_stored::narrow_new(stored, request, head))?
    }

    fn keep_stream(
        self,
        storable: Storable,
        mut head: HttpResponse<()>,
        body: BoxBody,
    ) -> HttpResponse {
        let (context, miss) = (&self.run.context, &self.run.miss);
        let shared = context.shared();
        let config = tee::TeeConfig {
            cap: context.max_body_bytes(),
            declared: headers::declared_length(head.headers()),
            budget: shared.copy_budget.clone(),
            limit: self.detached_limit(),
        };
        let (status, mut headers) = (head.status(), head.headers().clone());
        // The reason why the last one was not stored, where only its body has shown it.
        let expected = shared.hit_for_pass.expected(&miss.key, shared.now());
        head.headers_mut().append(
            cache_status::NAME,
            cache_status::forwarded(miss.forward, expected),
        );
        self.run.permits.head_sent();
        let run_context = self.run.run_context.clone();
        let body = tee::copy(body, config, run_context, move |copied| {
            let stored = match copied {
                TeeOutcome::Whole(body) => {
                    // The body may have read more of the request since the head was sent.
                    let names = self.run.run_context.names_read();
                    headers::vary(self.config(), &names, &mut headers);
                    let candidate = ResponseView::whole(status, &headers, &body);
                    self.store(&storable, &candidate, &body)
                }
                TeeOutcome::TooLarge => Err(Skip::TooLarge),
                TeeOutcome::NoRoom => Err(Skip::NoRoom),
                TeeOutcome::Failed => Err(Skip::Incomplete),
            };
            if let Err(why) = stored
                && why.is_expected_of_stream()
            {
                let shared = self.run.context.shared();
                shared
                    .hit_for_pass
                    .expect(&self.run.miss.key, why, shared.now());
            }
            self.finish(stored);
        });
        head.set_body(body)
    }
}
