//! A stale response in place of a run: one that fails (`stale_if_error`), or one that takes longer
//! than the soft timeout.

use crate::{
    cache::{Inner, report::About},
    engine::{
        detach::{DetachOnDrop, can_detach},
        subject::{Miss, RouteContext, Subject},
        timeout::timeout,
    },
    entry::{StoredResponse, staleness::Staleness},
    http::storable::is_storable_status,
    memory::variants,
    metrics::{
        event::EventKind,
        reason::{ForwardReason, Skip, StaleRule},
    },
    response::from_stored::HitKind,
    route::admission::{Admitted, AllowedReuse},
};
use actix_web::{HttpResponse, http::StatusCode};
use std::{future::Future, sync::Arc, thread, time::Duration};

/// The stored response that a run would replace, and the fate of it by the end of the run.
///
/// Dropped before that is known, by a panic or with an abandoned background run, it starts its
/// cooldown as after a failure.
pub(crate) struct StaleFallback {
    context: RouteContext,
    stored: Arc<StoredResponse>,
    /// The client is answered already, and needs no fallback.
    background: bool,
    settled: bool,
}

impl StaleFallback {
    /// Takes the previous response of a miss whose client accepts a stale one.
    pub(crate) fn take(context: &RouteContext, miss: &mut Miss) -> Option<Self> {
        let stored = miss.previous.take()?;
        miss.accepts_stale().then(|| Self {
            context: context.clone(),
            stored,
            background: miss.is_background(),
            settled: false,
        })
    }

    /// After a failed run: no other is tried during the cooldown.
    pub(crate) fn start_cooldown(&mut self) {
        let cooldown = self.context.stale_rules().failure_cooldown();
        let end = self.context.shared().now().after(cooldown);
        self.stored.cooldown.until(end);
        self.settled = true;
    }

    /// After any other run.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// After a run that outdates the stored response: removes it from memory, and returns it where it
    /// could have answered.
    pub(crate) fn remove(&mut self, miss: &Miss) -> Option<&StoredResponse> {
        self.settle();
        self.usable()?;
        let memory = &self.context.shared().memory;
        variants::remove(memory, &miss.key, &self.stored);
        Some(&self.stored)
    }

    /// The stored response, where it may answer in place of a failed run now.
    pub(crate) fn usable(&self) -> Option<&Arc<StoredResponse>> {
        let stored = &self.stored;
        is_usable(self.context.shared(), stored).then_some(stored)
    }

    /// Counts that it answers, where a client waits for an answer.
    pub(crate) fn report(&self, about: About<'_>) {
        if !self.background {
            let kind = EventKind::Stale(StaleRule::IfError);
            self.context.report(kind, about);
        }
    }
}

impl Drop for StaleFallback {
    fn drop(&mut self) {
        // A run that its own client abandons says nothing about the handler.
        if !self.settled && (self.background || thread::panicking()) {
            self.start_cooldown();
        }
    }
}

/// A stale response that answers in place of a run which is not finished after the soft timeout.
pub(crate) struct SoftTimeout<S> {
    subject: S,
    stored: Arc<StoredResponse>,
    forward: ForwardReason,
}

impl<S: Subject> SoftTimeout<S> {
    pub(crate) fn of(subject: &S, miss: &Miss) -> Option<Self> {
        let stored = miss.previous.clone()?;
        miss.accepts_stale().then(|| Self {
            subject: subject.clone(),
            stored,
            forward: miss.forward,
        })
    }

    /// The stale response, and the soft timeout after which it answers.
    pub(crate) fn with_limit(subject: &S, miss: &Miss) -> Option<(Self, Duration)> {
        let limit = Self::limit(subject, miss)?;
        Some((Self::of(subject, miss)?, limit))
    }

    /// The soft timeout, where a stale response may answer after it.
    pub(crate) fn limit(subject: &S, miss: &Miss) -> Option<Duration> {
        fallback(subject.shared(), miss).filter(|_| subject.may_detach())?;
        subject.context().stale_rules().soft_timeout
    }

    /// Returns true where it may answer now.
    pub(crate) fn is_usable(&self) -> bool {
        is_usable(self.subject.shared(), &self.stored) && self.subject.decodes(&self.stored)
    }

    pub(crate) fn answer(self) -> S::Done {
        self.subject
            .report(EventKind::Stale(StaleRule::AnswerAfter));
        let how = HitKind::StoodIn {
            forward: self.forward,
            status: None,
            rule: StaleRule::AnswerAfter,
            now: self.subject.shared().now(),
        };
        let answer = self.subject.answer(&self.stored, how);
        self.subject.done(answer)
    }

    /// Waits for `run` until the soft timeout, and answers from the stale response then, if the run can
    /// go on without its client.
    pub(crate) async fn or<F>(self, mut run: DetachOnDrop<F>, after: Duration) -> S::Done
    where
        F: Future<Output = S::Done> + Unpin,
    {
        match timeout(self.subject.shared(), after, &mut run).await {
            Some(done) => done,
            None if can_detach() && self.is_usable() => self.answer(),
            None => run.await,
        }
    }
}

/// The stale response of a miss that may answer in place of a run now.
pub(crate) fn fallback<'m>(shared: &Inner, miss: &'m Miss) -> Option<&'m Arc<StoredResponse>> {
    let stored = miss.previous.as_ref().filter(|_| miss.accepts_stale())?;
    is_usable(shared, stored).then_some(stored)
}

/// Returns true for a stored response that may answer in place of a run now. An invalidated one never
/// does.
fn is_usable(shared: &Inner, stored: &StoredResponse) -> bool {
    let now = shared.now();
    // The order matters: an invalidation that was received by then shows in the stage.
    shared.trusts(stored, now) && Staleness::of(stored, now).is_usable_as_fallback()
}

/// The kind of failure of a response, if it is one. An `Err` is one by its status, as a response is.
pub(crate) fn failure(response: &HttpResponse, declared: bool) -> Option<Skip> {
    let status = response.status();
    if declared && !is_refusal(status) {
        Some(Skip::Failed)
    } else if !is_failure(status) {
        None
    } else if response.error().is_some() {
        Some(Skip::Error)
    } else {
        Some(Skip::Status)
    }
}

/// Returns true for a status that reports a failure of the server.
pub(crate) fn is_failure(status: StatusCode) -> bool {
    status.is_server_error()
}

/// Returns true for a status that denies the client the response, or reports that there is none. No
/// stale response answers in its place.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 404 | 410)
}

/// Returns true where a run of this status is about the stored response, and not about its request
/// alone.
pub(crate) fn is_about_entry(miss: &Miss, status: StatusCode) -> bool {
    let Admitted { head, reuse, .. } = miss.admitted;
    !head && reuse == AllowedReuse::Any && is_for_all(status)
}

/// Returns true for a status that holds for all clients, and not only for one whose request is wrong,
/// too frequent, or for a part.
fn is_for_all(status: StatusCode) -> bool {
    is_refusal(status) || (is_storable_status(status) && !status.is_client_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::error::InternalError;

    #[test]
    fn a_failure_is_a_server_error_or_a_declared_one() {
        for status in 200..600 {
            let code = StatusCode::from_u16(status).expect("a status");
            let made = HttpResponse::build(code).finish();
            let named = failure(&made, false);
            assert_eq!(named, (status >= 500).then_some(Skip::Status), "{status}");
            let declared = failure(&made, true);
            let refusal = matches!(status, 401 | 403 | 404 | 410);
            assert_eq!(declared, (!refusal).then_some(Skip::Failed), "{status}");
            let error = HttpResponse::from_error(InternalError::new("no", code));
            let named = failure(&error, false);
            assert_eq!(named, (status >= 500).then_some(Skip::Error), "{status}");
        }
    }

    #[test]
    fn an_error_of_one_client_is_not_for_all() {
        for status in [
            206, 304, 400, 405, 406, 412, 413, 416, 417, 422, 428, 429, 431,
        ] {
            let code = StatusCode::from_u16(status).expect("a status");
            assert!(!is_for_all(code), "{status}");
        }
        for status in [200, 204, 301, 401, 403, 404, 410, 500] {
            let code = StatusCode::from_u16(status).expect("a status");
            assert!(is_for_all(code), "{status}");
        }
    }
}
