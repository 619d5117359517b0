//! Waiting, with an end.

use crate::machinery::cache::Shared;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

/// What `future` comes to, or `None` when `limit` is over first.
pub(crate) async fn within<F: Future>(
    shared: &Shared,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut over = pin!(shared.clock.sleep(limit));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await
}
