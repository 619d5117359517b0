use super::*;
use crate::{
    store::{
        error::{LookedUp, StoreError, StoreFuture, StoredValue},
        small_values::SmallValues,
    },
    util::shared_oneshot::Place,
};
use actix_web::web::Bytes;
use std::{
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

/// Store with a connection on this thread, which reads the value of the time when the batch starts.
struct PromptStore {
    lookups: AtomicU64,
    last: Mutex<BatchStart>,
}

impl Store for PromptStore {
    fn get<'a>(&'a self, _: &'a str, _: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async { Ok(None) })
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, _: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn look_up_promptly(&self, _: Question<'_>) -> Option<Prompt> {
        let number = self.lookups.fetch_add(1, SeqCst) + 1;
        let batch = self.last.lock().unwrap().clone();
        let kept = StoredValue::new(number.to_string().into(), Duration::from_secs(1));
        Some(Prompt {
            begun: batch,
            found: Arc::new(ReadyValue(kept)),
        })
    }
}

/// Result that is ready.
struct ReadyValue(StoredValue);

impl Found for ReadyValue {
    fn poll(&self, _: &mut Place, _: &Context<'_>) -> Poll<Result<LookedUp, StoreError>> {
        Poll::Ready(Ok((Some(self.0.clone()), SmallValues::default())))
    }
}

impl PromptStore {
    fn new() -> Self {
        Self {
            lookups: AtomicU64::new(0),
            last: Mutex::new(BatchStart::by(|| {})),
        }
    }

    /// Starts the batch; later look-ups belong to another one.
    fn go(&self) {
        let mut last = self.last.lock().unwrap();
        last.begin();
        *last = BatchStart::by(|| {});
    }
}

fn key() -> Arc<RemoteKey> {
    Arc::new(RemoteKey::named("key"))
}

async fn number(prompt: Prompt) -> Result<String, StoreError> {
    let mut place = Place::default();
    let (kept, _) = poll_fn(|cx| prompt.found.poll(&mut place, cx)).await?;
    Ok(String::from_utf8(kept.unwrap().bytes.to_vec()).unwrap())
}

#[actix_web::test]
async fn a_request_before_the_batch_starts_joins_the_look_up() {
    let (store, key) = (PromptStore::new(), key());
    let [one, other] = [(); 2].map(|()| look_up(&store, &key, 9, false).unwrap());
    store.go();
    assert_eq!(number(one).await.unwrap(), "1");
    assert_eq!(number(other).await.unwrap(), "1");
}

#[actix_web::test]
async fn a_request_after_the_batch_has_started_looks_up_again() {
    let (store, key) = (PromptStore::new(), key());
    let early = look_up(&store, &key, 9, false).unwrap();
    store.go();
    let late = look_up(&store, &key, 9, false).unwrap();
    assert_eq!(number(late).await.unwrap(), "2");
    assert_eq!(number(early).await.unwrap(), "1");
}

#[actix_web::test]
async fn other_keys_and_other_limits_are_looked_up_on_their_own() {
    let (store, one, other) = (PromptStore::new(), key(), key());
    let looked = [(&one, 9), (&other, 9), (&one, 8)];
    let found = looked.map(|(key, limit)| look_up(&store, key, limit, false).unwrap());
    for (found, expected) in found.into_iter().zip(["1", "2", "3"]) {
        assert_eq!(number(found).await.unwrap(), expected);
    }
}

#[actix_web::test]
async fn a_waiter_that_leaves_does_not_cancel_the_look_up() {
    let (store, key) = (PromptStore::new(), key());
    let first = look_up(&store, &key, 9, false).unwrap();
    let second = look_up(&store, &key, 9, false).unwrap();
    drop(first);
    assert_eq!(number(second).await.unwrap(), "1");
    // It has no waiter left, although it has not started.
    assert_eq!(
        number(look_up(&store, &key, 9, false).unwrap())
            .await
            .unwrap(),
        "2"
    );
}

#[test]
fn look_ups_that_have_started_are_forgotten() {
    let (store, key) = (PromptStore::new(), key());
    for _ in 0..100 {
        let _found = look_up(&store, &key, 9, false).unwrap();
        store.go();
    }
    assert_eq!(IN_FLIGHT.with(|in_flight| in_flight.borrow().len()), 1);
}
