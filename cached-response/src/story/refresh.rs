//! A run behind an answer that was given already.

use super::{
    leading::to_its_end,
    lookup::Miss,
    run,
    start::Run,
    visit::{Station, Visit},
};
use crate::{
    judgement::stage::Stage,
    machinery::{
        counters::Event,
        flights::{Permit, Permits, Turn},
        local::{self, Detached, Kind, LocalBoxFuture},
    },
};
use actix_web::HttpRequest;

/// A request that has its answer, and the lead of the run behind it.
pub(crate) struct Behind {
    pub(crate) station: Station,
    pub(crate) miss: Miss,
    pub(crate) permit: Permit,
    pub(crate) place: Detached,
}

/// The way of a request whose response is to be refreshed.
pub(super) enum Due {
    /// The response answers: somebody refreshes it, or it is fresh and the next request tries again.
    Answer,
    /// The response answers, and the run goes on behind that.
    Behind(Permit, Detached),
    /// The request waits for the run: this worker carries as many refreshes as it may, or cannot
    /// carry any.
    Wait(Permit),
}

impl Due {
    /// Decides it for a request that took this turn, by the stage of the response.
    pub(super) fn of(turn: Turn, stage: Stage) -> Self {
        let Turn::Lead(permit) = turn else {
            return Self::Answer;
        };
        let place = local::could_take_it().then(|| Detached::claim(Kind::Refresh));
        match place.flatten() {
            Some(place) => Self::Behind(permit, place),
            None if stage.is_stale() => Self::Wait(permit),
            None => Self::Answer,
        }
    }
}

/// Runs the handler behind the answer to `request`.
pub(crate) fn refresh(behind: Behind, request: HttpRequest, run: Run) {
    let Behind {
        station,
        mut miss,
        permit,
        place,
    } = behind;
    let visit = Visit { station, request };
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
    if local::spawn(Box::pin(task)).is_ok() {
        station.report(Event::Refresh);
    }
}
