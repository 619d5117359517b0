use super::*;
use crate::testing::mock_store::{Behaviour, Listener, MockStore, Told, soon, wait_for};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};
use tokio::sync::oneshot;

fn calls(mood: Behaviour) -> (RemoteClient, Arc<MockStore>, Listener) {
    calls_with(mood, Vec::new())
}

fn calls_with(
    mood: Behaviour,
    recoveries: Vec<Recovery>,
) -> (RemoteClient, Arc<MockStore>, Listener) {
    let (store, told) = MockStore::new(mood);
    let calls = RemoteClient::new(store.clone(), "the probe".into(), recoveries);
    (calls, store, told)
}

/// More than any of these tests takes.
fn patient() -> Budget {
    Budget::new(Duration::from_secs(30))
}

/// Long enough for a call to begin, on a busy machine as well.
fn brief() -> Budget {
    Budget::new(Duration::from_secs(1))
}

async fn delete(calls: &RemoteClient, allowance: &Budget, name: &str) -> Result<(), CallError> {
    let name = name.to_owned();
    let what = |store: Arc<dyn Store>| -> StoreFuture<'static, ()> {
        Box::pin(async move { store.delete(&name).await })
    };
    calls.call(allowance, what).await
}

async fn open(calls: &RemoteClient, store: &MockStore) {
    store.be(Behaviour::Fail(StoreErrorKind::Unreachable));
    for _ in 0..3 {
        assert!(delete(calls, &patient(), "in vain").await.is_err());
    }
    assert!(calls.is_open());
}

async fn is_well_again(calls: &RemoteClient) {
    soon(async {
        while calls.is_open() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_is_made_on_the_io_thread_and_its_answer_comes_back() {
    let (calls, ..) = calls(Behaviour::Answer);
    let where_it_is = |_| -> StoreFuture<'static, Option<String>> {
        Box::pin(async { Ok(thread::current().name().map(Into::into)) })
    };
    let answer = calls.call(&patient(), where_it_is).await;
    assert_eq!(answer, Ok(Some("cached-response-io".into())));
    assert_eq!(calls.stats().calls, 1);
}

#[tokio::test]
async fn a_call_that_fails_says_why() {
    let (calls, ..) = calls(Behaviour::Fail(StoreErrorKind::Refused));
    let error = StoreError::new(StoreErrorKind::Refused, "as it was told to");
    let ended = delete(&calls, &patient(), "one").await;
    assert_eq!(ended, Err(CallError::Failed(error)));
    assert_eq!(calls.stats().failed(StoreErrorKind::Refused), 1);
}

#[tokio::test]
async fn a_panic_of_the_store_is_a_failure() {
    let (calls, ..) = calls(Behaviour::Panic);
    for _ in 0..3 {
        let ended = delete(&calls, &patient(), "one").await;
        assert!(matches!(ended, Err(CallError::Failed(_))), "{ended:?}");
    }
    assert_eq!(calls.stats().failed(StoreErrorKind::Protocol), 3);
    assert!(calls.is_open());
}

#[tokio::test]
async fn a_call_is_given_up_and_dropped_when_its_time_is_over() {
    let (calls, _, mut told) = calls(Behaviour::Hang);
    let ended = soon(delete(&calls, &brief(), "one")).await;
    assert_eq!(ended, Err(CallError::Slow));
    assert_eq!(told.gone().await, "one");
    assert_eq!(calls.stats().slow, 1);
}

#[tokio::test]
async fn all_calls_of_a_request_share_its_time() {
    let (calls, _, mut told) = calls(Behaviour::Hang);
    let allowance = brief();
    assert_eq!(
        delete(&calls, &allowance, "first").await,
        Err(CallError::Slow)
    );
    assert_eq!(
        delete(&calls, &allowance, "second").await,
        Err(CallError::Slow)
    );
    assert_eq!(told.gone().await, "first");
    assert_eq!(told.unheard(), [], "nothing was asked a second time");
    assert_eq!((calls.stats().calls, calls.stats().slow), (1, 2));
}

#[tokio::test]
async fn a_call_is_dropped_with_its_caller() {
    let (calls, _, mut told) = calls(Behaviour::Hang);
    let allowance = patient();
    {
        let mut call = std::pin::pin!(delete(&calls, &allowance, "one"));
        tokio::select! {
            ended = &mut call => unreachable!("it hangs: {ended:?}"),
            name = told.begun() => assert_eq!(name, "one"),
        }
    }
    assert_eq!(told.gone().await, "one");
    assert!(
        allowance.left() < Duration::from_secs(30),
        "its wait is spent"
    );
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_is_stuck() {
    let (calls, ..) = calls(Behaviour::Answer);
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
    let stuck = calls.clone();
    let first = tokio::spawn(async move { stuck.call(&patient(), blocking).await });
    soon(begun).await.unwrap();
    // Others wait for this thread, too: not for long.
    let hardly = Budget::new(Duration::from_millis(20));
    let second = soon(delete(&calls, &hardly, "two")).await;
    assert_eq!(second, Err(CallError::Slow));
    drop(let_go);
    assert_eq!(soon(first).await.unwrap(), Ok(()));
    assert_eq!(delete(&calls, &patient(), "three").await, Ok(()));
}

#[tokio::test]
async fn a_call_outside_of_a_runtime_is_given_up_as_well() {
    let (calls, ..) = calls(Behaviour::Hang);
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let ended = wait_for(delete(&calls, &brief(), "one"));
        tell.send(ended).unwrap();
    });
    assert_eq!(soon(told).await.unwrap(), Err(CallError::Slow));
}

/// The task that would have it go is never polled.
#[test]
fn a_call_in_a_runtime_that_nobody_drives_is_made_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let (calls, ..) = calls(Behaviour::Answer);
    assert_eq!(wait_for(delete(&calls, &brief(), "one")), Ok(()));
}

/// A slow store delays no request past the budget.
#[tokio::test]
async fn no_more_calls_are_under_way_than_may_be() {
    let (calls, store, mut told) = calls(Behaviour::Hold);
    let begin = |n: usize| {
        let calls = calls.clone();
        tokio::spawn(async move { delete(&calls, &patient(), &n.to_string()).await })
    };
    let under_way: Vec<_> = (0..CAP).map(begin).collect();
    for _ in 0..CAP {
        told.begun().await;
    }
    for n in 0..3 {
        assert_eq!(begin(n).await.unwrap(), Err(CallError::Crowded));
    }
    store.let_go(CAP + 1);
    for call in under_way {
        assert_eq!(soon(call).await.unwrap(), Ok(()));
    }
    assert_eq!(begin(0).await.unwrap(), Ok(()), "there is room again");
    assert_eq!((store.most(), calls.stats().crowded), (CAP, 3));
    assert!(!calls.is_open(), "a crowd is no failure");
}

#[tokio::test]
async fn a_call_that_was_given_up_has_its_place_until_the_store_has_let_go_of_it() {
    let (calls, _, mut told) = calls(Behaviour::Hang);
    let free = || calls.0.slots.available_permits();
    assert!(soon(delete(&calls, &brief(), "one")).await.is_err());
    assert_eq!(told.gone().await, "one");
    soon(async {
        while free() < CAP {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_of_a_store_that_has_failed_but_the_probe() {
    let (calls, store, mut told) = calls(Behaviour::Answer);
    open(&calls, &store).await;
    told.unheard();
    store.be(Behaviour::Hang);
    for _ in 0..100 {
        let refused = delete(&calls, &patient(), "refused").await;
        assert_eq!(refused, Err(CallError::Open));
    }
    assert_eq!(told.begun().await, "the probe");
    assert_eq!((calls.stats().refused, calls.stats().opened), (100, 1));
    assert_eq!(calls.stats().calls, 3);
}

#[tokio::test]
async fn probes_go_on_until_one_succeeds() {
    let (calls, store, mut told) = calls(Behaviour::Answer);
    open(&calls, &store).await;
    told.unheard();
    assert_eq!(told.begun().await, "the probe");
    store.be(Behaviour::Panic);
    assert_eq!(told.begun().await, "the probe");
    assert!(calls.is_open());
    store.be(Behaviour::Answer);
    is_well_again(&calls).await;
    assert_eq!(delete(&calls, &patient(), "one").await, Ok(()));
}

#[tokio::test]
async fn a_store_that_fails_again_is_probed_again() {
    let (calls, store, _told) = calls(Behaviour::Answer);
    for times in 1..=2 {
        open(&calls, &store).await;
        store.be(Behaviour::Answer);
        is_well_again(&calls).await;
        assert_eq!(calls.stats().opened, times);
    }
}

#[tokio::test]
async fn what_must_be_done_first_is_done_before_calls_go_through() {
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
    let (calls, store, mut told) = calls_with(Behaviour::Answer, vec![first, second]);
    open(&calls, &store).await;
    store.be(Behaviour::Answer);
    soon(is_reached.recv()).await.unwrap();
    assert_eq!(
        delete(&calls, &patient(), "one").await,
        Err(CallError::Open)
    );
    assert!(!is_done.load(SeqCst), "in their order");
    gate.add_permits(1);
    is_well_again(&calls).await;
    assert!(is_done.load(SeqCst));
    let heard = told.unheard();
    assert!(
        heard.contains(&Told::Gone("from the recovery".into())),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_recovery_that_fails_leaves_the_store_unwell() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let second_time: Recovery = Box::new(move |_| {
        let is_first = counted.fetch_add(1, SeqCst) == 0;
        let error = StoreError::new(StoreErrorKind::Refused, "not yet");
        Box::pin(async move { if is_first { Err(error) } else { Ok(()) } })
    });
    let (calls, store, _told) = calls_with(Behaviour::Answer, vec![second_time]);
    open(&calls, &store).await;
    store.be(Behaviour::Answer);
    is_well_again(&calls).await;
    assert_eq!(tries.load(SeqCst), 2);
}

#[tokio::test]
async fn probing_ends_with_the_last_owner() {
    let (calls, store, mut told) = calls(Behaviour::Answer);
    open(&calls, &store).await;
    store.be(Behaviour::Hang);
    told.unheard();
    assert_eq!(told.begun().await, "the probe");
    drop(calls);
    assert_eq!(told.gone().await, "the probe");
    soon(async {
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
