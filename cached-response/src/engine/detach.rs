//! Runs that go on in a task of their own when their client leaves.

use crate::{
    cache::report::RequestInfo,
    engine::subject::{RouteContext, Subject},
    metrics::event::EventKind,
    util::local_task::{self, DetachedPermit, Kind},
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Wraps a run so that it is detached when it is dropped unfinished, because its client left.
///
/// It is `Send` where the run is. The task that the run goes on in is one of this thread, since
/// whether the run is `Send` is not known here.
pub(crate) fn detach_on_drop<F: Future + Unpin>(run: F, origin: RunOrigin) -> DetachOnDrop<F> {
    DetachOnDrop {
        run: Some(run),
        polling: false,
        origin,
    }
}

/// The route of a run, and its request where an observer is interested: for the event of its end.
pub(crate) struct RunOrigin {
    context: RouteContext,
    info: Option<Box<RequestInfo>>,
}

impl RunOrigin {
    pub(crate) fn of<S: Subject>(subject: &S) -> Self {
        Self {
            context: subject.context().clone(),
            info: RequestInfo::if_observed(subject.shared(), subject.request()),
        }
    }
}

/// Returns true where a run that is dropped now could go on in a task.
pub(crate) fn can_detach() -> bool {
    DetachedPermit::is_free(Kind::HandOver) && local_task::can_spawn()
}

/// A run that goes on in a task of its own when it is dropped unfinished.
pub(crate) struct DetachOnDrop<F: Future + Unpin + 'static> {
    run: Option<F>,
    /// Set during a poll. Still set on drop: the poll panicked, and there is nothing to detach.
    polling: bool,
    origin: RunOrigin,
}

impl<F: Future + Unpin> Future for DetachOnDrop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let run = this.run.as_mut().expect("not polled after it was ready");
        this.polling = true;
        let polled = Pin::new(run).poll(cx);
        this.polling = false;
        if polled.is_ready() {
            this.run = None;
        }
        polled
    }
}

impl<F: Future + Unpin> Drop for DetachOnDrop<F> {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        let detached = !self.polling
            && DetachedPermit::claim(Kind::HandOver).is_some_and(|place| {
                let context = self.origin.context.clone();
                local_task::spawn(Box::pin(run_detached(run, context, place))).is_ok()
            });
        let kind = if detached {
            EventKind::Detached
        } else {
            EventKind::Failed
        };
        let RunOrigin { context, info } = &self.origin;
        context.report(kind, info.as_deref().into());
    }
}

/// Runs until the response is stored, or the limit of detached runs is over.
pub(crate) async fn run_detached<F: Future + Unpin>(
    mut run: F,
    context: RouteContext,
    _place: DetachedPermit,
) {
    let shared = context.shared();
    let mut limit = pin!(shared.clock.sleep(shared.limits.coalesce_for));
    poll_fn(|cx| match Pin::new(&mut run).poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => limit.as_mut().poll(cx),
    })
    .await;
}
