//! A live answer: one that is computed after it was asked for.

use super::{
    leading::leading,
    run,
    serve::{Journey, MOST_DETOURS},
    start::{Done, Run},
};
use crate::{
    judgement::admit::Part,
    machinery::{
        counters::Event,
        flights::{Landing, Permit, Permits},
        live::{Next, Queue},
    },
};

impl Journey {
    /// A live answer: the queued run's, or that of a run of its own.
    pub(super) async fn live(mut self, run: Run) -> Done {
        if self.miss.admitted.flight != Part::Lead {
            return self.alone(run).await;
        }
        for _ in 0..MOST_DETOURS {
            let shared = self.shared();
            match shared.live.join(&self.miss.flight, &self.boarding()) {
                Queue::Run(queued) => return self.live_run(queued, run).await,
                Queue::Crowded => {
                    self.report(Event::Crowded);
                    break;
                }
                Queue::Join(follower) => match self.follow(follower).await {
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

    async fn live_run(mut self, queued: Permit, run: Run) -> Done {
        loop {
            let shared = self.shared();
            match shared
                .live
                .next(&queued, &self.miss.flight, &self.boarding())
            {
                Next::Start(running) => {
                    self.miss.abroad.dispatch = Box::pin(self.visit.depart(&mut self.miss)).await;
                    let goes_on = self.may_go_on();
                    let station = self.visit.station.clone();
                    let flight =
                        run::fly(self.visit, *self.miss, run, Permits::two(queued, running));
                    if !goes_on {
                        return flight.await;
                    }
                    return leading(flight, station).await;
                }
                Next::Wait(follower) => {
                    if self.follow(follower).await.is_none() {
                        // Nobody shall wait for a run that will not land for them.
                        drop(queued);
                        return self.alone(run).await;
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
