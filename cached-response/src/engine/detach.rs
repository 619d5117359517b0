//! A leader whose client may leave: its run goes on by itself.

use crate::{
    engine::context::RouteContext,
    metrics::counters::Event,
    util::local_task::{self, DetachedPermit, Kind},
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Leads: if it is dropped before it has landed, because its client left, a task of its own takes
/// it to its end.
///
/// It is `Send` where its flight is. The task of its own is one of this thread all the same, since
/// nobody knows here whether the flight is.
pub(crate) fn leading<F: Future + Unpin>(flight: F, station: RouteContext) -> DetachOnDrop<F> {
    DetachOnDrop {
        flight: Some(flight),
        polling: false,
        station,
    }
}

/// Whether a flight that is dropped now could go on by itself.
pub(crate) fn could_go_on() -> bool {
    DetachedPermit::is_free(Kind::HandOver) && local_task::could_take_it()
}

pub(crate) struct DetachOnDrop<F: Future + Unpin + 'static> {
    flight: Option<F>,
    /// Still set when it is dropped: the poll unwound, and there is nothing to hand over.
    polling: bool,
    station: RouteContext,
}

impl<F: Future + Unpin> Future for DetachOnDrop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let flight = this.flight.as_mut().expect("not polled after it was ready");
        this.polling = true;
        let polled = Pin::new(flight).poll(cx);
        this.polling = false;
        if polled.is_ready() {
            this.flight = None;
        }
        polled
    }
}

impl<F: Future + Unpin> Drop for DetachOnDrop<F> {
    fn drop(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let detached = !self.polling
            && DetachedPermit::claim(Kind::HandOver).is_some_and(|place| {
                local_task::spawn(Box::pin(to_its_end(flight, self.station.clone(), place))).is_ok()
            });
        self.station.report(if detached {
            Event::Detached
        } else {
            Event::Failed
        });
    }
}

/// Runs until the response is stored, or the limit is over.
pub(crate) async fn to_its_end<F: Future + Unpin>(
    mut flight: F,
    station: RouteContext,
    _place: DetachedPermit,
) {
    let shared = station.shared();
    let mut limit = pin!(shared.clock.sleep(shared.limits.coalesce_for));
    poll_fn(|cx| match Pin::new(&mut flight).poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => limit.as_mut().poll(cx),
    })
    .await;
}
