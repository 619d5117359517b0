//! A run under way, and what becomes of one that comes to no response.

use crate::{
    context::control::RunContext,
    engine::{
        context::{Miss, RequestContext, RouteContext},
        fence::Fence,
        stale_fallback::{StaleFallback, is_failure, is_of_what_is_stored},
        store::{Flight, RunOutcome, landed},
        timeout::Outcome,
        upstream::{Done, RequestSnapshot, Upstream},
        wait_cycles::product,
    },
    entry::head_style::Style,
    metrics::reason::Skip,
    response::cache_status,
    single_flight::responses::Permits,
    time::moment::Timestamp,
};
use actix_web::{Error, HttpRequest, HttpResponse, error::InternalError, http::StatusCode};
use std::{panic, sync::Arc, time::Duration};

/// What is known of a run when it starts. What may stand in for it is dropped before those are told
/// who wait: they find it at rest.
pub(crate) struct UnderWay {
    pub(crate) at_hand: Option<StaleFallback>,
    /// The request, where the run has only a handle of it.
    pub(crate) asked: Option<HttpRequest>,
    pub(crate) exposed: Option<RequestSnapshot>,
    pub(crate) number: u64,
    pub(crate) started: Timestamp,
    pub(crate) control: Arc<RunContext>,
    pub(crate) fence: Fence,
    pub(crate) station: RouteContext,
    pub(crate) miss: Miss,
    pub(crate) permits: Permits,
}

/// How a run ended that came to no response.
struct Unmade {
    why: Skip,
    /// The status of the error that it came to.
    status: Option<StatusCode>,
}

impl UnderWay {
    /// Notes all that must be known before the handler starts, and gives the request to it.
    pub(crate) fn start(
        visit: RequestContext,
        mut miss: Miss,
        run: &Upstream,
        permits: Permits,
    ) -> (Self, HttpRequest) {
        let previous = miss.previous.as_deref();
        let generations = &visit.station.shared().generations;
        let fence = Fence::new(generations, visit.target(), &permits, previous);
        let can_be_tagged = visit.can_be_tagged();
        let shows_refusal = visit.station.site.config.shows_refusal(&visit.request);
        let product = product(visit.station.shared(), &miss.flight);
        let RequestContext { station, request } = visit;
        // After the fence: what was invalidated before it is seen here, and what is, later, there.
        miss.previous = miss.previous.filter(|stored| stored.is_current());
        let control = RunContext::of(&request);
        control.makes(product);
        if !can_be_tagged {
            control.refuse_tags();
        }
        if shows_refusal {
            control.refuse(Skip::Error);
        }
        if miss.is_outdated() {
            control.refuse(Skip::Invalidated);
        }
        let previous = miss.previous.clone();
        let validatable = previous.filter(|stored| stored.can_be_validated());
        control.start(miss.reason(), validatable);
        let under_way = Self {
            at_hand: StaleFallback::of(&station, &mut miss),
            asked: run.is_of_handler().then(|| request.clone()),
            exposed: run.exposes(&request),
            number: station.shared().next_run(),
            started: station.shared().now(),
            control,
            fence,
            station,
            miss,
            permits,
        };
        (under_way, request)
    }

    /// Lands with what the run came to.
    pub(crate) fn land(self, outcome: Outcome<Done>) -> Done {
        match outcome {
            Outcome::Made(Ok((request, response))) => {
                Ok((request.clone(), self.made(request).judge(response)))
            }
            Outcome::Made(Err(error)) => {
                let status = Some(error.as_response_error().status_code());
                let why = Skip::Error;
                self.unmade(&Unmade { why, status }, |_| Err(error))
            }
            Outcome::TooLong => {
                let (why, status) = (Skip::RunTimeout, None);
                let forward = self.miss.forward;
                self.unmade(&Unmade { why, status }, |asked| {
                    let mut late = HttpResponse::ServiceUnavailable().finish();
                    let said = cache_status::live(forward, Some(why));
                    late.headers_mut().append(cache_status::NAME, said);
                    give(asked, late)
                })
            }
            Outcome::Panicked(panic) => {
                let (why, status) = (Skip::Panic, None);
                self.unmade(&Unmade { why, status }, |_| panic::resume_unwind(panic))
            }
        }
    }

    fn made(self, request: HttpRequest) -> Flight {
        let (created_at, delay) = self.note_time();
        Flight {
            at_hand: self.at_hand,
            failed: false,
            unchanged: false,
            of_what_is_stored: true,
            visit: RequestContext {
                station: self.station,
                request,
            },
            miss: self.miss,
            permits: self.permits,
            control: self.control,
            exposed: self.exposed,
            fence: self.fence,
            number: self.number,
            created_at,
            delay,
            style: Style::default(),
        }
    }

    /// Notes how long it took; gives the time, and when it was over.
    fn note_time(&self) -> (Timestamp, Duration) {
        let shared = self.station.shared();
        let now = shared.now();
        let took = now.since(self.started);
        shared.run_times.note(&self.station.site.id, took);
        (now, took)
    }

    /// Lands without a response of the run: what is at hand stands in, or there is only `otherwise`.
    fn unmade(mut self, end: &Unmade, otherwise: impl FnOnce(Option<HttpRequest>) -> Done) -> Done {
        self.note_time();
        let asked = self.asked.take();
        let failed = end.status.is_none_or(is_failure);
        let stale = self.at_hand.as_mut().and_then(|at_hand| {
            if failed {
                at_hand.rest();
                at_hand.stand_in(asked.as_ref(), &self.miss, end.status)
            } else {
                match end.status {
                    Some(status) if is_of_what_is_stored(&self.miss, status) => {
                        at_hand.forget(&self.miss);
                    }
                    _ => at_hand.settle(),
                }
                None
            }
        });
        let ending = if stale.is_some() {
            RunOutcome::StoodIn(end.why)
        } else {
            RunOutcome::NotStored(end.why)
        };
        landed(&self.station, &self.miss, self.permits, ending);
        match stale {
            Some(stale) => give(asked, stale),
            None => otherwise(asked),
        }
    }
}

/// A response for a request that is at hand, or that its service has kept.
fn give(asked: Option<HttpRequest>, response: HttpResponse) -> Done {
    match asked {
        Some(request) => Ok((request, response)),
        None => Err(Error::from(InternalError::from_response(
            "the service made no response; this one takes its place",
            response,
        ))),
    }
}
