//! Refreshes of a stored response: in the background (RFC 5861 §3), where a stale response answers and the
//! handler runs after that; and forced (`?nocache=1`, `Cache-Control: no-cache`), where the answer is computed
//! after its request, by at most one running and one queued run per key.

use crate::{
    cache::report::RequestInfo,
    engine::{
        detach::{RunOrigin, detach_on_drop, run_detached},
        miss::{MAX_ATTEMPTS, MissFlow},
        remote_lookup,
        reuse::{StoredHit, look_again, still_needed},
        subject::{BackgroundRefresh, RefreshMode, Subject},
        timeout::timeout,
        waiting::WaitEdge,
    },
    metrics::{event::EventKind, reason::ForwardReason},
    route::admission::FlightRole,
    single_flight::responses::{
        FlightOutcome, ForcedJoin, Permit, Permits, QueuedStep, RefreshLead, Waiter,
    },
    time::moment::Timestamp,
    util::local_task,
};
use std::ops::ControlFlow;

impl<S: Subject> BackgroundRefresh<S> {
    /// Starts the run in a task of its own.
    pub(crate) fn start(self, upstream: S::Upstream) {
        let Self {
            subject,
            mut miss,
            permit,
            place,
        } = self;
        // Another leader may have finished between the look-up and the lead.
        let Ok(permit) = still_needed(&subject, &mut miss, permit) else {
            return;
        };
        miss.forget_current_extraction();
        let context = subject.context().clone();
        let info = RequestInfo::if_observed(context.shared(), subject.request());
        let run = Box::pin(async move {
            // Another process may have refreshed it: that is no hit, without a client to answer.
            if let Ok(permit) = remote_lookup::read_as_leader(&subject, &mut miss, permit).await {
                subject.run(miss, upstream, Permits::one(permit)).await;
            }
        });
        let task = run_detached(run, context.clone(), place);
        if local_task::spawn(Box::pin(task)).is_ok() {
            context.report(EventKind::Refresh, info.as_deref().into());
        }
    }
}

impl<S: Subject> MissFlow<S> {
    /// Answers from a stored response that is due, and leads its refresh where no other request does. Where
    /// the run cannot go on in the background, the client waits for it.
    pub(crate) async fn refresh(self, hit: StoredHit, upstream: S::Upstream) -> S::Done {
        match self.answer_and_refresh(hit, upstream) {
            ControlFlow::Break(done) => done,
            ControlFlow::Continue((flow, permit, upstream)) => flow.lead(permit, upstream).await,
        }
    }

    /// The synchronous half: the place of a background task is one of this thread, and is not held
    /// while anything is awaited.
    fn answer_and_refresh(
        mut self,
        hit: StoredHit,
        upstream: S::Upstream,
    ) -> ControlFlow<S::Done, (Self, Permit, S::Upstream)> {
        let context = self.subject.join_context();
        let turn = context.join(&self.shared().flights, &self.miss.key);
        match RefreshLead::of(turn, hit.stage) {
            RefreshLead::None => {
                let answer = hit.answer(&self.subject);
                ControlFlow::Break(self.subject.done(answer))
            }
            RefreshLead::Background(permit, place) => {
                let answer = hit.answer(&self.subject);
                self.miss.refreshing(hit.stored, RefreshMode::Background);
                let refresh = BackgroundRefresh {
                    subject: self.subject.clone(),
                    miss: self.miss,
                    permit,
                    place,
                };
                refresh.start(upstream);
                ControlFlow::Break(self.subject.done(answer))
            }
            RefreshLead::Foreground(permit) => {
                if hit.read_at.is_none() {
                    self.subject
                        .report(EventKind::Forward(ForwardReason::Stale));
                }
                self.miss.refreshing(hit.stored, RefreshMode::Foreground);
                ControlFlow::Continue((self, permit, upstream))
            }
        }
    }
}

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
                    return self
                        .run_forced(Permits::two(queued, running), upstream)
                        .await;
                }
                QueuedStep::Wait(waiter) => {
                    let end = self.waiting.beside_at();
                    if self.wait_until(end, waiter).await.is_none() {
                        // It runs beside the one in progress, for those who have joined by now.
                        queued.close();
                        return self.run_forced(Permits::one(queued), upstream).await;
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

    async fn run_forced(mut self, permits: Permits, upstream: S::Upstream) -> S::Done {
        let prepared = remote_lookup::prepare_write(&self.subject, &mut self.miss);
        Box::pin(prepared).await;
        let (origin, detaches) = (RunOrigin::of(&self.subject), self.subject.may_detach());
        let run = Box::pin(self.subject.run(self.miss, upstream, permits));
        if !detaches {
            return run.await;
        }
        detach_on_drop(run, origin).await
    }
}
