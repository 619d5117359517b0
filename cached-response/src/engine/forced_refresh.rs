//! Forced refreshes (`?nocache=1`, `Cache-Control: no-cache`): an answer that is computed after its
//! request, by at most one running and one queued run per key.

use crate::{
    engine::{
        context::Subject,
        detach::detach_on_drop,
        lookup::look_again,
        miss::{MAX_ATTEMPTS, MissFlow},
        remote_lookup,
        timeout::timeout,
        waiting::WaitEdge,
    },
    metrics::event::EventKind,
    route::admission::FlightRole,
    single_flight::responses::{FlightOutcome, ForcedJoin, Permit, Permits, QueuedStep, Waiter},
    time::moment::Timestamp,
};

impl<S: Subject> MissFlow<S> {
    /// Answers from the queued run, or from a run of its own.
    pub(crate) async fn force_refresh(mut self, upstream: S::Upstream) -> S::Done {
        let edge = WaitEdge::begin(self.shared(), &self.miss.key);
        if WaitEdge::is_circular(edge.as_deref()) {
            self.subject.report(EventKind::NestedRun);
            return self.alone(upstream).await;
        }
        if self.miss.admitted.flight != FlightRole::Lead {
            return self.alone(upstream).await;
        }
        for _ in 0..MAX_ATTEMPTS {
            let (shared, context) = (self.shared(), self.subject.join_context());
            match shared.forced_runs.join(&self.miss.key, &context) {
                ForcedJoin::Run(queued) => return self.run_queued(queued, upstream).await,
                ForcedJoin::Full => {
                    self.subject.report(EventKind::OverMaxWaiters);
                    break;
                }
                // The queued run starts after this request, and its waiters wait for it.
                ForcedJoin::Wait(waiter) => {
                    match self.wait_until(self.waiting.end(), waiter).await {
                        Some(FlightOutcome::Stored(stored)) if self.accepts(&stored) => {
                            return self.collapsed(&stored);
                        }
                        // Another variant, or a run that failed or never started: queue again.
                        Some(FlightOutcome::Stored(_) | FlightOutcome::Failed) => {}
                        Some(FlightOutcome::NotStored(_)) | None => break,
                    }
                }
            }
            // For the names that select the variant: no stored response is reused.
            let _ = look_again(&self.subject, &mut self.miss);
        }
        self.alone(upstream).await
    }

    /// Waits for the run of another request until `end`.
    async fn wait_until(&self, end: Timestamp, waiter: Waiter) -> Option<FlightOutcome> {
        let shared = self.shared();
        let outcome = timeout(shared, end.since(shared.now()), waiter).await;
        if outcome.is_none() {
            self.subject.report(EventKind::WaitTimeout);
        }
        outcome
    }

    /// Waits for the run in progress, and starts the queued one.
    async fn run_queued(self, queued: Permit, upstream: S::Upstream) -> S::Done {
        loop {
            let (shared, context) = (self.shared(), self.subject.join_context());
            match shared.forced_runs.next(&queued, &self.miss.key, &context) {
                QueuedStep::Start(running) => {
                    return self.start(Permits::two(queued, running), upstream).await;
                }
                QueuedStep::Wait(waiter) => {
                    let end = self.waiting.beside_at();
                    if self.wait_until(end, waiter).await.is_none() {
                        // It runs beside the one in progress, for those who have joined by now.
                        queued.close();
                        return self.start(Permits::one(queued), upstream).await;
                    }
                }
                QueuedStep::Full => {
                    drop(queued);
                    self.subject.report(EventKind::OverMaxWaiters);
                    return self.alone(upstream).await;
                }
            }
        }
    }

    async fn start(mut self, permits: Permits, upstream: S::Upstream) -> S::Done {
        let prepared = remote_lookup::prepare_write(&self.subject, &mut self.miss);
        Box::pin(prepared).await;
        let (context, detaches) = (self.subject.context().clone(), self.subject.may_detach());
        let run = Box::pin(self.subject.run(self.miss, upstream, permits));
        if !detaches {
            return run.await;
        }
        detach_on_drop(run, context).await
    }
}
