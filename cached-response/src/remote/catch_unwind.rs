//! A store that panics has failed; those who tell it things go on.

use crate::store::error::{StoreError, StoreErrorKind};
use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// What `call` comes to, which is not polled again after a panic.
pub(crate) async fn guarded<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut call = pin!(call);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            let panicked = StoreError::new(StoreErrorKind::Protocol, "the store panicked");
            Poll::Ready(Err(panicked))
        })
    })
    .await
}
