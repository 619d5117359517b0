//! A live answer: one that is computed after it was asked for.

use crate::{
    engine::{
        detach::leading,
        miss::{MOST_DETOURS, MissFlow},
        run,
        timeout::within,
        upstream::{Done, Upstream},
    },
    metrics::counters::Event,
    route::admission::FlightRole,
    single_flight::{
        forced::{Next, Queue},
        responses::{Follower, Landing, Permit, Permits},
    },
    time::moment::Timestamp,
};

impl MissFlow {
    /// A live answer: the queued run's, or that of a run of its own.
    pub(crate) async fn live(mut self, run: Upstream) -> Done {
        if self.miss.admitted.flight != FlightRole::Lead {
            return self.alone(run).await;
        }
        for _ in 0..MOST_DETOURS {
            let shared = self.shared();
            match shared.forced_runs.join(&self.miss.flight, &self.boarding()) {
                Queue::Run(queued) => return self.live_run(queued, run).await,
                Queue::Crowded => {
                    self.report(Event::Crowded);
                    break;
                }
                // The queued run starts in time, and its followers wait for it.
                Queue::Join(follower) => match self.until(self.waiting.end(), follower).await {
                    Some(Landing::Stored(stored)) if self.accepts(&stored) => {
                        return Ok(self.collapsed(&stored));
                    }
                    // Another variant, or a run that failed or never started: queue again.
                    Some(Landing::Stored(_) | Landing::Failed) => {}
                    Some(Landing::NotStored(_)) | None => break,
                },
            }
            // For the names that select the variant: no response that is stored will do.
            let _ = self.visit.look_again(&mut self.miss);
        }
        self.alone(run).await
    }

    /// Waits for another's run until then.
    async fn until(&self, end: Timestamp, follower: Follower) -> Option<Landing> {
        let shared = self.shared();
        let landing = within(shared, end.since(shared.now()), follower).await;
        if landing.is_none() {
            self.report(Event::WaitTimeout);
        }
        landing
    }

    async fn start(mut self, permits: Permits, run: Upstream) -> Done {
        self.miss.abroad.dispatch = Box::pin(self.visit.depart(&mut self.miss)).await;
        let goes_on = self.may_go_on();
        let station = self.visit.station.clone();
        let flight = run::fly(self.visit, *self.miss, run, permits);
        if !goes_on {
            return flight.await;
        }
        leading(flight, station).await
    }

    async fn live_run(self, queued: Permit, run: Upstream) -> Done {
        loop {
            let shared = self.shared();
            match shared
                .forced_runs
                .next(&queued, &self.miss.flight, &self.boarding())
            {
                Next::Start(running) => {
                    return self.start(Permits::two(queued, running), run).await;
                }
                Next::Wait(follower) => {
                    let turn = self.waiting.turn();
                    if self.until(turn, follower).await.is_none() {
                        // It runs beside the one under way, for those who have joined by now.
                        queued.close();
                        return self.start(Permits::one(queued), run).await;
                    }
                }
                Next::Crowded => {
                    drop(queued);
                    self.report(Event::Crowded);
                    return self.alone(run).await;
                }
            }
        }
    }
}
