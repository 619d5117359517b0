use super::*;
use crate::{
    store::StoreErrorKind,
    testing::mock_store::{Behaviour, CallEvent, Events, MockStore, soon},
};
use actix_web::web::Bytes;

const PAGE: usize = 8 << 10;

/// Queue whose writes have more time than any of these tests takes.
fn queue(behaviour: Behaviour) -> (WriteQueue, Arc<MockStore>, Events) {
    let (store, events) = MockStore::new(behaviour);
    let queue = WriteQueue::with_timeout(client(&store), Duration::from_secs(30));
    (queue, store, events)
}

fn client(store: &Arc<MockStore>) -> RemoteClient {
    RemoteClient::new(store.clone(), "the probe".into(), Vec::new())
}

impl WriteQueue {
    fn set(&self, name: impl fmt::Display + Copy) {
        let name = format!("{name}");
        self.push(PAGE, |store| {
            Box::pin(async move { store.set(&name, Bytes::new(), WRITE_TIMEOUT).await })
        });
    }

    fn bytes(&self) -> usize {
        lock(&self.0.state).bytes
    }

    /// Returns the numbers of written and of dropped writes.
    fn done(&self) -> (u64, u64) {
        let stats = self.0.client.stats();
        (stats.written, stats.dropped)
    }
}

#[tokio::test]
async fn writes_are_done_in_order() {
    let (queue, _, mut events) = queue(Behaviour::Answer);
    (0..100).for_each(|n| queue.set(n));
    for n in 0..100 {
        assert_eq!(events.started().await, n.to_string());
    }
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((100, 0), 0));
}

#[tokio::test]
async fn a_queue_without_work_is_idle() {
    let (queue, ..) = queue(Behaviour::Answer);
    soon(queue.idle()).await;
}

#[tokio::test]
async fn the_number_of_concurrent_writes_is_bounded() {
    let (queue, store, mut events) = queue(Behaviour::Hold);
    (0..40).for_each(|n| queue.set(n));
    for _ in 0..MAX_WORKERS {
        events.started().await;
    }
    store.release(1);
    assert_eq!(events.next().await, CallEvent::Ended("0".into()));
    assert_eq!(
        events.next().await,
        CallEvent::Started(MAX_WORKERS.to_string())
    );
    store.release(39);
    soon(queue.idle()).await;
    assert_eq!(
        (queue.done(), store.max_concurrent()),
        ((40, 0), MAX_WORKERS)
    );
}

/// A store that does not answer does not fill the memory.
#[tokio::test]
async fn queued_bytes_are_bounded_and_the_rest_is_dropped() {
    let (queue, store, _events) = queue(Behaviour::Hold);
    let fits = MAX_BYTES / PAGE;
    (0..fits + 100).for_each(|n| queue.set(n));
    assert_eq!((queue.bytes(), queue.done()), (MAX_BYTES, (0, 100)));
    store.release(fits + 1);
    soon(queue.idle()).await;
    assert_eq!((queue.bytes(), queue.done()), (0, (fits as u64, 100)));
    queue.set("fits again");
    soon(queue.idle()).await;
    assert_eq!(queue.done(), (fits as u64 + 1, 100));
}

#[tokio::test]
async fn a_write_larger_than_the_queue_is_dropped() {
    let (queue, ..) = queue(Behaviour::Answer);
    for bytes in [MAX_BYTES + 1, usize::MAX] {
        queue.push(bytes, |_| Box::pin(async { Ok(()) }));
    }
    queue.push(MAX_BYTES, |_| Box::pin(async { Ok(()) }));
    soon(queue.idle()).await;
    assert_eq!(queue.done(), (1, 2));
}

#[tokio::test]
async fn writes_are_dropped_while_the_breaker_is_open() {
    let (queue, store, mut events) = queue(Behaviour::Fail(StoreErrorKind::Unreachable));
    (0..200).for_each(|n| queue.set(n));
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 200), 0));
    let calls = queue.0.client.stats().calls;
    assert!(
        calls <= MAX_WORKERS as u64 + 2,
        "{calls}: the third opens the breaker"
    );
    store.set_behaviour(Behaviour::Hang);
    events.drain();
    queue.set("at once");
    assert_eq!((queue.done(), queue.bytes()), ((0, 201), 0));
    assert_eq!(events.started().await, "the probe", "no write is sent");
}

#[tokio::test]
async fn a_write_is_dropped_at_its_timeout() {
    let (store, _events) = MockStore::new(Behaviour::Hang);
    let queue = WriteQueue::new(client(&store));
    queue.set("hangs");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 1), 0));
    assert_eq!(queue.0.client.stats().slow, 1);
    store.set_behaviour(Behaviour::Answer);
    queue.set("is done");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((1, 1), 0));
}

#[tokio::test]
async fn a_write_that_panics_does_not_affect_others() {
    let (queue, store, _events) = queue(Behaviour::Panic);
    queue.set("panics");
    queue.push(PAGE, |_| std::panic::resume_unwind(Box::new("so soon")));
    soon(queue.idle()).await;
    store.set_behaviour(Behaviour::Answer);
    queue.set("is done");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((1, 2), 0));
}

#[tokio::test]
async fn queued_writes_are_done_after_the_last_handle_is_dropped() {
    let (queue, store, mut events) = queue(Behaviour::Hold);
    (0..40).for_each(|n| queue.set(n));
    drop(queue);
    store.release(40);
    for _ in 0..40 {
        events.ended().await;
    }
}

#[tokio::test]
async fn queued_writes_are_dropped_if_no_worker_can_start() {
    let (queue, ..) = queue(Behaviour::Answer);
    for _ in 0..2 {
        let write = |_| -> StoreFuture<'static, ()> { Box::pin(async { Ok(()) }) };
        assert!(matches!(
            queue.0.enqueue(PAGE, write),
            Enqueued::ForNewWorker
        ));
    }
    queue.0.abandon();
    queue.0.abandon();
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 2), 0));
}
