//! A stored response that is at hand while a run that shall replace it goes on.

use crate::{
    cache::Inner,
    engine::{
        context::{Miss, RequestContext, RouteContext},
        detach::{DetachOnDrop, could_go_on},
        timeout::within,
        upstream::Done,
    },
    entry::{StoredResponse, staleness::Staleness},
    http::storable::is_storable_status,
    memory::variants,
    metrics::{
        counters::Event,
        reason::{ForwardReason, Skip, StaleRule},
    },
    response::reuse::{self, HitKind},
    route::admission::{Admitted, AllowedReuse},
    util::local_task::LocalBoxFuture,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use std::{sync::Arc, thread, time::Duration};

/// What is stored, and what becomes of it by the end of the run.
///
/// Dropped before that is known, because the run panicked, or was given up behind an answer, it rests
/// as after any failure.
pub(crate) struct StaleFallback {
    station: RouteContext,
    stored: Arc<StoredResponse>,
    /// The client has its answer: there is nobody to stand in for.
    behind: bool,
    settled: bool,
}

impl StaleFallback {
    /// What is at hand for a run whose client may be answered by it.
    pub(crate) fn of(station: &RouteContext, miss: &mut Miss) -> Option<Self> {
        let stored = miss.previous.take()?;
        miss.puts_up_with_stale().then(|| Self {
            station: station.clone(),
            stored,
            behind: miss.behind,
            settled: false,
        })
    }

    /// The run has failed: no other is tried for a while.
    pub(crate) fn rest(&mut self) {
        let shared = self.station.shared();
        let rest = self.station.stale_rules().rest();
        self.stored.cooldown.until(shared.now().after(rest));
        self.settled = true;
    }

    /// The run has ended otherwise.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// The handler no longer says what is stored: it answers nobody any more, here or elsewhere.
    pub(crate) fn forget(&mut self, miss: &Miss) {
        if self.is_usable_as_fallback() {
            let shared = self.station.shared();
            variants::remove(&shared.memory, &miss.flight, &self.stored);
            if let Some(dispatch) = &miss.abroad.dispatch {
                dispatch.delete_outdated(&self.stored);
            }
        }
        self.settle();
    }

    /// Whether it may stand in for a run that fails now.
    pub(crate) fn is_usable_as_fallback(&self) -> bool {
        is_usable_as_fallback(self.station.shared(), &self.stored)
    }

    /// Counts that it stands in, where somebody waits for an answer.
    pub(crate) fn report(&self) {
        if !self.behind {
            self.station.report(Event::Stale(StaleRule::IfError));
        }
    }

    /// The answer in place of what a run has come to, with this status if any; `None` where what is
    /// at hand may not stand in. `asked` is the request, unless its service has kept it.
    pub(crate) fn stand_in(
        &self,
        asked: Option<&HttpRequest>,
        miss: &Miss,
        status: Option<StatusCode>,
    ) -> Option<HttpResponse> {
        if !self.is_usable_as_fallback() {
            return None;
        }
        self.report();
        let how = HitKind::StoodIn {
            forward: miss.forward,
            status,
            rule: StaleRule::IfError,
            now: self.station.shared().now(),
        };
        Some(match asked {
            Some(request) => reuse::reuse(&self.stored, request, how),
            None => reuse::reuse_whole(&self.stored, how),
        })
    }
}

impl Drop for StaleFallback {
    fn drop(&mut self) {
        // Whoever leaves a run of its own says nothing of the handler.
        if !self.settled && (self.behind || thread::panicking()) {
            self.rest();
        }
    }
}

/// Whether a stored response may stand in for a run now. What is invalid never does.
pub(crate) fn is_usable_as_fallback(shared: &Inner, stored: &StoredResponse) -> bool {
    let now = shared.now();
    // First: what was heard of by then is seen in its stage.
    shared.trusts(stored, now) && Staleness::of(stored, now).is_usable_as_fallback()
}

/// Whether a response tells of a failure, and which. An `Err` is one by its status, as a response is.
pub(crate) fn failure(response: &HttpResponse, declared: bool) -> Option<Skip> {
    let status = response.status();
    if declared && !is_refusal(status) {
        Some(Skip::Failed)
    } else if !is_failure(status) {
        None
    } else if response.error().is_some() {
        Some(Skip::Error)
    } else {
        Some(Skip::Status)
    }
}

/// Whether this status says that the server has failed.
pub(crate) fn is_failure(status: StatusCode) -> bool {
    status.is_server_error()
}

/// Whether this status says that the client may not have the response, or that there is none. No
/// other stands in for it.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 404 | 410)
}

/// Whether what a run came to with this status tells of what is stored, and not of its request alone.
pub(crate) fn is_of_what_is_stored(miss: &Miss, status: StatusCode) -> bool {
    let Admitted { head, reuse, .. } = miss.admitted;
    !head && reuse == AllowedReuse::Any && is_for_all(status)
}

/// Whether this status says something to everybody, and not only to one who has asked in a wrong way,
/// too often, or for a part.
fn is_for_all(status: StatusCode) -> bool {
    is_refusal(status) || (is_storable_status(status) && !status.is_client_error())
}

/// A stale response that may answer in place of a run under way.
pub(crate) struct SoftTimeout {
    station: RouteContext,
    request: HttpRequest,
    stored: Arc<StoredResponse>,
    forward: ForwardReason,
}

impl SoftTimeout {
    /// What stands by for a miss, if anything does.
    pub(crate) fn of(visit: &RequestContext, miss: &Miss) -> Option<Self> {
        let stored = miss.previous.clone()?;
        miss.puts_up_with_stale().then(|| Self {
            station: visit.station.clone(),
            request: visit.request.clone(),
            stored,
            forward: miss.forward,
        })
    }

    /// Whether it may answer now.
    pub(crate) fn is_ready(&self) -> bool {
        is_usable_as_fallback(self.station.shared(), &self.stored)
    }

    pub(crate) fn answer(self) -> (HttpRequest, HttpResponse) {
        self.station.report(Event::Stale(StaleRule::AnswerAfter));
        let how = HitKind::StoodIn {
            forward: self.forward,
            status: None,
            rule: StaleRule::AnswerAfter,
            now: self.station.shared().now(),
        };
        let response = reuse::reuse(&self.stored, &self.request, how);
        (self.request, response)
    }

    /// What `flight` comes to within the time, and else the stale response, if the flight can go on
    /// without anybody who waits for it.
    pub(crate) async fn or(
        self,
        mut flight: DetachOnDrop<LocalBoxFuture<Done>>,
        after: Duration,
    ) -> Done {
        match within(self.station.shared(), after, &mut flight).await {
            Some(done) => done,
            None if self.is_ready() && could_go_on() => Ok(self.answer()),
            None => flight.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::error::InternalError;

    #[test]
    fn a_failure_is_an_error_of_the_server_s_or_what_the_handler_calls_one() {
        for status in 200..600 {
            let code = StatusCode::from_u16(status).expect("a status");
            let made = HttpResponse::build(code).finish();
            let named = failure(&made, false);
            assert_eq!(named, (status >= 500).then_some(Skip::Status), "{status}");
            let declared = failure(&made, true);
            let refusal = matches!(status, 401 | 403 | 404 | 410);
            assert_eq!(declared, (!refusal).then_some(Skip::Failed), "{status}");
            let error = HttpResponse::from_error(InternalError::new("no", code));
            let named = failure(&error, false);
            assert_eq!(named, (status >= 500).then_some(Skip::Error), "{status}");
        }
    }

    #[test]
    fn what_one_client_has_done_wrong_says_nothing_to_the_others() {
        for status in [
            206, 304, 400, 405, 406, 412, 413, 416, 417, 422, 428, 429, 431,
        ] {
            let code = StatusCode::from_u16(status).expect("a status");
            assert!(!is_for_all(code), "{status}");
        }
        for status in [200, 204, 301, 401, 403, 404, 410, 500] {
            let code = StatusCode::from_u16(status).expect("a status");
            assert!(is_for_all(code), "{status}");
        }
    }
}
