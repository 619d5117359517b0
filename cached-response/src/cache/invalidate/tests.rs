//! Invalidation in two caches that share a store.

use super::{Invalidation, invalidate_after};
use crate::{
    InvalidationError,
    cache::ResponseCache,
    http::unsafe_methods::UnsafeRequest,
    invalidation::generation::{Snapshot, Validity},
    policy::Policy,
    route::config::RouteConfig,
    store::StoreErrorKind,
    testing::{ManualClock, in_process_store::InProcessStore},
};
use actix_web::{
    http::{Method, StatusCode, header::HeaderMap},
    test::TestRequest,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A cache whose subscriber is connected.
async fn node(store: &InProcessStore, clock: &ManualClock) -> ResponseCache {
    let published = calls(store, "publish");
    let cache = ResponseCache::builder()
        .remote(store.clone())
        .clock(clock)
        // Long enough for a loaded machine.
        .invalidation_timeout(Duration::from_secs(30))
        .build();
    // It publishes a heartbeat when it is subscribed.
    eventually(|| calls(store, "publish") > published).await;
    cache
}

fn calls(store: &InProcessStore, method: &str) -> usize {
    store.calls().get(method).copied().unwrap_or_default()
}

/// Waits for another thread.
async fn eventually(condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(std::time::Instant::now() < until, "timed out");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The generations of a page with a tag.
fn page(cache: &ResponseCache) -> Snapshot {
    let mut config = RouteConfig::new(Policy::default().tags(["a"]), &[]);
    config.tags.set_handler("shop::page");
    let request = TestRequest::with_uri("/page?b=1").to_http_request();
    let target = config.target(&request);
    cache.shared().generations.snapshot(target)
}

type Call = fn(&ResponseCache) -> Invalidation;

#[actix_web::test]
async fn every_invalidation_applies_at_once_here_and_soon_in_other_processes() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let (ours, other) = (node(&store, &clock).await, node(&store, &clock).await);
    let invalidations: [(Call, Validity); 14] = [
        (|cache| cache.invalidate_all(), Validity::Invalidated),
        (
            |cache| cache.invalidate_path("/page"),
            Validity::Invalidated,
        ),
        (
            |cache| cache.invalidate_url("/page?b=1"),
            Validity::Invalidated,
        ),
        (|cache| cache.invalidate_tag("a"), Validity::Invalidated),
        (
            |cache| cache.invalidate_tags(["b", "a"]),
            Validity::Invalidated,
        ),
        (
            |cache| cache.invalidate_prefix("/page"),
            Validity::Invalidated,
        ),
        (
            |cache| cache.invalidate_route("shop::page"),
            Validity::Invalidated,
        ),
        (|cache| cache.expire_prefix("/page/"), Validity::Expired),
        (|cache| cache.expire_route("shop::page"), Validity::Expired),
        (|cache| cache.expire_all(), Validity::Expired),
        (|cache| cache.expire_path("/page"), Validity::Expired),
        (|cache| cache.expire_url("/page?b=1"), Validity::Expired),
        (|cache| cache.expire_tag("a"), Validity::Expired),
        (|cache| cache.expire_tags(["b", "a"]), Validity::Expired),
    ];
    for (index, (invalidate, validity)) in invalidations.into_iter().enumerate() {
        let (here, there) = (page(&ours), page(&other));
        let deletes = calls(&store, "delete_many");
        let invalidated = invalidate(&ours);
        assert_eq!(here.validity(), validity, "{index}");
        assert_eq!(invalidated.await, Ok(()), "{index}");
        assert_eq!(calls(&store, "delete_many"), deletes + 1, "{index}");
        eventually(|| there.validity() == validity).await;
        assert_eq!(here.validity(), validity, "it was bumped twice: {index}");
    }
}

#[actix_web::test]
async fn an_invalidation_that_the_store_refuses_applies_here_at_once_and_elsewhere_once_it_is_accepted()
 {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let (ours, other) = (node(&store, &clock).await, node(&store, &clock).await);
    let (here, there) = (page(&ours), page(&other));
    store.fail_only("delete_many", StoreErrorKind::Refused);
    let outcome = ours.invalidate_tag("a").await;
    assert!(
        matches!(outcome, Err(InvalidationError::Refused(_))),
        "{outcome:?}"
    );
    assert_eq!(here.validity(), Validity::Invalidated);
    assert_eq!(there.validity(), Validity::Current);
    store.heal();
    eventually(|| {
        clock.advance(SECOND);
        there.validity() == Validity::Invalidated
    })
    .await;
}

#[actix_web::test]
async fn an_unsafe_request_invalidates_in_other_processes_and_a_safe_one_sends_nothing() {
    let (store, clock) = (InProcessStore::new(), ManualClock::new());
    let (ours, other) = (node(&store, &clock).await, node(&store, &clock).await);
    let there = page(&other);
    let answered = |method: &Method| {
        let uri = "/page".parse().unwrap();
        let asked = UnsafeRequest::of(method, &uri, &HeaderMap::new());
        invalidate_after(ours.shared(), &asked, StatusCode::OK, &HeaderMap::new())
    };
    assert_eq!(answered(&Method::GET).await, Ok(()));
    assert_eq!(ours.invalidate_tags([""; 0]).await, Ok(()));
    assert_eq!(answered(&Method::PUT).await, Ok(()));
    eventually(|| there.validity() == Validity::Invalidated).await;
    assert_eq!(calls(&store, "delete_many"), 1);
}
