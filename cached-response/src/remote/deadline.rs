//! Waits for a call no longer than whoever waits may wait.

use crate::{
    remote::timer::Wait,
    store::error::{Found, LookedUp, StoreError},
    util::{batch::BatchStart, shared_oneshot::Place},
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// Who is woken so late was on a thread that was kept busy.
const LATE: Duration = Duration::from_millis(5);

/// What `future` comes to within this time from when it has begun, or `None`. What a thread that was
/// busy has begun late says nothing about the store; what has not begun by then is begun here.
pub(crate) struct Within<F> {
    future: F,
    begun: BatchStart,
    limit: Duration,
    end: Instant,
    wait: Wait,
    last: bool,
}

impl<F> Within<F> {
    /// Somebody who has begun to wait `now`.
    pub(crate) fn new(future: F, begun: BatchStart, limit: Duration, now: Instant) -> Self {
        let end = now + limit;
        Self {
            future,
            begun,
            limit,
            end,
            wait: Wait::until(end),
            last: false,
        }
    }

    /// Its time is over, or so it seemed: how long it may take still.
    fn more(&mut self) -> Option<Instant> {
        self.begun.go();
        let now = Instant::now();
        self.end = self.begun.when().unwrap_or(now) + self.limit;
        if self.end > now {
            return Some(self.end);
        }
        // What the store has said to a thread that was kept busy may have been there in time: the
        // connection that it drives itself comes first.
        if self.last || now < self.end + LATE {
            return None;
        }
        self.last = true;
        Some(now + LATE)
    }
}

impl<F: Future + Unpin> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.future).poll(cx) {
            return Poll::Ready(Some(output));
        }
        loop {
            ready!(this.wait.poll(cx.waker()));
            let Some(end) = this.more() else {
                return Poll::Ready(None);
            };
            this.wait = Wait::until(end);
        }
    }
}

/// Somebody who waits for a look-up.
pub(crate) struct Looking {
    found: Arc<dyn Found>,
    place: Place,
}

impl Looking {
    pub(crate) fn new(found: Arc<dyn Found>) -> Self {
        Self {
            found,
            place: Place::default(),
        }
    }
}

impl Future for Looking {
    type Output = Result<LookedUp, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.found.poll(&mut this.place, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::timer;
    use std::{cell::Cell, future::pending, task::Waker};

    const LIMIT: Duration = Duration::from_millis(20);

    /// Keeps this thread busy until then.
    fn busy_until(end: Instant) {
        while Instant::now() < end {}
    }

    fn poll<F: Future + Unpin>(within: &mut Within<F>) -> Poll<Option<F::Output>> {
        Pin::new(within).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn who_is_on_time_waits_no_longer() {
        timer::start().unwrap();
        let now = Instant::now();
        let within = Within::new(pending::<()>(), BatchStart::now(), LIMIT, now);
        let mut within = Box::pin(within);
        assert_eq!(within.as_mut().await, None);
        assert!(now.elapsed() >= LIMIT);
    }

    /// The store has answered in time, and the thread that would have read it was kept busy.
    #[test]
    fn who_was_kept_busy_looks_once_more() {
        timer::start().unwrap();
        let (said, now) = (Cell::new(false), Instant::now());
        let answer = std::future::poll_fn(|_| {
            if said.get() {
                Poll::Ready("in time")
            } else {
                Poll::Pending
            }
        });
        let mut within = Within::new(answer, BatchStart::now(), LIMIT, now);
        assert!(poll(&mut within).is_pending());
        busy_until(now + LIMIT + 2 * LATE);
        assert!(poll(&mut within).is_pending());
        said.set(true);
        assert_eq!(poll(&mut within), Poll::Ready(Some("in time")));
    }

    #[test]
    fn once_more_is_not_for_ever() {
        timer::start().unwrap();
        let now = Instant::now();
        let mut within = Within::new(pending::<()>(), BatchStart::now(), LIMIT, now);
        assert!(poll(&mut within).is_pending());
        for _ in 0..2 {
            busy_until(Instant::now() + LIMIT + 2 * LATE);
            if poll(&mut within).is_ready() {
                return;
            }
        }
        panic!("it waits still");
    }
}
