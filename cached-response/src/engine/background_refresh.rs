//! Background refreshes (RFC 5861 §3): a stale response answers, and the handler runs after that.

use crate::{
    cache::report::RequestInfo,
    engine::{
        context::{BackgroundRefresh, RefreshMode, Subject},
        detach::run_detached,
        lookup::still_needed,
        miss::MissFlow,
        remote_lookup,
        reuse::StoredHit,
    },
    metrics::{event::EventKind, reason::ForwardReason},
    single_flight::responses::{Permit, Permits, RefreshLead},
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
        miss.check_extraction();
        let context = subject.context().clone();
        let info = RequestInfo::if_observed(context.shared(), subject.request());
        let run = Box::pin(async move {
            // Another process may have refreshed it: no hit, as nobody waits for an answer.
            if let Ok(permit) = remote_lookup::lead(&subject, &mut miss, permit).await {
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
