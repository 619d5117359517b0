//! Calls that are dropped at any point leave the store usable.

use crate::{
    store::error::StoreFuture,
    testing::store_conformance::{HOUR, Subject, completes},
};
use actix_web::web::Bytes;
use std::{future::poll_fn, task::Poll};
use tokio::task::yield_now;

/// Maximum number of polls before a call is dropped.
const MAX_POLLS: usize = 24;

pub(crate) async fn check(subject: &Subject) {
    let (name, witness) = (subject.name("dropped"), subject.name("witness"));
    let old = Bytes::from(vec![b'o'; 100_000]);
    let new = Bytes::from(vec![b'n'; 100_000]);
    subject.set(&witness, "witness", HOUR).await;
    for polls in 0..MAX_POLLS {
        subject.set(&name, old.clone(), HOUR).await;
        poll_and_drop(subject.one.get(&name, 200_000), polls).await;
        is_usable(subject, &witness).await;
        poll_and_drop(subject.one.set(&name, new.clone(), HOUR), polls).await;
        is_usable(subject, &witness).await;
        let found = completes("get", subject.one.get(&name, 200_000)).await;
        assert!(
            found.is_some_and(|found| found.bytes == old || found.bytes == new),
            "after a `set` was dropped, neither the old value nor the new one was found"
        );
        poll_and_drop(subject.one.delete(&name), polls).await;
        is_usable(subject, &witness).await;
    }
    // Without a read afterwards: a dropped call may still be on its way.
    completes("delete_many", subject.one.delete_many(&[name, witness])).await;
}

async fn poll_and_drop<T>(mut call: StoreFuture<'_, T>, polls: usize) {
    for _ in 0..polls {
        if poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await {
            return;
        }
        yield_now().await;
    }
}

async fn is_usable(subject: &Subject, witness: &str) {
    let found = completes("get", subject.one.get(witness, 64)).await;
    let found = found.map(|found| found.bytes);
    assert!(
        found.as_deref() == Some(b"witness"),
        "after a call was dropped, `get` of something else has found {found:?} instead of \
         \"witness\": each call may be dropped at any point"
    );
}
