//! Waiting for one of two things.

use crate::cache::Inner;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

/// What `one` comes to, or as an error what `other` does, if that is ready first.
pub(crate) async fn either<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> Result<A, B> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => other.as_mut().poll(cx).map(Err),
    })
    .await
}

/// What `future` comes to, or `None` when `limit` is over first.
pub(crate) async fn within<F: Future>(
    shared: &Inner,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    either(future, shared.clock.sleep(limit)).await.ok()
}
