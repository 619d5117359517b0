//! Runs that request their own response: they would wait for themselves.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::{Responder, get, web};
use cached_response::{ResponseCache, cached_response};
use tests::stage::{InProcess, Stage};

use super::stage;

/// No test here waits: a run that takes this long has waited for itself.
const LONG: Duration = Duration::from_secs(4);

type Cache = ResponseCache;

/// The value under `key`, which depends on one under the next key, so many deep.
fn nested(cache: Cache, keys: Rc<Vec<&'static str>>, at: usize) -> BoxedValue {
    Box::pin(async move {
        let Some(key) = keys.get(at).copied() else {
            // So that others may come meanwhile.
            tokio::task::yield_now().await;
            return ".".to_owned();
        };
        let inner = cache.clone();
        let compute = move || async move {
            let rest = nested(inner, keys, at + 1).await;
            Ok::<_, ()>(format!("{key}{rest}"))
        };
        cache.get_or_compute(key, 60, compute).await.unwrap()
    })
}

type BoxedValue = std::pin::Pin<Box<dyn Future<Output = String>>>;

#[actix_web::test]
async fn a_value_that_depends_on_itself_is_computed_at_once() {
    for keys in [
        vec!["a", "a"],
        vec!["a", "a", "a", "a"],
        vec!["a", "b", "a"],
        vec!["a", "b", "a", "b", "a"],
        vec!["a", "b", "c", "b"],
    ] {
        let cache = ResponseCache::builder().build();
        let expected = format!("{}.", keys.concat());
        let value = nested(cache.clone(), Rc::new(keys), 0);
        assert_eq!(timeout(LONG, value).await.as_ref(), Ok(&expected));
        assert_eq!(cache.stats().running, 0);
    }
}

#[actix_web::test]
async fn values_that_do_not_depend_on_themselves_are_waited_for() {
    let cache = ResponseCache::builder().build();
    let value = |keys| nested(cache.clone(), Rc::new(keys), 0);
    let (one, other) = tokio::join!(value(vec!["a", "c"]), value(vec!["b", "c"]));
    assert_eq!((one.as_str(), other.as_str()), ("ac.", "bc."));
    let stats = cache.stats().values;
    assert_eq!((stats.nested_runs, stats.collapsed), (0, 1));
}

/// Two callers, each of which leads the value that the other gets.
#[actix_web::test]
async fn two_runs_that_request_each_other_do_not_wait_for_each_other() {
    let stage = stage();
    let asks = |key: &'static str, other: &'static str| {
        let (stage, cache) = (stage.clone(), stage.cache.clone());
        let inner = cache.clone();
        let compute = move || async move {
            stage.barriers.at(key).await;
            let compute = || async { Ok::<_, ()>("inside".to_owned()) };
            let got = inner.get_or_compute(other, 60, compute).await?;
            Ok::<_, ()>(format!("{key} of {got}"))
        };
        async move { cache.get_or_compute(key, 60, compute).await.unwrap() }
    };
    let both = async { tokio::join!(asks("a", "b"), asks("b", "a")) };
    let open = async {
        stage.barriers.arrived("a", 1).await;
        stage.barriers.arrived("b", 1).await;
        stage.barriers.release("a");
        stage.barriers.release("b");
    };
    let ended = timeout(LONG, Box::pin(async { tokio::join!(both, open).0 })).await;
    let (a, b) = ended.expect("neither waits for itself");
    assert!(a.starts_with("a of ") && b.starts_with("b of "), "{a}, {b}");
    assert_eq!(stage.cache.stats().values.nested_runs, 1);
    assert_eq!(stage.cache.stats().running, 0);
}

thread_local! {
    /// The app that its own handlers send requests to.
    static APP: RefCell<Option<InProcess>> = const { RefCell::new(None) };
}

/// Requests its own URL, the first time it runs.
#[get("/itself")]
#[cached_response(timeout = 60)]
async fn itself(stage: web::Data<Stage>) -> impl Responder {
    let run = stage.run();
    if run > 1 {
        return format!("run {run}");
    }
    let app = APP.with_borrow(Clone::clone).expect("the test has set it");
    format!("run {run} of {}", app.text_here("/itself").await)
}

#[actix_web::test]
async fn a_handler_that_requests_its_own_page_is_answered_at_once() {
    let stage = stage();
    let app = stage.app(|app| _ = app.service(itself)).await;
    APP.set(Some(app.clone()));
    let answer = timeout(LONG, app.get("/itself").text()).await;
    assert_eq!(answer.as_deref(), Ok("run 1 of run 2"));
    assert_eq!(stage.cache.stats().nested_runs, 1);
    // Of the two that ran it is the later one that is stored.
    assert_eq!(app.get("/itself").text().await, "run 2");
    APP.take();
}
