//! Bus of the in-process store.

use crate::store::{
    bus::Subscription,
    error::{StoreError, StoreErrorKind, StoreFuture},
};
use actix_web::web::Bytes;
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

/// Subscriptions of all channels.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<All>);

#[derive(Default)]
struct All {
    queues: Vec<(String, Weak<Queue>)>,
    is_silent: bool,
}

impl Subscribers {
    pub(crate) fn subscribe(&self, channel: &str) -> QueueSubscription {
        let queue = Arc::<Queue>::default();
        let entry = (channel.to_owned(), Arc::downgrade(&queue));
        self.all().queues.push(entry);
        QueueSubscription(queue)
    }

    pub(crate) fn publish(&self, channel: &str, message: &Bytes) {
        let mut all = self.all();
        all.queues.retain(|(_, queue)| queue.strong_count() > 0);
        if all.is_silent {
            return;
        }
        let subscribed = all.queues.iter().filter(|(name, _)| name == channel);
        for queue in subscribed.filter_map(|(_, queue)| queue.upgrade()) {
            queue.change(|state| state.messages.push_back(message.clone()));
        }
    }

    pub(crate) fn silence(&self, is_silent: bool) {
        self.all().is_silent = is_silent;
    }

    /// Ends all subscriptions with an error.
    pub(crate) fn cut(&self) {
        for (_, queue) in self.all().queues.drain(..) {
            if let Some(queue) = queue.upgrade() {
                queue.change(|state| state.is_cut = true);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages of one subscription.
#[derive(Default)]
struct Queue(Mutex<QueueState>);

#[derive(Default)]
struct QueueState {
    messages: VecDeque<Bytes>,
    is_cut: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn change(&self, change: impl FnOnce(&mut QueueState)) {
        let waker = {
            let mut state = self.state();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<Bytes, StoreError>> {
        let mut state = self.state();
        if let Some(message) = state.messages.pop_front() {
            return Poll::Ready(Ok(message));
        }
        if state.is_cut {
            let error = StoreError::new(StoreErrorKind::Unreachable, "the bus was cut");
            return Poll::Ready(Err(error));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct QueueSubscription(Arc<Queue>);

impl Subscription for QueueSubscription {
    fn next(&mut self) -> StoreFuture<'_, Bytes> {
        Box::pin(poll_fn(|cx| self.0.poll(cx)))
    }
}
