//! A leader whose client may leave: its run goes on by itself.

use super::visit::Station;
use crate::machinery::{
    counters::Event,
    local::{self, Detached, Kind, LocalBoxFuture},
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Leads: if it is dropped before it has landed, because its client left, a task of its own takes
/// it to its end.
pub(crate) fn leading<T>(flight: LocalBoxFuture<T>, station: Station) -> Leading<T> {
    Leading {
        flight: Some(flight),
        polling: false,
        station,
    }
}

/// Whether a flight that is dropped now could go on by itself.
pub(super) fn could_go_on() -> bool {
    Detached::is_free(Kind::HandOver) && local::could_take_it()
}

pub(crate) struct Leading<T: 'static> {
    flight: Option<LocalBoxFuture<T>>,
    /// Still set when it is dropped: the poll unwound, and there is nothing to hand over.
    polling: bool,
    station: Station,
}

impl<T> Future for Leading<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        let flight = this.flight.as_mut().expect("not polled after it was ready");
        this.polling = true;
        let polled = flight.as_mut().poll(cx);
        this.polling = false;
        if polled.is_ready() {
            this.flight = None;
        }
        polled
    }
}

impl<T> Drop for Leading<T> {
    fn drop(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let handed_over = !self.polling
            && Detached::claim(Kind::HandOver).is_some_and(|place| {
                local::spawn(Box::pin(to_its_end(flight, self.station.clone(), place))).is_ok()
            });
        self.station.report(if handed_over {
            Event::HandedOver
        } else {
            Event::Failed
        });
    }
}

/// Runs until the response is stored, or the limit is over.
pub(super) async fn to_its_end<T>(
    mut flight: LocalBoxFuture<T>,
    station: Station,
    _place: Detached,
) {
    let shared = station.shared();
    let mut limit = pin!(shared.clock.sleep(shared.limits.run));
    poll_fn(|cx| match flight.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => limit.as_mut().poll(cx),
    })
    .await;
}
