//! A miss: one of the requests for a key leads and runs the handler, the others wait for it.
//!
//! Everything here is written over a [`Subject`]: responses and values are its two instances.

use crate::{
    cache::Inner,
    engine::{
        detach::{DetachOnDrop, RunOrigin, can_detach, detach_on_drop},
        remote_lookup,
        reuse::{self, RemoteOutcome, Reuse, look_again, still_needed},
        stale_fallback::SoftTimeout,
        subject::{Miss, Subject},
        timeout::either,
        waiting::{WaitBounds, WaitEdge, Waited},
    },
    entry::{StoredResponse, staleness::Staleness},
    metrics::event::EventKind,
    response::from_stored::HitKind,
    route::admission::FlightRole,
    single_flight::responses::{FlightOutcome, Join, Permit, Permits, Waiter},
};
use std::{future::Future, pin::Pin};

/// A request that has waited for this many failed runs, or runs of other variants, runs alone.
pub(crate) const MAX_ATTEMPTS: usize = 2;

/// The flow of one miss to its answer.
pub(crate) struct MissFlow<S> {
    pub(crate) subject: S,
    pub(crate) miss: Box<Miss>,
    pub(crate) waiting: WaitBounds,
}

impl<S: Subject> MissFlow<S> {
    pub(crate) fn new(subject: S, miss: Box<Miss>) -> Self {
        let usual = subject.usual_run_time();
        let waiting = WaitBounds::new(subject.shared(), miss.looked_up_at, usual);
        Self {
            subject,
            miss,
            waiting,
        }
    }

    pub(crate) fn shared(&self) -> &Inner {
        self.subject.shared()
    }

    /// Answers the miss. With a permit it leads.
    pub(crate) async fn serve(self, permit: Option<Permit>, upstream: S::Upstream) -> S::Done {
        let edge = WaitEdge::begin(self.shared(), &self.miss.key);
        match permit {
            Some(permit) => Box::pin(self.lead(permit, upstream)).await,
            None if WaitEdge::is_circular(edge.as_deref()) => {
                self.subject.report(EventKind::NestedRun);
                Box::pin(self.alone(upstream)).await
            }
            None => self.look_remote(upstream).await,
        }
    }

    /// Looks into the remote store where each request does so for itself, and coalesces then.
    async fn look_remote(mut self, upstream: S::Upstream) -> S::Done {
        // Boxed, as all that needs a remote store: waiters have no room for it.
        let outcome = if self.shared().remote.is_none() {
            RemoteOutcome::Miss
        } else {
            Box::pin(remote_lookup::read_for_itself(
                &self.subject,
                &mut self.miss,
            ))
            .await
        };
        match outcome {
            RemoteOutcome::Answered(answer) => self.subject.done(answer),
            RemoteOutcome::Refresh(hit) => Box::pin(self.refresh(hit, upstream)).await,
            RemoteOutcome::Miss => Box::pin(self.coalesce(upstream)).await,
        }
    }

    /// Leads, or waits for the leader.
    async fn coalesce(mut self, upstream: S::Upstream) -> S::Done {
        if self
            .shared()
            .hit_for_pass
            .pass(&self.miss.key, self.shared().now())
        {
            self.subject.report(EventKind::HitForPass);
            return Box::pin(self.alone(upstream)).await;
        }
        for _ in 0..MAX_ATTEMPTS {
            let outcome = match self.join() {
                Some(Join::Lead(permit)) => return Box::pin(self.lead(permit, upstream)).await,
                Some(Join::Wait(waiter)) => match self.wait(waiter).await {
                    Waited::Finished(outcome) => outcome,
                    ended => return Box::pin(self.on_wait_timeout(ended, upstream)).await,
                },
                Some(Join::Full) => {
                    self.subject.report(EventKind::OverMaxWaiters);
                    break;
                }
                None => break,
            };
            match outcome {
                FlightOutcome::Stored(stored) if self.accepts_current(&stored).await => {
                    return self.collapsed(&stored);
                }
                // Another variant, or outdated: look up again. A failed run: take over.
                FlightOutcome::Stored(_) | FlightOutcome::Failed => {}
                FlightOutcome::NotStored(_) => break,
            }
            // The read from before the wait is old by now.
            remote_lookup::forget_read(&mut self.miss);
            if let Reuse::Fresh(stored, stage) | Reuse::Refresh(stored, stage) =
                look_again(&self.subject, &mut self.miss)
            {
                return self.hit(&stored, stage);
            }
        }
        Box::pin(self.alone(upstream)).await
    }

    /// Joins the flight of its key, where the request may.
    fn join(&self) -> Option<Join> {
        let (flights, context) = (&self.shared().flights, self.subject.join_context());
        match self.miss.admitted.flight {
            FlightRole::Lead => Some(context.join(flights, &self.miss.key)),
            FlightRole::Follow => context.wait(flights, &self.miss.key).map(Join::Wait),
            FlightRole::None => None,
        }
    }

    /// Waits for the run of another request until `wait_timeout`.
    async fn wait(&self, waiter: Waiter) -> Waited {
        let soft = SoftTimeout::limit(&self.subject, &self.miss);
        let waiting = self.waiting.wait(&self.subject, &self.miss, waiter, soft);
        let end = waiting.await;
        if matches!(end, Waited::RunBeside(..) | Waited::TimedOut) {
            self.subject.report(EventKind::WaitTimeout);
        }
        end
    }

    /// Answers a request whose wait is over: by a run beside the leader, from a stale response, or by a
    /// run of its own.
    async fn on_wait_timeout(self, end: Waited, upstream: S::Upstream) -> S::Done {
        if let Waited::RunBeside(permit, waiter) = end {
            return Box::pin(self.beside(permit, waiter, upstream)).await;
        }
        match SoftTimeout::of(&self.subject, &self.miss).filter(SoftTimeout::is_usable) {
            Some(soft) => soft.answer(),
            None => self.alone(upstream).await,
        }
    }

    /// Returns true where the response of another run answers this request, and is not older than an
    /// invalidation.
    async fn accepts_current(&mut self, stored: &StoredResponse) -> bool {
        // In this order: an invalidation that is received by then shows in the comparison.
        let is_current = self.shared().remote.is_none()
            || Box::pin(remote_lookup::is_current(
                &self.subject,
                &mut self.miss,
                stored,
            ))
            .await;
        is_current && self.accepts(stored)
    }

    pub(crate) fn accepts(&self, stored: &StoredResponse) -> bool {
        stored.is_current()
            && stored.has_current_tags()
            && self.subject.selects(stored)
            && (self.miss.admitted.reuse).permits(stored.shareable_with_authorization)
            // Its age counts at its creation, or at this look-up where the leader has found it stored.
            && match &self.miss.admitted.directives {
                Some(directives) => {
                    let now = stored.created_at.max(self.miss.looked_up_at);
                    reuse::allow(directives, stored, now)
                }
                // The leader may have accepted a stale response for itself; a waiter does not.
                None => !stored.is_stale_on_arrival(),
            }
            && self.subject.decodes(stored)
    }

    fn hit(self, stored: &StoredResponse, stage: Staleness) -> S::Done {
        let how = HitKind::hit(stage, self.shared().now());
        let answer = self.subject.hit(stored, how);
        self.subject.done(answer)
    }

    pub(crate) fn collapsed(self, stored: &StoredResponse) -> S::Done {
        self.subject.report(EventKind::Collapsed);
        let how = HitKind::Collapsed(self.miss.forward, self.shared().now());
        let answer = self.subject.answer(stored, how);
        self.subject.done(answer)
    }

    /// Leads: runs the handler unless a response was stored in between, here or in the remote store.
    pub(crate) async fn lead(mut self, permit: Permit, upstream: S::Upstream) -> S::Done {
        let permit = match still_needed(&self.subject, &mut self.miss, permit) {
            Ok(permit) => permit,
            Err((stored, stage)) => return self.hit(&stored, stage),
        };
        self.miss.forget_current_extraction();
        let permit = if self.shared().remote.is_none() {
            permit
        } else {
            let verified = remote_lookup::verify_as_leader(&self.subject, &mut self.miss, permit);
            match Box::pin(verified).await {
                Ok(permit) => permit,
                Err(hit) => {
                    let answer = hit.answer(&self.subject);
                    return self.subject.done(answer);
                }
            }
        };
        let soft = SoftTimeout::with_limit(&self.subject, &self.miss);
        let (origin, detaches) = (RunOrigin::of(&self.subject), self.subject.may_detach());
        let run = self.run(permit, upstream);
        match soft {
            Some((soft, after)) => soft.or(detach_on_drop(run, origin), after).await,
            None if detaches => detach_on_drop(run, origin).await,
            None => run.await,
        }
    }

    /// Runs the handler, unless the remote store has a response, or gets one while it waits.
    fn run(
        self,
        permit: Permit,
        upstream: S::Upstream,
    ) -> Pin<Box<impl Future<Output = S::Done> + use<S>>> {
        let Self {
            subject, mut miss, ..
        } = self;
        Box::pin(async move {
            let permit = if subject.shared().remote.is_none() {
                permit
            } else {
                match Box::pin(remote_lookup::read_as_leader(&subject, &mut miss, permit)).await {
                    Ok(permit) => permit,
                    Err(hit) => {
                        let answer = hit.answer(&subject);
                        return subject.done(answer);
                    }
                }
            };
            subject.run(miss, upstream, Permits::one(permit)).await
        })
    }

    /// Runs the handler beside the run that it has waited for. The first of the two answers; its own
    /// run goes on then, like that of a client that has left.
    async fn beside(self, permit: Permit, mut waiter: Waiter, upstream: S::Upstream) -> S::Done {
        if self.shared().memory.is_disabled() {
            // Its waiters could not compare its response with the remote store.
            drop(permit);
            return self.alone(upstream).await;
        }
        let permits = Permits::beside(permit);
        if !(self.subject.may_detach() && S::may_share_subject(&upstream)) {
            return Box::pin(self.subject.run(self.miss, upstream, permits)).await;
        }
        let own = Self {
            subject: self.subject.clone(),
            miss: Box::new(self.miss.for_waiting()),
            waiting: self.waiting,
        };
        let origin = RunOrigin::of(&self.subject);
        let run = Box::pin(self.subject.run(self.miss, upstream, permits));
        let mut run = detach_on_drop(run, origin);
        match either(&mut run, &mut waiter).await {
            Ok(done) => done,
            Err(outcome) => own.or_own_run(outcome, run).await,
        }
    }

    /// Answers from the response of another run, in place of its own that is not finished.
    async fn or_own_run<F>(mut self, outcome: FlightOutcome, run: DetachOnDrop<F>) -> S::Done
    where
        F: Future<Output = S::Done> + Unpin,
    {
        if let FlightOutcome::Stored(stored) = outcome
            && can_detach()
            && self.accepts_current(&stored).await
        {
            return self.collapsed(&stored);
        }
        run.await
    }

    /// Runs the handler for this request alone.
    pub(crate) async fn alone(self, upstream: S::Upstream) -> S::Done {
        let soft = SoftTimeout::with_limit(&self.subject, &self.miss);
        let origin = RunOrigin::of(&self.subject);
        let run = Box::pin(self.subject.run(self.miss, upstream, Permits::none()));
        match soft {
            Some((soft, after)) => soft.or(detach_on_drop(run, origin), after).await,
            None if S::DETACHES_ALONE => detach_on_drop(run, origin).await,
            None => run.await,
        }
    }
}
