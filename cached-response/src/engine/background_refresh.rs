//! A run behind an answer that was given already.

use crate::{
    engine::{
        context::{RequestContext, RouteContext},
        detach::to_its_end,
        lookup::Miss,
        run,
        upstream::Upstream,
    },
    metrics::counters::Event,
    single_flight::responses::{Permit, Permits},
    util::local_task::{self, DetachedPermit, LocalBoxFuture},
};
use actix_web::HttpRequest;

/// A request that has its answer, and the lead of the run behind it.
pub(crate) struct BackgroundRefresh {
    pub(crate) station: RouteContext,
    pub(crate) miss: Miss,
    pub(crate) permit: Permit,
    pub(crate) place: DetachedPermit,
}

/// Runs the handler behind the answer to `request`.
pub(crate) fn refresh(behind: BackgroundRefresh, request: HttpRequest, run: Upstream) {
    let BackgroundRefresh {
        station,
        mut miss,
        permit,
        place,
    } = behind;
    let visit = RequestContext { station, request };
    // Whoever led before may have landed between the look-up and the lead.
    let Ok(permit) = visit.still_needed(&mut miss, permit) else {
        return;
    };
    miss.stamped();
    let station = visit.station.clone();
    let flight: LocalBoxFuture<()> = Box::pin(async move {
        // Another process may have refreshed it.
        if let Ok(permit) = visit.seek(&mut miss, permit).await {
            // Nobody waits for what it comes to.
            let _ = run::fly(visit, miss, run, Permits::one(permit)).await;
        }
    });
    let task = to_its_end(flight, station.clone(), place);
    if local_task::spawn(Box::pin(task)).is_ok() {
        station.report(Event::Refresh);
    }
}
