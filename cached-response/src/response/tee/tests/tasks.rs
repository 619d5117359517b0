//! Copies driven by a task of their own, or, where there can be none, by the client.

use std::{
    cell::RefCell,
    future::poll_fn,
    panic::{self, AssertUnwindSafe},
    pin::pin,
    rc::Rc,
    thread,
};

use actix_web::{
    body::{self, BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use tokio::{sync::oneshot, task::LocalSet};

use crate::response::tee::{
    TeeOutcome,
    tests::script::{Feed, Log, Read, Step, copy, generous, log, read, read_all, whole},
};

/// Copies `feed`, and returns the outcomes.
fn copied(feed: &Feed) -> (BoxBody, oneshot::Receiver<TeeOutcome>) {
    let (land, landed) = oneshot::channel();
    let body = copy(feed.body(BodySize::Stream), generous(), |copied| {
        land.send(copied).unwrap();
    });
    (body, landed)
}

async fn next(body: &mut BoxBody) -> Option<Bytes> {
    let mut body = pin!(body);
    let next = poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    next.map(Result::unwrap)
}

#[actix_web::test]
async fn each_chunk_is_out_before_the_next_one_is_made() {
    let feed = Feed::default();
    let (mut body, landed) = copied(&feed);
    for chunk in ["a", "bc"] {
        feed.add(Step::Chunk(chunk));
        assert_eq!(next(&mut body).await.unwrap(), chunk);
    }
    feed.add(Step::End);
    assert_eq!(next(&mut body).await, None);
    assert_eq!(landed.await.unwrap(), whole("abc"));
}

#[actix_web::test]
async fn a_copy_continues_without_a_reader() {
    let feed = Feed::of(&[Step::Chunk("a"), Step::Wait, Step::Chunk("b"), Step::End]);
    let (body, landed) = copied(&feed);
    assert_eq!(landed.await.unwrap(), whole("ab"));
    assert_eq!(body::to_bytes(body).await.unwrap(), "ab");
}

#[actix_web::test]
async fn a_copy_continues_after_its_client_left() {
    let feed = Feed::default();
    let (mut body, landed) = copied(&feed);
    feed.add(Step::Chunk("a"));
    assert_eq!(next(&mut body).await.unwrap(), "a");
    drop(body);
    feed.add(Step::Chunk("b"));
    feed.add(Step::End);
    assert_eq!(landed.await.unwrap(), whole("ab"));
}

#[actix_web::test]
async fn a_panic_after_any_chunk_is_an_error_for_the_client_and_nothing_else() {
    for count in 0..3 {
        let feed = Feed::of(&vec![Step::Chunk("a"); count]);
        let (body, landed) = copied(&feed);
        feed.add(Step::Panic);
        assert_eq!(landed.await.unwrap(), TeeOutcome::Failed);
        let mut body = body;
        let (text, end) = read_all(&mut body);
        assert_eq!(text, "a".repeat(count));
        assert!(matches!(end, Read::Error(_)), "{end:?}");
        assert!(!feed.has_body());
    }
}

#[actix_web::test]
async fn a_client_that_waits_is_woken_by_a_panic() {
    let feed = Feed::default();
    let (body, _landed) = copied(&feed);
    let reading = actix_web::rt::spawn(body::to_bytes(body));
    tokio::task::yield_now().await;
    feed.add(Step::Panic);
    assert!(reading.await.unwrap().is_err());
}

#[test]
fn a_copy_in_progress_fails_when_its_runtime_ends() {
    let landed = Log::default();
    let feed = Feed::of(&[Step::Chunk("a")]);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let tasks = LocalSet::new();
    let source = feed.body(BodySize::Stream);
    let land = log(&landed);
    let body = tasks.spawn_local(async move { copy(source, generous(), land) });
    let mut body = tasks.block_on(&runtime.unwrap(), async {
        let mut body = body.await.unwrap();
        assert_eq!(next(&mut body).await.unwrap(), "a");
        body
    });
    assert!(landed.borrow().is_empty());
    drop(tasks);
    assert_eq!(landed.take(), [TeeOutcome::Failed]);
    assert!(matches!(read(&mut body), Read::Error(_)));
}

#[tokio::test]
async fn without_a_local_runtime_the_clients_polls_drive_the_copy() {
    let feed = Feed::of(&[Step::Chunk("a"), Step::Wait, Step::Chunk("b"), Step::End]);
    let (mut body, landed) = copied(&feed);
    tokio::task::yield_now().await;
    assert_eq!(feed.polls(), 0);
    assert_eq!(next(&mut body).await.unwrap(), "a");
    assert_eq!(next(&mut body).await.unwrap(), "b");
    assert_eq!(next(&mut body).await, None);
    assert_eq!(landed.await.unwrap(), whole("ab"));
}

#[tokio::test]
async fn without_a_local_runtime_a_body_of_many_batches_is_copied() {
    let mut steps = vec![Step::Chunk("x"); 1000];
    steps.push(Step::End);
    let (body, landed) = copied(&Feed::of(&steps));
    assert_eq!(body::to_bytes(body).await.unwrap(), "x".repeat(1000));
    assert_eq!(landed.await.unwrap(), whole(&"x".repeat(1000)));
}

#[test]
fn without_a_local_runtime_a_copy_leaves_with_its_client() {
    let joined = thread::spawn(|| {
        let (feed, landed) = (Feed::of(&[Step::Chunk("a")]), Log::default());
        let mut body = copy(feed.body(BodySize::Stream), generous(), log(&landed));
        assert_eq!(read(&mut body), Read::chunk("a"));
        assert_eq!(read(&mut body), Read::Pending);
        drop(body);
        assert_eq!(landed.take(), [TeeOutcome::Failed]);
        assert!(!feed.has_body());
    });
    joined.join().unwrap();
}

#[test]
fn without_a_local_runtime_a_panic_reaches_the_connection_as_without_a_copy() {
    let joined = thread::spawn(|| {
        let feed = Feed::of(&[Step::Chunk("a"), Step::Wait, Step::Panic]);
        let landed = Log::default();
        let mut body = copy(feed.body(BodySize::Stream), generous(), log(&landed));
        assert_eq!(read(&mut body), Read::chunk("a"));
        let unwound = panic::catch_unwind(AssertUnwindSafe(|| read(&mut body)));
        assert!(unwound.is_err());
        assert_eq!(landed.take(), [TeeOutcome::Failed]);
    });
    joined.join().unwrap();
}

#[actix_web::test]
async fn the_callback_of_a_copy_may_drop_the_client() {
    let held = Rc::new(RefCell::new(None));
    let (done, landed) = oneshot::channel();
    let land = {
        let held = Rc::clone(&held);
        move |copied| {
            held.take();
            done.send(copied).unwrap();
        }
    };
    let feed = Feed::of(&[Step::Chunk("a"), Step::End]);
    let body = copy(feed.body(BodySize::Stream), generous(), land);
    held.replace(Some(body));
    assert_eq!(landed.await.unwrap(), whole("a"));
}
