//! The collapse in 100,000 random orders: tasks that join, land, fail, leave in the middle, and
//! invalidate, while the clock runs.

mod cache;
#[path = "../../../../cached-response/src/single_flight/flights/mod.rs"]
mod collapse;
mod sync;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use shuttle::future::{block_on, spawn};
use shuttle::rand::{Rng, thread_rng};

use self::cache::{Cache, Seen};

const ORDERS: usize = 100_000;

#[test]
fn every_invariant_holds_in_random_orders() {
    let seen = Arc::new(Seen::default());
    let counts = Arc::clone(&seen);
    shuttle::check_random(move || block_on(clients_until_idle(&counts)), ORDERS);
    seen.assert_all();
}

/// Three to six clients; it ends when all have an answer or have left.
async fn clients_until_idle(seen: &Arc<Seen>) {
    let cache = Arc::new(Cache::new(Arc::clone(seen)));
    let clients: Vec<_> = (0..thread_rng().gen_range(3..=6))
        .map(|_| spawn(client(Arc::clone(&cache))))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    cache.assert_idle();
}

async fn client(cache: Arc<Cache>) {
    if thread_rng().gen_bool(0.1) {
        cache.invalidate();
    }
    if thread_rng().gen_bool(0.1) {
        cache.pass_time();
    }
    let key = thread_rng().gen_range(0..10) / 8;
    let request = cache.request(key);
    if thread_rng().gen_bool(0.7) {
        return request.await;
    }
    let polls = thread_rng().gen_range(1..6);
    if leave_after(polls, request).await.is_none() {
        cache.seen().left();
    }
}

/// Polls so many times, then drops what it polled.
async fn leave_after<F: Future>(polls: u32, request: F) -> Option<F::Output> {
    let mut request = pin!(request);
    let mut left = polls;
    let answer = poll_fn(move |context| {
        left -= 1;
        match request.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    });
    answer.await
}
