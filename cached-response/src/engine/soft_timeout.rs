//! A stale response for a request that does not want to wait longer.

use crate::{
    engine::{
        context::{RequestContext, RouteContext},
        detach::{DetachOnDrop, could_go_on},
        lookup::Miss,
        stale_fallback::is_usable_as_fallback,
        timeout::within,
        upstream::Done,
    },
    entry::StoredResponse,
    metrics::{
        counters::Event,
        reason::{ForwardReason, StaleRule},
    },
    response::reuse::{self, HitKind},
    util::local_task::LocalBoxFuture,
};
use actix_web::{HttpRequest, HttpResponse};
use std::{sync::Arc, time::Duration};

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
