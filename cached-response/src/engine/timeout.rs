//! Races of two futures: a timeout on the cache's clock, and a run with a limit.

use crate::cache::Inner;
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{self, AssertUnwindSafe},
    pin::pin,
    task::Poll,
    time::Duration,
};

/// Returns the output of `one`, or as an error that of `other`, if it is ready first.
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

/// Returns the output of `future`, or `None` when `limit` is over first.
pub(crate) async fn timeout<F: Future>(
    shared: &Inner,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    either(future, shared.clock.sleep(limit)).await.ok()
}

/// The end of a guarded run.
pub(crate) enum RunEnd<T> {
    Finished(T),
    TimedOut,
    /// A caught panic, to be resumed where there is no fallback.
    Panicked(Box<dyn Any + Send>),
}

/// Polls `run` until it is finished or `limit` is over. Panics are caught where there is a fallback.
pub(crate) async fn run_guarded<F: Future>(
    run: F,
    limit: impl Future<Output = ()>,
    has_fallback: bool,
) -> RunEnd<F::Output> {
    let mut run = pin!(run);
    let mut limit = pin!(limit);
    poll_fn(|cx| {
        let mut poll = || run.as_mut().poll(cx);
        let polled = if has_fallback {
            // State that the panic left broken is dropped with the run.
            panic::catch_unwind(AssertUnwindSafe(poll))
        } else {
            Ok(poll())
        };
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(RunEnd::Finished(output)),
            Ok(Poll::Pending) => limit.as_mut().poll(cx).map(|()| RunEnd::TimedOut),
            Err(panic) => Poll::Ready(RunEnd::Panicked(panic)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[actix_web::test]
    async fn a_finished_run_returns_its_output() {
        let outcome = run_guarded(ready(7), pending(), false).await;
        assert!(matches!(outcome, RunEnd::Finished(7)));
    }

    #[actix_web::test]
    async fn a_run_that_is_ready_has_not_timed_out() {
        let outcome = run_guarded(ready(7), ready(()), false).await;
        assert!(matches!(outcome, RunEnd::Finished(7)));
    }

    #[actix_web::test]
    async fn a_run_times_out_at_its_limit() {
        let outcome = run_guarded(pending::<()>(), ready(()), true).await;
        assert!(matches!(outcome, RunEnd::TimedOut));
    }

    #[actix_web::test]
    async fn a_panic_is_caught_where_there_is_a_fallback() {
        let outcome = run_guarded(async { panic!("meant") }, pending(), true).await;
        let RunEnd::<()>::Panicked(panic) = outcome else {
            panic!("the panic was not caught");
        };
        assert_eq!(panic.downcast_ref(), Some(&"meant"));
    }
}
