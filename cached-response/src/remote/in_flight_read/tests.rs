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

/// A store with a connection at hand: what it has when a look-up goes is found.
struct AtHand {
    asked: AtomicU64,
    last: Mutex<BatchStart>,
}

impl Store for AtHand {
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
        let number = self.asked.fetch_add(1, SeqCst) + 1;
        let begun = self.last.lock().unwrap().clone();
        let kept = StoredValue::new(number.to_string().into(), Duration::from_secs(1));
        Some(Prompt {
            begun,
            found: Arc::new(There(kept)),
        })
    }
}

/// What was found.
struct There(StoredValue);

impl Found for There {
    fn poll(&self, _: &mut Place, _: &Context<'_>) -> Poll<Result<LookedUp, StoreError>> {
        Poll::Ready(Ok((Some(self.0.clone()), SmallValues::default())))
    }
}

impl AtHand {
    fn new() -> Self {
        Self {
            asked: AtomicU64::new(0),
            last: Mutex::new(BatchStart::by(|| {})),
        }
    }

    /// What was asked for goes; what is asked for from now on is another batch.
    fn go(&self) {
        let mut last = self.last.lock().unwrap();
        last.begin();
        *last = BatchStart::by(|| {});
    }
}

fn errand() -> Arc<RemoteKey> {
    Arc::new(RemoteKey::named("errand"))
}

async fn number(prompt: Prompt) -> Result<String, StoreError> {
    let mut place = Place::default();
    let (kept, _) = poll_fn(|cx| prompt.found.poll(&mut place, cx)).await?;
    Ok(String::from_utf8(kept.unwrap().bytes.to_vec()).unwrap())
}

#[actix_web::test]
async fn who_comes_before_it_has_gone_joins_a_look_up() {
    let (store, errand) = (AtHand::new(), errand());
    let [one, other] = [(); 2].map(|()| look_up(&store, &errand, 9, false).unwrap());
    store.go();
    assert_eq!(number(one).await.unwrap(), "1");
    assert_eq!(number(other).await.unwrap(), "1");
}

#[actix_web::test]
async fn who_comes_after_it_has_gone_looks_anew() {
    let (store, errand) = (AtHand::new(), errand());
    let early = look_up(&store, &errand, 9, false).unwrap();
    store.go();
    let late = look_up(&store, &errand, 9, false).unwrap();
    assert_eq!(number(late).await.unwrap(), "2");
    assert_eq!(number(early).await.unwrap(), "1");
}

#[actix_web::test]
async fn another_errand_and_another_length_are_looked_up_by_themselves() {
    let (store, one, other) = (AtHand::new(), errand(), errand());
    let looked = [(&one, 9), (&other, 9), (&one, 8)];
    let found = looked.map(|(errand, limit)| look_up(&store, errand, limit, false).unwrap());
    for (found, expected) in found.into_iter().zip(["1", "2", "3"]) {
        assert_eq!(number(found).await.unwrap(), expected);
    }
}

#[actix_web::test]
async fn who_leaves_takes_nothing_from_the_others() {
    let (store, errand) = (AtHand::new(), errand());
    let first = look_up(&store, &errand, 9, false).unwrap();
    let second = look_up(&store, &errand, 9, false).unwrap();
    drop(first);
    assert_eq!(number(second).await.unwrap(), "1");
    // Nobody waits for that one any more, though it has not gone.
    assert_eq!(
        number(look_up(&store, &errand, 9, false).unwrap())
            .await
            .unwrap(),
        "2"
    );
}

#[test]
fn what_has_gone_is_not_kept() {
    let (store, errand) = (AtHand::new(), errand());
    for _ in 0..100 {
        let _found = look_up(&store, &errand, 9, false).unwrap();
        store.go();
    }
    assert_eq!(SOUGHT.with(|sought| sought.borrow().len()), 1);
}
