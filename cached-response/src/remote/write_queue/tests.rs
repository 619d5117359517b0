use super::*;
use crate::{
    store::error::StoreErrorKind,
    testing::mock_store::{Behaviour, Listener, MockStore, Told, soon},
};
use actix_web::web::Bytes;

const PAGE: usize = 8 << 10;

/// Whose writes have more time than any of these tests takes.
fn patient(mood: Behaviour) -> (Queue, Arc<MockStore>, Listener) {
    let (store, told) = MockStore::new(mood);
    let queue = Queue::with_limit(calls(&store), Duration::from_secs(30));
    (queue, store, told)
}

fn calls(store: &Arc<MockStore>) -> RemoteClient {
    RemoteClient::new(store.clone(), "the probe".into(), Vec::new())
}

impl Queue {
    fn set(&self, name: impl fmt::Display + Copy) {
        let name = format!("{name}");
        self.push(PAGE, |store| {
            Box::pin(async move { store.set(&name, Bytes::new(), LIMIT).await })
        });
    }

    fn bytes(&self) -> usize {
        lock(&self.0.state).bytes
    }

    /// What was written, and what was dropped.
    fn done(&self) -> (u64, u64) {
        let stats = self.0.calls.stats();
        (stats.written, stats.dropped)
    }
}

#[tokio::test]
async fn what_is_pushed_is_written_in_its_order() {
    let (queue, _, mut told) = patient(Behaviour::Answer);
    (0..100).for_each(|n| queue.set(n));
    for n in 0..100 {
        assert_eq!(told.begun().await, n.to_string());
    }
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((100, 0), 0));
}

#[tokio::test]
async fn a_queue_without_work_is_idle() {
    let (queue, ..) = patient(Behaviour::Answer);
    soon(queue.idle()).await;
}

#[tokio::test]
async fn a_few_are_written_at_a_time() {
    let (queue, store, mut told) = patient(Behaviour::Hold);
    (0..40).for_each(|n| queue.set(n));
    for _ in 0..AT_A_TIME {
        told.begun().await;
    }
    store.let_go(1);
    assert_eq!(told.next().await, Told::Gone("0".into()));
    assert_eq!(told.next().await, Told::Begun(AT_A_TIME.to_string()));
    store.let_go(39);
    soon(queue.idle()).await;
    assert_eq!((queue.done(), store.most()), ((40, 0), AT_A_TIME));
}

/// A store that swallows everything fills no memory.
#[tokio::test]
async fn what_a_store_does_not_take_is_bounded_and_the_rest_is_dropped() {
    let (queue, store, _told) = patient(Behaviour::Hold);
    let fits = ROOM / PAGE;
    (0..fits + 100).for_each(|n| queue.set(n));
    assert_eq!((queue.bytes(), queue.done()), (ROOM, (0, 100)));
    store.let_go(fits + 1);
    soon(queue.idle()).await;
    assert_eq!((queue.bytes(), queue.done()), (0, (fits as u64, 100)));
    queue.set("there is room again");
    soon(queue.idle()).await;
    assert_eq!(queue.done(), (fits as u64 + 1, 100));
}

#[tokio::test]
async fn what_is_larger_than_all_room_is_dropped() {
    let (queue, ..) = patient(Behaviour::Answer);
    for bytes in [ROOM + 1, usize::MAX] {
        queue.push(bytes, |_| Box::pin(async { Ok(()) }));
    }
    queue.push(ROOM, |_| Box::pin(async { Ok(()) }));
    soon(queue.idle()).await;
    assert_eq!(queue.done(), (1, 2));
}

#[tokio::test]
async fn nothing_waits_for_a_store_that_fails() {
    let (queue, store, mut told) = patient(Behaviour::Fail(StoreErrorKind::Unreachable));
    (0..200).for_each(|n| queue.set(n));
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 200), 0));
    let calls = queue.0.calls.stats().calls;
    assert!(calls <= AT_A_TIME as u64 + 2, "{calls}: the third opens it");
    store.be(Behaviour::Hang);
    told.unheard();
    queue.set("at once");
    assert_eq!((queue.done(), queue.bytes()), ((0, 201), 0));
    assert_eq!(told.begun().await, "the probe", "nothing else is asked");
}

#[tokio::test]
async fn a_write_that_takes_too_long_is_given_up() {
    let (store, _told) = MockStore::new(Behaviour::Hang);
    let queue = Queue::new(calls(&store));
    queue.set("hangs");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 1), 0));
    assert_eq!(queue.0.calls.stats().slow, 1);
    store.be(Behaviour::Answer);
    queue.set("is done");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((1, 1), 0));
}

#[tokio::test]
async fn a_write_that_panics_takes_no_other_along() {
    let (queue, store, _told) = patient(Behaviour::Panic);
    queue.set("panics");
    queue.push(PAGE, |_| std::panic::resume_unwind(Box::new("so soon")));
    soon(queue.idle()).await;
    store.be(Behaviour::Answer);
    queue.set("is done");
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((1, 2), 0));
}

#[tokio::test]
async fn what_waits_is_written_when_its_cache_is_gone() {
    let (queue, store, mut told) = patient(Behaviour::Hold);
    (0..40).for_each(|n| queue.set(n));
    drop(queue);
    store.let_go(40);
    for _ in 0..40 {
        told.gone().await;
    }
}

#[tokio::test]
async fn where_nobody_can_work_all_that_waits_is_dropped() {
    let (queue, ..) = patient(Behaviour::Answer);
    for _ in 0..2 {
        let write = |_| -> StoreFuture<'static, ()> { Box::pin(async { Ok(()) }) };
        assert!(matches!(queue.0.take_in(PAGE, write), Slot::ForAWorker));
    }
    queue.0.give_up();
    queue.0.give_up();
    soon(queue.idle()).await;
    assert_eq!((queue.done(), queue.bytes()), ((0, 2), 0));
}
