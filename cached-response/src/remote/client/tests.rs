use super::*;
use crate::{
    store::StoreError,
    testing::mock_store::{Behaviour, CallEvent, Events, MockStore, soon, wait_for},
};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};
use tokio::sync::oneshot;

fn client(behaviour: Behaviour) -> (RemoteClient, Arc<MockStore>, Events) {
    client_with(behaviour, Vec::new())
}

fn client_with(
    behaviour: Behaviour,
    recoveries: Vec<Recovery>,
) -> (RemoteClient, Arc<MockStore>, Events) {
    let (store, events) = MockStore::new(behaviour);
    let client = RemoteClient::new(store.clone(), "the probe".into(), recoveries);
    (client, store, events)
}

/// Budget of more time than any of these tests takes.
fn long() -> Budget {
    Budget::new(Duration::from_secs(30))
}

/// Budget that suffices for a call to start on a busy machine.
fn short() -> Budget {
    Budget::new(Duration::from_secs(1))
}

async fn delete(client: &RemoteClient, budget: &Budget, name: &str) -> Result<(), CallError> {
    let name = name.to_owned();
    let call = |store: Arc<dyn Store>| -> StoreFuture<'static, ()> {
        Box::pin(async move { store.delete(&name).await })
    };
    client.call(budget, call).await
}

async fn open(client: &RemoteClient, store: &MockStore) {
    store.set_behaviour(Behaviour::Fail(StoreErrorKind::Unreachable));
    for _ in 0..3 {
        assert!(delete(client, &long(), "in vain").await.is_err());
    }
    assert!(client.is_open());
}

async fn recovered(client: &RemoteClient) {
    soon(async {
        while client.is_open() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_runs_on_the_io_thread_and_returns_its_result() {
    let (client, ..) = client(Behaviour::Answer);
    let where_it_is = |_| -> StoreFuture<'static, Option<String>> {
        Box::pin(async { Ok(thread::current().name().map(Into::into)) })
    };
    let answer = client.call(&long(), where_it_is).await;
    assert_eq!(answer, Ok(Some("cached-response-io".into())));
    assert_eq!(client.stats().calls, 1);
}

#[tokio::test]
async fn a_failed_call_returns_the_error_of_the_store() {
    let (client, ..) = client(Behaviour::Fail(StoreErrorKind::Refused));
    let error = StoreError::new(StoreErrorKind::Refused, "injected by the test");
    let ended = delete(&client, &long(), "one").await;
    assert_eq!(ended, Err(CallError::Failed(error)));
    assert_eq!(client.stats().failed(StoreErrorKind::Refused), 1);
}

#[tokio::test]
async fn a_panic_of_the_store_is_a_failure() {
    let (client, ..) = client(Behaviour::Panic);
    for _ in 0..3 {
        let ended = delete(&client, &long(), "one").await;
        assert!(matches!(ended, Err(CallError::Failed(_))), "{ended:?}");
    }
    assert_eq!(client.stats().failed(StoreErrorKind::Protocol), 3);
    assert!(client.is_open());
}

#[tokio::test]
async fn a_call_is_dropped_at_its_timeout() {
    let (client, _, mut events) = client(Behaviour::Hang);
    let ended = soon(delete(&client, &short(), "one")).await;
    assert_eq!(ended, Err(CallError::Timeout));
    assert_eq!(events.ended().await, "one");
    assert_eq!(client.stats().slow, 1);
}

#[tokio::test]
async fn all_calls_of_a_request_share_its_budget() {
    let (client, _, mut events) = client(Behaviour::Hang);
    let budget = short();
    assert_eq!(
        delete(&client, &budget, "first").await,
        Err(CallError::Timeout)
    );
    assert_eq!(
        delete(&client, &budget, "second").await,
        Err(CallError::Timeout)
    );
    assert_eq!(events.ended().await, "first");
    assert_eq!(events.drain(), [], "the second call was not made");
    assert_eq!((client.stats().calls, client.stats().slow), (1, 2));
}

#[tokio::test]
async fn a_call_is_dropped_with_its_caller() {
    let (client, _, mut events) = client(Behaviour::Hang);
    let budget = long();
    {
        let mut call = std::pin::pin!(delete(&client, &budget, "one"));
        tokio::select! {
            ended = &mut call => unreachable!("it hangs: {ended:?}"),
            name = events.started() => assert_eq!(name, "one"),
        }
    }
    assert_eq!(events.ended().await, "one");
    assert!(
        budget.remaining() < Duration::from_secs(30),
        "the time of the wait is charged"
    );
}

#[tokio::test]
async fn a_call_times_out_while_the_io_thread_is_blocked() {
    let (client, ..) = client(Behaviour::Answer);
    let (let_go, stuck) = mpsc::channel::<()>();
    let (tell, begun) = oneshot::channel();
    let blocking = move |_| -> StoreFuture<'static, ()> {
        Box::pin(async move {
            let _ = tell.send(());
            // Ends when the other half is dropped, by a failed assertion as well.
            let _ = stuck.recv();
            Ok(())
        })
    };
    let stuck = client.clone();
    let first = tokio::spawn(async move { stuck.call(&long(), blocking).await });
    soon(begun).await.unwrap();
    // Another call to the blocked thread times out.
    let hardly = Budget::new(Duration::from_millis(20));
    let second = soon(delete(&client, &hardly, "two")).await;
    assert_eq!(second, Err(CallError::Timeout));
    drop(let_go);
    assert_eq!(soon(first).await.unwrap(), Ok(()));
    assert_eq!(delete(&client, &long(), "three").await, Ok(()));
}

#[tokio::test]
async fn a_call_outside_of_a_runtime_times_out_as_well() {
    let (client, ..) = client(Behaviour::Hang);
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let ended = wait_for(delete(&client, &short(), "one"));
        tell.send(ended).unwrap();
    });
    assert_eq!(soon(told).await.unwrap(), Err(CallError::Timeout));
}

/// The task that would send the batch is never polled.
#[test]
fn a_call_in_a_runtime_that_is_not_driven_is_made_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let (client, ..) = client(Behaviour::Answer);
    assert_eq!(wait_for(delete(&client, &short(), "one")), Ok(()));
}

/// A slow store delays no request past the budget.
#[tokio::test]
async fn the_number_of_concurrent_calls_is_bounded() {
    let (client, store, mut events) = client(Behaviour::Hold);
    let begin = |n: usize| {
        let client = client.clone();
        tokio::spawn(async move { delete(&client, &long(), &n.to_string()).await })
    };
    let under_way: Vec<_> = (0..MAX_CALLS).map(begin).collect();
    for _ in 0..MAX_CALLS {
        events.started().await;
    }
    for n in 0..3 {
        assert_eq!(begin(n).await.unwrap(), Err(CallError::TooManyCalls));
    }
    store.release(MAX_CALLS + 1);
    for call in under_way {
        assert_eq!(soon(call).await.unwrap(), Ok(()));
    }
    assert_eq!(begin(0).await.unwrap(), Ok(()), "a slot is free again");
    assert_eq!(
        (store.max_concurrent(), client.stats().over_max_calls),
        (MAX_CALLS, 3)
    );
    assert!(!client.is_open(), "a refused call is no failure");
}

#[tokio::test]
async fn a_call_that_timed_out_holds_its_slot_until_the_store_drops_it() {
    let (client, _, mut events) = client(Behaviour::Hang);
    let free = || client.slots.available_permits();
    assert!(soon(delete(&client, &short(), "one")).await.is_err());
    assert_eq!(events.ended().await, "one");
    soon(async {
        while free() < MAX_CALLS {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_breaker_lets_only_the_probe_through() {
    let (client, store, mut events) = client(Behaviour::Answer);
    open(&client, &store).await;
    events.drain();
    store.set_behaviour(Behaviour::Hang);
    for _ in 0..100 {
        let refused = delete(&client, &long(), "refused").await;
        assert_eq!(refused, Err(CallError::BreakerOpen));
    }
    assert_eq!(events.started().await, "the probe");
    assert_eq!((client.stats().refused, client.stats().opened), (100, 1));
    assert_eq!(client.stats().calls, 3);
}

#[tokio::test]
async fn probes_are_repeated_until_one_succeeds() {
    let (client, store, mut events) = client(Behaviour::Answer);
    open(&client, &store).await;
    events.drain();
    assert_eq!(events.started().await, "the probe");
    store.set_behaviour(Behaviour::Panic);
    assert_eq!(events.started().await, "the probe");
    assert!(client.is_open());
    store.set_behaviour(Behaviour::Answer);
    recovered(&client).await;
    assert_eq!(delete(&client, &long(), "one").await, Ok(()));
}

#[tokio::test]
async fn a_store_that_fails_again_is_probed_again() {
    let (client, store, _events) = client(Behaviour::Answer);
    for times in 1..=2 {
        open(&client, &store).await;
        store.set_behaviour(Behaviour::Answer);
        recovered(&client).await;
        assert_eq!(client.stats().opened, times);
    }
}

#[tokio::test]
async fn recoveries_run_in_order_before_calls_are_admitted() {
    let (reached, mut is_reached) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let shut = Arc::clone(&gate);
    let first: Recovery = Box::new(move |store| {
        let (reached, shut) = (reached.clone(), Arc::clone(&shut));
        Box::pin(async move {
            reached.send(()).unwrap();
            let _go = shut.acquire().await.unwrap();
            store.delete("from the recovery").await
        })
    });
    let is_done = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&is_done);
    let second: Recovery = Box::new(move |_| {
        done.store(true, SeqCst);
        Box::pin(async { Ok(()) })
    });
    let (client, store, mut events) = client_with(Behaviour::Answer, vec![first, second]);
    open(&client, &store).await;
    store.set_behaviour(Behaviour::Answer);
    soon(is_reached.recv()).await.unwrap();
    assert_eq!(
        delete(&client, &long(), "one").await,
        Err(CallError::BreakerOpen)
    );
    assert!(
        !is_done.load(SeqCst),
        "the second recovery waits for the first"
    );
    gate.add_permits(1);
    recovered(&client).await;
    assert!(is_done.load(SeqCst));
    let drained = events.drain();
    assert!(
        drained.contains(&CallEvent::Ended("from the recovery".into())),
        "{drained:?}"
    );
}

#[tokio::test]
async fn a_failed_recovery_keeps_the_breaker_open() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let second_time: Recovery = Box::new(move |_| {
        let is_first = counted.fetch_add(1, SeqCst) == 0;
        let error = StoreError::new(StoreErrorKind::Refused, "not yet");
        Box::pin(async move { if is_first { Err(error) } else { Ok(()) } })
    });
    let (client, store, _events) = client_with(Behaviour::Answer, vec![second_time]);
    open(&client, &store).await;
    store.set_behaviour(Behaviour::Answer);
    recovered(&client).await;
    assert_eq!(tries.load(SeqCst), 2);
}

#[tokio::test]
async fn probing_ends_with_the_last_client() {
    let (client, store, mut events) = client(Behaviour::Answer);
    open(&client, &store).await;
    store.set_behaviour(Behaviour::Hang);
    events.drain();
    assert_eq!(events.started().await, "the probe");
    drop(client);
    assert_eq!(events.ended().await, "the probe");
    soon(async {
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn spent(total: Duration, spent: Duration) -> Budget {
    let budget = Budget::new(total);
    let nanos = u64::try_from(spent.as_nanos()).unwrap();
    budget.spent_nanos.store(nanos, Relaxed);
    budget
}

#[test]
fn time_in_calls_is_spent_and_time_between_them_is_not() {
    let budget = Budget::new(Duration::from_secs(3_600));
    assert_eq!(budget.remaining(), Duration::from_secs(3_600));
    let mut before = budget.remaining();
    for _ in 0..2 {
        let guard = budget.charge().unwrap();
        assert_eq!(budget.remaining(), before);
        while guard.started_at.elapsed().is_zero() {}
        drop(guard);
        assert!(budget.remaining() < before);
        before = budget.remaining();
    }
}

#[test]
fn no_call_starts_when_the_budget_is_used_up() {
    let second = Duration::from_secs(1);
    let nearly = spent(second, Duration::from_nanos(999_999_999));
    assert!(nearly.charge().is_some());
    assert!(spent(second, second).charge().is_none());
    assert!(spent(second, second * 2).charge().is_none());
    assert!(Budget::new(Duration::ZERO).charge().is_none());
}

#[test]
fn a_call_with_half_of_the_budget_has_a_fair_time() {
    let ms = Duration::from_millis;
    assert!(spent(ms(50), ms(25)).charge().unwrap().is_fair());
    assert!(!spent(ms(50), ms(26)).charge().unwrap().is_fair());
}

#[test]
fn no_budget_overflows_the_clock() {
    let budget = Budget::new(Duration::MAX);
    let end = Instant::now().checked_add(budget.charge().unwrap().remaining());
    assert!(end.unwrap() > Instant::now());
}
