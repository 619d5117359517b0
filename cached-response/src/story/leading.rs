//! A leader whose client may leave: its run goes on by itself.

use crate::{
    ground::clock::Clock,
    machinery::{
        cache::ResponseCache,
        counters::Event,
        local::{self, Detached, LocalBoxFuture},
    },
};
use actix_web::HttpResponse;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

/// Leads: if it is dropped before it has landed, because its client left, a task of its own takes
/// it to its end.
pub(crate) fn leading(
    flight: impl Future<Output = HttpResponse> + 'static,
    clock: Clock,
    limit: Duration,
    cache: ResponseCache,
) -> Leading {
    Leading {
        flight: Some(Box::pin(flight)),
        polling: false,
        clock,
        limit,
        cache,
    }
}

pub(crate) struct Leading {
    flight: Option<LocalBoxFuture<HttpResponse>>,
    /// Still set when it is dropped: the poll unwound, and there is nothing to hand over.
    polling: bool,
    clock: Clock,
    limit: Duration,
    cache: ResponseCache,
}

impl Future for Leading {
    type Output = HttpResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HttpResponse> {
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

impl Drop for Leading {
    fn drop(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let event = match Detached::claim() {
            Some(place) if !self.polling => hand_over(flight, place, &self.clock, self.limit),
            _ => Event::Failed,
        };
        self.cache.shared().count(event);
    }
}

fn hand_over(
    flight: LocalBoxFuture<HttpResponse>,
    place: Detached,
    clock: &Clock,
    limit: Duration,
) -> Event {
    let limit = clock.sleep(limit);
    let to_its_end = Box::pin(async move {
        let (mut flight, mut limit) = (flight, pin!(limit));
        poll_fn(|cx| match flight.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => limit.as_mut().poll(cx),
        })
        .await;
        drop(place);
    });
    if local::spawn(to_its_end).is_ok() {
        Event::HandedOver
    } else {
        Event::Failed
    }
}
