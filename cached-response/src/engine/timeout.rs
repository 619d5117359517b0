//! Waiting for one of two things.

use crate::cache::Inner;
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{self, AssertUnwindSafe},
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

/// What an attempt came to.
pub(crate) enum Outcome<T> {
    Made(T),
    TooLong,
    /// Caught, to be thrown on where nothing can stand in.
    Panicked(Box<dyn Any + Send>),
}

/// Polls `run` until it has made something or `limit` is over. Its panics are caught where there
/// is something to `stand_in` for it.
pub(crate) async fn attempt<F: Future>(
    run: F,
    limit: impl Future<Output = ()>,
    stand_in: bool,
) -> Outcome<F::Output> {
    let mut run = pin!(run);
    let mut limit = pin!(limit);
    poll_fn(|cx| {
        let mut poll = || run.as_mut().poll(cx);
        let polled = if stand_in {
            // Whatever the panic left broken is dropped with the run.
            panic::catch_unwind(AssertUnwindSafe(poll))
        } else {
            Ok(poll())
        };
        match polled {
            Ok(Poll::Ready(made)) => Poll::Ready(Outcome::Made(made)),
            Ok(Poll::Pending) => limit.as_mut().poll(cx).map(|()| Outcome::TooLong),
            Err(panic) => Poll::Ready(Outcome::Panicked(panic)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[actix_web::test]
    async fn an_attempt_comes_to_what_its_run_makes() {
        let outcome = attempt(ready(7), pending(), false).await;
        assert!(matches!(outcome, Outcome::Made(7)));
    }

    #[actix_web::test]
    async fn a_run_that_is_ready_is_not_too_long() {
        let outcome = attempt(ready(7), ready(()), false).await;
        assert!(matches!(outcome, Outcome::Made(7)));
    }

    #[actix_web::test]
    async fn a_run_is_given_up_when_its_limit_is_over() {
        let outcome = attempt(pending::<()>(), ready(()), true).await;
        assert!(matches!(outcome, Outcome::TooLong));
    }

    #[actix_web::test]
    async fn a_panic_is_caught_where_something_can_stand_in() {
        let outcome = attempt(async { panic!("meant") }, pending(), true).await;
        let Outcome::<()>::Panicked(panic) = outcome else {
            panic!("it was not caught");
        };
        assert_eq!(panic.downcast_ref(), Some(&"meant"));
    }
}
