//! Values that tasks off the workers get, which may move between threads, such as a job that warms a cache.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use actix_web::rt;
use actix_web::web::{self, Data};
use cached_response::testing::InProcessStore;
use cached_response::{Cacheable, ResponseCache};
use tests::raw::{Request, fetch};
use tests::stage::{Stage, eventually};
use tokio::runtime::{Builder, Handle};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A runtime on a thread of its own, which ends with the process.
fn runtime() -> Handle {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on a thread of its own, as a runtime of several threads may.
fn poll_elsewhere<F>(runtime: &Handle, future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output>
where
    F: Future<Output: Send> + Send,
{
    let poll = || {
        let _entered = runtime.enter();
        future.poll(&mut Context::from_waker(waker))
    };
    thread::scope(|scope| scope.spawn(poll).join()).unwrap()
}

/// Runs a task with each poll on another thread.
fn wander<F>(runtime: &Handle, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = runtime.clone();
    thread::spawn(move || {
        let mut future = Box::pin(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match poll_elsewhere(&runtime, future.as_mut(), &waker) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    })
}

/// Returns the number of its run, which waits at its barrier.
async fn rates(stage: Stage) -> String {
    let cache = stage.cache.clone();
    let compute = || async move {
        let run = stage.run_at_barrier().await;
        Ok::<_, Infallible>(format!("run {run}"))
    };
    cache.get_or_compute("rates", 60, compute).await.unwrap()
}

fn routes(app: &mut web::ServiceConfig) {
    let asked = |stage: Data<Stage>| rates(Stage::clone(&stage));
    app.route("/rates", web::get().to(asked));
}

#[test]
fn the_future_of_a_value_is_send_where_its_computation_is() {
    fn assert_send<T: Send>(asked: T) {
        drop(asked);
    }
    let cache = ResponseCache::builder().build();
    assert_send(cache.get_or_compute("a", 60, || async {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(7)
    }));
    // What is `Send` and not `Sync` is enough.
    let key = String::from("b");
    assert_send(
        cache.get_or_compute(key, Duration::from_secs(60), || async {
            let value = Cell::new(7);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(value)
        }),
    );
    assert_send(
        cache.get_or_compute_if("c", 60, || async { Err::<Cacheable<u8>, _>(Cell::new(7)) }),
    );
}

#[actix_web::test]
async fn a_computation_that_stays_on_its_thread_is_awaited_there() {
    let cache = ResponseCache::builder().build();
    let shared = Rc::new(Cell::new(7));
    let asked = rt::spawn(async move {
        let compute = || async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(shared.get())
        };
        cache.get_or_compute("a", 60, compute).await
    });
    assert_eq!(asked.await.unwrap(), Ok(7));
}

#[test]
fn tasks_that_move_between_threads_wait_for_one_computation() {
    let (runtime, stage) = (runtime(), Stage::new(ResponseCache::builder().build()));
    let ask = |_| wander(&runtime, rates(stage.clone()));
    let all: Vec<_> = (0..20).map(ask).collect();
    let spawned = runtime.spawn(rates(stage.clone()));
    eventually("all have asked", || stage.cache.stats().values.misses == 21);
    stage.barriers.wait_arrived("run 1", 1, TIMEOUT);
    stage.release(1);
    for asked in all {
        assert_eq!(asked.join().unwrap(), "run 1");
    }
    eventually("it has ended", || spawned.is_finished());
    assert_eq!((stage.runs(), stage.cache.stats().running), (1, 0));
}

#[test]
fn a_task_and_the_requests_of_workers_wait_for_one_computation() {
    for task_first in [true, false] {
        let (runtime, stage) = (runtime(), Stage::new(ResponseCache::builder().build()));
        let server = stage.serve(2, routes);
        let address = server.address();
        let task = || wander(&runtime, rates(stage.clone()));
        let request =
            || thread::spawn(move || fetch(address, &Request::get("/rates")).unwrap().text());
        let first = if task_first { task() } else { request() };
        stage.barriers.wait_arrived("run 1", 1, TIMEOUT);
        let others = [task(), request(), request()];
        eventually("all have asked", || stage.cache.stats().values.misses == 4);
        stage.release(1);
        for asked in [first].into_iter().chain(others) {
            assert_eq!(asked.join().unwrap(), "run 1");
        }
        assert_eq!(stage.runs(), 1);
    }
}

#[test]
fn a_task_that_is_dropped_off_the_workers_leaves_its_lead_to_a_waiter() {
    let (runtime, stage) = (runtime(), Stage::new(ResponseCache::builder().build()));
    let mut leader = Box::pin(rates(stage.clone()));
    assert!(poll_elsewhere(&runtime, leader.as_mut(), Waker::noop()).is_pending());
    stage.barriers.wait_arrived("run 1", 1, TIMEOUT);
    let waiter = wander(&runtime, rates(stage.clone()));
    eventually("it follows", || stage.cache.stats().values.misses == 2);
    drop(leader);
    stage.release(2);
    assert_eq!(waiter.join().unwrap(), "run 2");
    assert_eq!(
        wander(&runtime, rates(stage.clone())).join().unwrap(),
        "run 2"
    );
    assert_eq!(stage.cache.stats().running, 0);
}

#[test]
fn tasks_find_the_value_of_another_process_in_a_remote_store() {
    let (runtime, store) = (runtime(), InProcessStore::new());
    let node = |run| {
        // No test is about a slow machine.
        let builder = ResponseCache::builder().remote(store.clone());
        let stage = Stage::new(builder.remote_timeout(TIMEOUT).build());
        stage.release(run);
        stage
    };
    let (one, other) = (node(1), node(1));
    assert_eq!(
        wander(&runtime, rates(one.clone())).join().unwrap(),
        "run 1"
    );
    let settled = one.cache;
    wander(&runtime, async move { settled.settled().await })
        .join()
        .unwrap();
    assert_eq!(
        wander(&runtime, rates(other.clone())).join().unwrap(),
        "run 1"
    );
    assert_eq!(
        (other.runs(), other.cache.stats().values.remote_hits),
        (0, 1)
    );
}
