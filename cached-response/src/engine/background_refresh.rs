//! A run behind an answer that was given already.

use crate::{
    engine::{
        context::{BackgroundRefresh, RequestContext},
        detach::to_its_end,
        miss::MissFlow,
        remote_lookup::Answering,
        run,
        upstream::{Done, Upstream},
    },
    metrics::counters::Event,
    single_flight::responses::{Due, Permits},
    util::local_task::{self, LocalBoxFuture},
};
use actix_web::HttpRequest;

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

impl MissFlow {
    /// Answers, and runs the handler behind the answer where nobody does; waits for the run where it
    /// cannot go on behind the answer.
    pub(crate) async fn due(mut self, answering: Answering, run: Upstream) -> Done {
        let turn = self
            .boarding()
            .join(&self.shared().flights, &self.miss.flight);
        match Due::of(turn, answering.stage) {
            Due::Answer => {
                let response = self.visit.answer(&answering);
                Ok((self.visit.request, response))
            }
            Due::Behind(permit, place) => {
                let response = self.visit.answer(&answering);
                let request = self.visit.request.clone();
                let behind = BackgroundRefresh {
                    station: self.visit.station,
                    miss: self.miss.refreshing(answering.stored, true),
                    permit,
                    place,
                };
                refresh(behind, self.visit.request, run);
                Ok((request, response))
            }
            Due::Wait(permit) => {
                *self.miss = self.miss.refreshing(answering.stored, false);
                self.lead(permit, run).await
            }
        }
    }
}
