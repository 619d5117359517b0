//! Several calls at once.

use crate::store::error::{StoreError, StoreFuture};
use std::{future::poll_fn, task::Poll};

/// What they come to, in their order; or the first error.
pub(crate) async fn all<T>(mut calls: Vec<StoreFuture<'_, T>>) -> Result<Vec<T>, StoreError> {
    let mut outcomes: Vec<Option<T>> = calls.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut all_are_there = true;
        for (call, outcome) in calls.iter_mut().zip(&mut outcomes) {
            if outcome.is_some() {
                continue;
            }
            match call.as_mut().poll(cx)? {
                Poll::Ready(value) => *outcome = Some(value),
                Poll::Pending => all_are_there = false,
            }
        }
        if all_are_there {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    })
    .await?;
    Ok(outcomes.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::StoreErrorKind;
    use tokio::task::yield_now;

    fn after(turns: usize, outcome: Result<usize, StoreError>) -> StoreFuture<'static, usize> {
        Box::pin(async move {
            for _ in 0..turns {
                yield_now().await;
            }
            outcome
        })
    }

    #[actix_web::test]
    async fn outcomes_are_in_the_order_of_the_calls() {
        let calls = vec![after(3, Ok(1)), after(0, Ok(2)), after(1, Ok(3))];
        assert_eq!(all(calls).await, Ok(vec![1, 2, 3]));
        assert_eq!(all::<usize>(Vec::new()).await, Ok(Vec::new()));
    }

    #[actix_web::test]
    async fn the_first_error_is_the_outcome_of_all() {
        let error = |words| StoreError::new(StoreErrorKind::Unreachable, words);
        let calls = vec![
            after(9, Err(error("late"))),
            after(0, Ok(1)),
            after(2, Err(error("early"))),
        ];
        assert_eq!(all(calls).await, Err(error("early")));
    }
}
