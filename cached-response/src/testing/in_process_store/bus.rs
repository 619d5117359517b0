//! Who listens to a store in this process.

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

/// All who listen, on any channel.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<All>);

#[derive(Default)]
struct All {
    ears: Vec<(String, Weak<Ear>)>,
    silent: bool,
}

impl Subscribers {
    pub(crate) fn listen(&self, channel: &str) -> Listener {
        let ear = Arc::<Ear>::default();
        let entry = (channel.to_owned(), Arc::downgrade(&ear));
        self.all().ears.push(entry);
        Listener(ear)
    }

    pub(crate) fn tell(&self, channel: &str, message: &Bytes) {
        let mut all = self.all();
        all.ears.retain(|(_, ear)| ear.strong_count() > 0);
        if all.silent {
            return;
        }
        let listening = all.ears.iter().filter(|(theirs, _)| theirs == channel);
        for ear in listening.filter_map(|(_, ear)| ear.upgrade()) {
            ear.change(|heard| heard.messages.push_back(message.clone()));
        }
    }

    pub(crate) fn silence(&self, silent: bool) {
        self.all().silent = silent;
    }

    /// Ends all that listen, with an error.
    pub(crate) fn cut(&self) {
        for (_, ear) in self.all().ears.drain(..) {
            if let Some(ear) = ear.upgrade() {
                ear.change(|heard| heard.over = true);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Ear(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    messages: VecDeque<Bytes>,
    over: bool,
    waker: Option<Waker>,
}

impl Ear {
    fn change(&self, change: impl FnOnce(&mut Heard)) {
        let waker = {
            let mut heard = self.heard();
            change(&mut heard);
            heard.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<Bytes, StoreError>> {
        let mut heard = self.heard();
        if let Some(message) = heard.messages.pop_front() {
            return Poll::Ready(Ok(message));
        }
        if heard.over {
            let error = StoreError::new(StoreErrorKind::Unreachable, "the bus was cut");
            return Poll::Ready(Err(error));
        }
        heard.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that listens.
pub(crate) struct Listener(Arc<Ear>);

impl Subscription for Listener {
    fn next(&mut self) -> StoreFuture<'_, Bytes> {
        Box::pin(poll_fn(|cx| self.0.poll(cx)))
    }
}
